"""Whose a folder is, and that one process holds it."""

from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlog.errors import RejectedError

_MARKS: Final = {"log": "format", "witness": "witness.vkey", "monitor": "monitor.db"}


def require_own_folder(root: Path, role: str) -> None:
    """Raise RejectedError if a folder belongs to another role: their files differ."""
    for other, mark in _MARKS.items():
        if other != role and (root / mark).exists():
            raise RejectedError(
                "other-folder", f"{root} is the folder of a {other}; choose another"
            )


def hold_folder(root: Path) -> FileLock:
    """Take an existing folder until the lock is released or this process ends.

    Raises RejectedError if another process holds it.
    """
    lock = FileLock(root / "lock", blocking=False, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        raise RejectedError(
            "locked", f"another process holds {root}; stop it first"
        ) from None
    return lock
