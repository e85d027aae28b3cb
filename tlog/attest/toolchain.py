"""Versions of what builds: Python and platform, and what the lock files hint at."""

import platform
from collections.abc import Collection
from pathlib import Path
from typing import Final

from tlog import __version__
from tlog.attest.commands import ask

# Asked for only where a lock file says that they matter: each costs a process.
_TOOLS: Final = {
    "package-lock.json": (("node", ("node", "--version")),),
    "npm-shrinkwrap.json": (("node", ("node", "--version")),),
    "yarn.lock": (("node", ("node", "--version")),),
    "pnpm-lock.yaml": (("node", ("node", "--version")),),
    "go.sum": (("go", ("go", "version")),),
    "go.mod": (("go", ("go", "version")),),
    "Cargo.lock": (("rustc", ("rustc", "--version")),),
    "Gemfile.lock": (("ruby", ("ruby", "--version")),),
}


def read_toolchain(folder: Path, lock_files: Collection[str]) -> dict[str, str]:
    """Return versions by the names of tools.

    lock_files: the names of those in `folder`.
    """
    versions = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": f"{platform.system()} {platform.machine()}".strip(),
        "tlog": __version__,
    }
    for name in sorted(lock_files):
        for tool, command in _TOOLS.get(name, ()):
            if tool not in versions and (said := ask(command, folder)):
                versions[tool] = said.partition("\n")[0][:200]
    return versions
