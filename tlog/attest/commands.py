"""Asking other programs: a bounded line of output, or nothing."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tlog.attest.redaction import is_secret

_TIMEOUT_S: Final = 10
_MAX_CHARS: Final = 4096


def ask(
    command: Sequence[str],
    folder: Path,
    more: Mapping[str, str] | None = None,
    *,
    most_chars: int = _MAX_CHARS,
) -> str | None:
    """Run a program in `folder` and return what it says, cut at `most_chars`.

    None if it is not installed, fails, or takes more than 10 seconds: what it knows is
    then not told, and nothing else depends on it.  It inherits the environment without
    what looks secret there: it needs none of that to tell a version or a revision.
    Nor is it handed git's settings (GIT_CONFIG_*), which may hold credentials.

    more: variables for this program alone.
    """
    plain = {
        name: it
        for name, it in os.environ.items()
        if not is_secret(name, it) and not name.startswith("GIT_CONFIG_")
    }
    try:
        ended = subprocess.run(  # noqa: S603 - the commands stand in this room
            command,
            cwd=folder,
            env={**plain, **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if ended.returncode != 0:
        return None
    return ended.stdout[:most_chars].decode("utf-8", "replace").strip()
