"""One folder of documents, and the drafts on their way there.

    stored/<first 2 hex digits>/<64 hex>     a document, under its SHA-256
    tmp/                                     drafts; emptied when a server starts

A document that has its name is whole and durable: a draft is synced, renamed, and the
folder is synced.  If the folder cannot be synced the name is taken away again, so that
the next attempt writes the bytes anew instead of trusting what it can read.  A sync
that fails is no danger here, unlike in the log: nobody was told that the document is
there.
"""

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, Self

from tlog.durable.database import RESERVE_BYTES
from tlog.durable.disk import SyncError, SystemDisk
from tlog.errors import BusyError, MachineError
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders

_NAME: Final = re.compile(r"[0-9a-f]{64}")
# As much again as the log keeps free for its own commits: entries go before documents.
_RESERVE_BYTES: Final = 2 * RESERVE_BYTES


class Bytes(Protocol):
    """Where documents lie by their digest; a folder now, and it could be a bucket."""

    def open(self, digest: bytes) -> int | None:
        """Return a descriptor to read the document from, or None."""
        ...

    def adopt(self, draft: "Draft", digest: bytes) -> None:
        """Give a whole draft its name, durably."""
        ...

    def remove(self, digest: bytes) -> bool:
        """Remove a document durably; tell whether it was there."""
        ...

    def digests(self) -> Iterator[bytes]:
        """Return the digests of all documents, ascending."""
        ...


class Draft:
    """A document on its way: its bytes so far, their count and their hash.

    A context manager: what was not adopted is gone at its end.
    """

    def __init__(self, folder: Path) -> None:
        """Make an empty file of mode 0600 in `folder`."""
        self.path = folder / f"{secrets.token_hex(16)}.new"
        self.size = 0
        self.is_adopted = False
        self._hash = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, PRIVATE_FILE)
        os.fchmod(self._descriptor, PRIVATE_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self.is_adopted:
            self.path.unlink(missing_ok=True)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what was written so far."""
        return self._hash.digest()

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._hash.update(piece)
        self.size += len(piece)

    def sync(self) -> None:
        """Make the bytes durable."""
        os.fsync(self._descriptor)


class Tier:
    """A folder of documents.

    root: exists, with `stored` and `tmp` in it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stored = root / "stored"
        self._temporary = root / "tmp"

    def prepare(self) -> None:
        """Make the folders that are missing, with mode 0700."""
        for folder in (self.root, self._stored, self._temporary):
            make_folders(folder, PRIVATE_FOLDER)

    def sweep(self) -> None:
        """Remove the drafts that a process left; for who holds the store."""
        for leftover in self._temporary.iterdir():
            leftover.unlink(missing_ok=True)

    def begin(self, needed_bytes: int) -> Draft:
        """Return an empty draft; BusyError if the disk has no room for so much."""
        disk = os.statvfs(self._temporary)
        if disk.f_bavail * disk.f_frsize < _RESERVE_BYTES + needed_bytes:
            raise BusyError("the disk is nearly full", retry_after_s=30)
        return Draft(self._temporary)

    def path(self, digest: bytes) -> Path:
        """Return where a document lies or would lie."""
        name = digest.hex()
        return self._stored / name[:2] / name

    def open(self, digest: bytes) -> int | None:
        """Return a descriptor to read the document from, or None.

        An OSError is the machine's trouble, and says nothing about the document.
        """
        return open_file(self.path(digest))

    def adopt(self, draft: Draft, digest: bytes) -> None:
        """Give a whole draft its name, durably; raises as `adopt_file`."""
        draft.sync()
        adopt_file(draft, self.path(digest))

    def confirm(self, digest: bytes) -> None:
        """Make the name of a document durable that another writer may have given it."""
        folder = self.path(digest).parent
        _sync_folder(folder)
        _sync_folder(folder.parent)

    def remove(self, digest: bytes) -> bool:
        """Remove a document durably; tell whether it was there."""
        return remove_file(self.path(digest))

    def digests(self) -> Iterator[bytes]:
        """Return the digests of all documents, ascending."""
        for folder in sorted(self._stored.iterdir()):
            for name in sorted(it.name for it in folder.iterdir()):
                if _NAME.fullmatch(name) is not None:
                    yield bytes.fromhex(name)


def adopt_file(draft: Draft, path: Path) -> None:
    """Give a synced draft its name, durably.

    An OSError or a MachineError leaves it without one.
    """
    make_folders(path.parent, PRIVATE_FOLDER)
    draft.path.replace(path)
    draft.is_adopted = True
    try:
        # A folder that is there may have been made by an attempt that crashed before
        # its own name was synced.
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    try:
        SystemDisk().sync_folder(folder)
    except SyncError as error:
        # Fatal for a log, which has told others of what it wrote; not here.
        raise MachineError(str(error)) from error


def open_file(path: Path) -> int | None:
    """Return a descriptor to read a file from; None if it is not there."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        # A link: whatever it leads to is no document that was stored here.
        if error.errno == errno.ELOOP:
            return None
        raise


def remove_file(path: Path) -> bool:
    """Remove a file durably; tell whether it was there."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    _sync_folder(path.parent)
    return True
