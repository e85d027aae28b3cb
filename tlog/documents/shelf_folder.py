"""A store in a folder of this machine: the default.

A draft is synced, renamed, and the folder is synced.  If the folder cannot be synced
the name is taken away again, so that the next attempt writes the bytes anew instead of
trusting what it can read.  A sync that fails is no danger here, unlike in the log:
nobody was told that the document is there.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from tlog.documents.shelf import Draft, Listed, begin_draft
from tlog.durable.disk import SyncError, SystemDisk
from tlog.errors import MachineError
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, write_whole
from tlogverify.files import read_bounded

_GONE = (FileNotFoundError, NotADirectoryError)


class FolderShelf:
    """The files below a folder; a cold tier has `stored` and `tmp` alone."""

    is_far = False
    failures = 0

    def __init__(self, root: Path) -> None:
        self.where = str(root)
        self._root = root
        self._temporary = root / "tmp"

    def prepare(self) -> None:
        """Make the folders that every tier has, with mode 0700."""
        for folder in (self._root, self._root / "stored", self._temporary):
            make_folders(folder, PRIVATE_FOLDER)

    def sweep(self) -> None:
        """Remove the drafts that a process left; for who holds the store."""
        for leftover in self._temporary.iterdir():
            leftover.unlink(missing_ok=True)

    def begin(self, needed_bytes: int) -> Draft:
        """Return an empty draft; BusyError if the disk has no room for so much."""
        return begin_draft(self._temporary, needed_bytes)

    def open(self, name: str) -> "FileReader | None":
        """Return a file to read, or None; also for a link, which nobody stored."""
        try:
            descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW)
        except _GONE:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return None
            raise
        return FileReader(descriptor)

    def size(self, name: str) -> int | None:
        """Return the size of a file, or None, as `open` does."""
        reader = self.open(name)
        if reader is None:
            return None
        with suppress(OSError):
            reader.close()
        return reader.size

    def files(self, folder: str, after: str = "") -> Iterator[Listed]:
        """Return all files below a folder, ascending by name; drafts are none."""
        try:
            found = sorted(os.scandir(self._root / folder), key=lambda it: it.name)
        except _GONE:
            return
        for it in found:
            name = f"{folder}/{it.name}"
            if it.name.startswith("."):
                continue
            if it.is_dir(follow_symlinks=False):
                yield from self.files(name, after)
            elif name > after:
                with suppress(FileNotFoundError):
                    yield Listed(name, it.stat(follow_symlinks=False).st_size)

    def adopt(self, draft: Draft, name: str) -> None:
        """Give a whole draft its name; an error leaves it without one."""
        draft.sync()
        path = self._root / name
        make_folders(path.parent, PRIVATE_FOLDER)
        draft.path.replace(path)
        draft.is_adopted = True
        try:
            self.confirm(name)
        except BaseException:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise

    def confirm(self, name: str) -> None:
        """Make a name durable, and that of the folder that it is in.

        A folder that is there may have been made by an attempt that crashed before its
        own name was synced.
        """
        path = self._root / name
        for folder in (path.parent, path.parent.parent):
            _sync_folder(folder)

    def remove(self, name: str) -> None:
        """Remove a file durably, if it is there."""
        path = self._root / name
        try:
            path.unlink()
        except _GONE:
            return
        _sync_folder(path.parent)

    def put_aside(self, name: str, aside: str, seen: object) -> bool:
        """Give a file another name; False if it is not there."""
        target = self._root / aside
        make_folders(target.parent, PRIVATE_FOLDER)
        try:
            (self._root / name).replace(target)
        except FileNotFoundError:
            return False  # another reader was first
        return True

    def read(self, name: str, most: int) -> bytes | None:
        """Return a small file, or None; FormatError if it is longer."""
        try:
            return read_bounded(self._root / name, name, most)
        except _GONE:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a small file durably, with mode 0600."""
        path = self._root / name
        make_folders(path.parent, PRIVATE_FOLDER)
        write_whole(path, content, mode=PRIVATE_FILE)

    def create(self, name: str, content: bytes) -> None:
        """Write a small file, unless there is one of its name."""
        if not (self._root / name).exists():
            self.write(name, content)

    def change(
        self, name: str, most: int, edit: Callable[[bytes | None], bytes]
    ) -> bytes:
        """Replace a small file; one process alone writes facts here."""
        known = self.read(name, most)
        content = edit(known)
        if content != known:
            self.write(name, content)
        return content


class FileReader:
    """An open file, which is read to its end whatever becomes of its name."""

    e_tag = ""

    def __init__(self, descriptor: int) -> None:
        """Take a descriptor; it is closed if it cannot be asked."""
        self._descriptor = descriptor
        try:
            found = os.fstat(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.size, self.modified_s = found.st_size, int(found.st_mtime)

    def read(self, at: int, most: int) -> bytes:
        """Return up to `most` bytes from a place on."""
        parts: list[bytes] = []
        while most and (part := os.pread(self._descriptor, most, at)):
            parts.append(part)
            at, most = at + len(part), most - len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _sync_folder(folder: Path) -> None:
    try:
        SystemDisk().sync_folder(folder)
    except SyncError as error:
        # Fatal for a log, which has told others of what it wrote; not here.
        raise MachineError(str(error)) from error
