"""Lock files: what a build was pinned to, by the digest of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlogverify.files import sha256_file

MAX_LOCK_FILES: Final = 64
_MAX_BYTES: Final = 64 << 20

LOCK_FILE_NAMES: Final = frozenset(
    (
        *("poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"),
        *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml"),
        *("go.sum", "go.mod", "Cargo.lock", "Gemfile.lock", "composer.lock"),
        *("gradle.lockfile", "flake.lock", "packages.lock.json"),
    )
)


@dataclass(frozen=True, slots=True)
class LockFile:
    """One lock file of a folder, by its name there."""

    name: str
    sha256: bytes


def read_lock_files(folder: Path) -> tuple[LockFile, ...]:
    """Return the lock files directly in `folder`, by name, at most 64.

    requirements*.txt are among them.  Files above 64 MiB and what is no regular file
    are passed over.
    """
    return tuple(
        LockFile(path.name, sha256_file(path)) for path in _lock_files(folder)
    )[:MAX_LOCK_FILES]


def _lock_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        is_lock = path.name in LOCK_FILE_NAMES or (
            path.name.startswith("requirements") and path.name.endswith(".txt")
        )
        if is_lock and path.is_file() and path.stat().st_size <= _MAX_BYTES:
            yield path
