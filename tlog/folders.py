"""A folder of one role, held by one process; and files that are written whole."""

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlog.errors import RejectedError

_MARKS: Final = {"log": "format", "witness": "witness.vkey", "monitor": "monitor.db"}
# Of nearly every file system.
_MAX_NAME_BYTES: Final = 255


def require_own_folder(root: Path, role: str) -> None:
    """Raise RejectedError if a folder belongs to another role: their files differ."""
    for other, mark in _MARKS.items():
        if other != role and (root / mark).exists():
            raise RejectedError(f"{root} is the folder of a {other}; choose another")


@contextmanager
def making_folder(root: Path) -> Iterator[None]:
    """Let an OSError of making a folder's parts name that folder, and what to do.

    Whoever named it does not know its parts.
    """
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise RejectedError(f"{root} is no folder: choose another") from error
    except OSError as error:
        why = f"the folder cannot be made or written to: {error.strerror}"
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            why += "; choose another, or let this user write there"
        raise OSError(error.errno, why, str(root)) from error


def hold_folder(root: Path) -> FileLock:
    """Take an existing folder until the lock is released or this process ends.

    Raises RejectedError if another process holds it.
    """
    lock = FileLock(root / "lock", blocking=False, thread_local=False)
    with making_folder(root):
        try:
            lock.acquire()
        except Timeout:
            why = f"another process holds {root}; stop it first"
            raise RejectedError(why) from None
    return lock


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file durably: it is there whole, or as it was before."""
    write_all_whole({path: content})


def write_all_whole(files: Mapping[Path, bytes]) -> None:
    """Write or replace files durably, in their order; each is whole or as before.

    None is replaced before all are written.  A file that was there keeps its mode.

    Raises OSError that names the file; no draft is left.
    """
    drafts: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            # Nobody can lay a link under a name that is not known before.
            drafts[path] = path.with_name(_draft_name(path.name))
            with _naming(path):
                _write_draft(drafts[path], content, path)
        for path, draft in drafts.items():
            with _naming(path):
                draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    for folder in {path.parent for path in files}:
        _sync_folder(folder)


def _draft_name(name: str) -> str:
    """Return a new name that tells whose draft it is, where that leaves room for it."""
    draft = f".{name}.{secrets.token_hex(8)}.new"
    if len(os.fsencode(draft)) <= _MAX_NAME_BYTES:
        return draft
    return f".draft.{secrets.token_hex(8)}.new"


def _write_draft(draft: Path, content: bytes, path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o666), "wb") as file:
        if path.is_file():
            os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Let an OSError name this file, rather than its draft or no file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
