"""Whose a folder is, that one process holds it, and files that are there whole."""

import os
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


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file durably: it is there whole, or as it was before."""
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
