"""A folder of one role, held by one process; who may read what; files that are whole.

The modes of a role's files do not depend on the umask: they are given when a file is
made, and again by each start.  Files that a person asks for, such as proofs, have the
mode that the umask leaves.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlog.errors import RejectedError

_MARKS: Final = {
    "log": "format",
    "witness": "witness.vkey",
    "monitor": "monitor.db",
    "documents": "documents.format",
}
# Of nearly every file system.
_MAX_NAME_BYTES: Final = 255

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
PUBLIC_FOLDER: Final = 0o755
PUBLIC_FILE: Final = 0o644

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

MODES: Final[Mapping[str, Mapping[str, int]]] = {
    "log": {
        "./": PUBLIC_FOLDER,
        "lock": PRIVATE_FILE,
        "format": PUBLIC_FILE,
        "log.vkey": PUBLIC_FILE,
        "policy": PUBLIC_FILE,
        "keys/": PRIVATE_FOLDER,
        "journal.db": PRIVATE_FILE,
        "journal.db-wal": PRIVATE_FILE,
        "journal.db-shm": PRIVATE_FILE,
        "public/": PUBLIC_FOLDER,
        "public/checkpoint": PUBLIC_FILE,
        "stored": PUBLIC_FILE,
        "contradictions": PRIVATE_FILE,
        "moved": PUBLIC_FILE,
        "index/": PRIVATE_FOLDER,
        "tmp/": PRIVATE_FOLDER,
    },
    "witness": {
        "./": PUBLIC_FOLDER,
        "lock": PRIVATE_FILE,
        "witness.vkey": PUBLIC_FILE,
        "keys/": PRIVATE_FOLDER,
        "state.db": PRIVATE_FILE,
        "state.db-wal": PRIVATE_FILE,
        "state.db-shm": PRIVATE_FILE,
        "evidence/": PUBLIC_FOLDER,
        "tmp/": PRIVATE_FOLDER,
    },
    "monitor": {
        "./": PRIVATE_FOLDER,
        "lock": PRIVATE_FILE,
        "monitor.db": PRIVATE_FILE,
        "monitor.db-wal": PRIVATE_FILE,
        "monitor.db-shm": PRIVATE_FILE,
        "entries.bin": PRIVATE_FILE,
        "ends.bin": PRIVATE_FILE,
        "roots.bin": PRIVATE_FILE,
        "proofs/": PRIVATE_FOLDER,
        "evidence/": PRIVATE_FOLDER,
    },
    "documents": {
        "./": PRIVATE_FOLDER,
        "lock": PRIVATE_FILE,
        "documents.format": PRIVATE_FILE,
        "cold": PRIVATE_FILE,
        "components.db": PRIVATE_FILE,
        "components.db-wal": PRIVATE_FILE,
        "components.db-shm": PRIVATE_FILE,
        "stored/": PRIVATE_FOLDER,
        "facts/": PRIVATE_FOLDER,
        "tombs/": PRIVATE_FOLDER,
        "intents/": PRIVATE_FOLDER,
        "pending/": PRIVATE_FOLDER,
        "damaged/": PRIVATE_FOLDER,
        "tmp/": PRIVATE_FOLDER,
    },
}
"""What lies in the folder of each role; a name that ends with a slash is a folder.

What lies in a folder here is a file or folder of its kind: private or public.
"""


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


def make_role_folder(root: Path, role: str) -> None:
    """Make a role's folder and the folders in it, where they are missing."""
    modes = MODES[role]
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
    for name, mode in modes.items():
        if name.endswith("/"):
            make_folders(root / name, mode)


def set_modes(root: Path, role: str) -> None:
    """Give all that is in a role's folder its mode; for who holds the folder.

    What is in a public folder is looked through where its own mode, or that of a file
    in it that is named, shows that another umask has ruled.
    """
    modes = MODES[role]
    found = root.stat().st_mode
    if not found & stat.S_ISVTX:
        # Folders that are shared, as /tmp is, are not ours to close.
        set_mode(root, found & 0o777 & ~_WRITABLE_BY_OTHERS)
    for name, mode in modes.items():
        path = root / name
        if name == "./" or not path.exists() or not set_mode(path, mode):
            continue
        top = f"{name.partition('/')[0]}/"
        if "/" in name and modes[top] == PUBLIC_FOLDER:
            open_up(root / top)


def open_up(folder: Path) -> None:
    """Let everybody read a public folder and what is in it."""
    set_mode(folder, PUBLIC_FOLDER)
    for path, folders, files in os.walk(folder):
        for name in folders:
            set_mode(Path(path, name), PUBLIC_FOLDER)
        for name in files:
            set_mode(Path(path, name), PUBLIC_FILE)


def make_folders(folder: Path, mode: int) -> None:
    """Make a folder, and those above it that are missing, with a mode."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir(exist_ok=True)
        set_mode(made, mode)


def make_private_file(path: Path) -> None:
    """Make an empty file of mode 0600, or give what is there that mode."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
    set_mode(path, PRIVATE_FILE)


def set_mode(path: Path, mode: int) -> bool:
    """Give a file or folder who may read and write it; tell whether that was new."""
    found = path.stat().st_mode
    if found & 0o777 == mode:
        return False
    # Set-group-id and the like are the administrator's.
    path.chmod(found & 0o7000 | mode)
    return True


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
        # Whoever may open it can hold it.
        set_mode(root / "lock", PRIVATE_FILE)
    return lock


def write_whole(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write or replace a file durably: it is there whole, or as it was before.

    mode: None keeps that of a file that was there, and lets the umask decide on others.
    """
    write_all_whole({path: content}, mode=mode)


def write_all_whole(files: Mapping[Path, bytes], *, mode: int | None = None) -> None:
    """Write or replace files durably, in their order; each is whole or as before.

    None is replaced before all are written.  mode: as of `write_whole`.

    Raises OSError that names the file; no draft is left.
    """
    drafts: dict[Path, Path] = {}
    try:
        for path, content in files.items():
            # Nobody can lay a link under a name that is not known before.
            drafts[path] = path.with_name(_draft_name(path.name))
            with _naming(path):
                _write_draft(drafts[path], content, path, mode)
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


def _write_draft(draft: Path, content: bytes, path: Path, mode: int | None) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(draft, flags, 0o666), "wb") as file:
        if mode is None and path.is_file():
            mode = path.stat().st_mode & 0o777
        if mode is not None:
            os.fchmod(file.fileno(), mode)
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
