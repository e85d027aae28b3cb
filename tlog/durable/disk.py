"""Durable file operations.

A file that has its final name is complete and synced: it is written under a temporary
name, synced, renamed, and then its folder is synced.  Until all of that has returned,
nothing may be said to be there.

One hole remains: after a failed sync the kernel may drop the pages and report success
later.  So a failed sync is fatal (SyncError), and a restart writes the file anew
instead of trusting what it can read.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol

from tlog.errors import FatalError
from tlog.folders import PUBLIC_FILE, PUBLIC_FOLDER, make_folders, set_mode

# A sync waits for the disk and not for the processor.  Several that wait together are
# one write of the file system's own journal: 120 tiles took 128 ms by four threads and
# 1,000 ms by one (ext4 on a shared virtual disk; more threads gained nothing).
_WRITERS: Final = 4
_MANY_FILES: Final = 16


def free_bytes(place: Path | int) -> int:
    """Return the room on the disk of a path or of an open file."""
    disk = os.statvfs(place)
    return disk.f_bavail * disk.f_frsize


class SyncError(FatalError):
    """A sync failed: what is on the disk is unknown."""


class Disk(Protocol):
    """The operations that can fail, one by one; tests break each of them."""

    def write(self, path: Path, content: bytes) -> None:
        """Write and sync a new file."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name, replacing what has it."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        ...


class SystemDisk:
    """The machine's disk."""

    def write(self, path: Path, content: bytes) -> None:
        """Write and sync a new file, readable by all, whatever the umask."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        descriptor = os.open(path, flags, PUBLIC_FILE)
        try:
            os.fchmod(descriptor, PUBLIC_FILE)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            _sync(descriptor, path)
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name, replacing what has it."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _sync(descriptor, folder)
        finally:
            os.close(descriptor)


class DurableFolder:
    """A folder of files that are there once `put` has returned; all may read them.

    folder: exists, and its own name is durable.  temporary: an existing folder of the
    same file system.
    """

    def __init__(self, folder: Path, temporary: Path, disk: Disk) -> None:
        self._temporary = temporary
        self._disk = disk
        # A folder that exists may have been made by an attempt that failed, or crashed,
        # before its name was synced: only what this process has synced is known.
        self._durable = {folder}

    def put(self, files: Mapping[Path, bytes]) -> None:
        """Write all `files` durably, at or below the folder, replacing what is there.

        OSError leaves some of them written, each whole.
        """
        made: set[Path] = set()
        # Most files share their folder: each is taken apart as a string.
        holding = {Path(it) for it in {os.path.dirname(it) for it in files}}
        for folder in sorted(holding):
            make_folders(folder, PUBLIC_FOLDER)
            unsure = folder
            while unsure not in self._durable | made:
                made.add(unsure)
                # An attempt that crashed may have left it before it had its mode.
                set_mode(unsure, PUBLIC_FOLDER)
                unsure = unsure.parent
        self._write_all([*files.items()])
        for folder in sorted(holding | {it.parent for it in made}):
            self._disk.sync_folder(folder)
        self._durable |= made

    def forget(self, folder: Path) -> None:
        """Take note that a folder below was removed."""
        self._durable.discard(folder)

    def _write_all(self, files: Sequence[tuple[Path, bytes]]) -> None:
        """Write files and give them their names, many of them on several threads."""
        if len(files) < _MANY_FILES:
            self._write_part(files, "")
            return
        with ThreadPoolExecutor(_WRITERS) as pool:
            writing = [
                # Tiles of two levels may be namesakes: each thread has its own drafts.
                pool.submit(self._write_part, files[first::_WRITERS], f"{first}-")
                for first in range(_WRITERS)
            ]
        failures = [error for it in writing if (error := it.exception()) is not None]
        # A failed sync is the worse news: nobody may go on after it.
        failures.sort(key=lambda error: not isinstance(error, FatalError))
        if failures:
            raise failures[0]

    def _write_part(self, files: Iterable[tuple[Path, bytes]], whose: str) -> None:
        for target, content in files:
            draft = self._temporary / f"{whose}{target.name}"
            self._disk.write(draft, content)
            self._disk.rename(draft, target)


def _sync(descriptor: int, path: Path) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncError(f"{path} could not be synced: {error.strerror}") from error
