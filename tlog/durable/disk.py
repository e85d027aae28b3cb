"""Durable file operations.

A file that has its final name is complete and synced: it is written under a temporary
name, synced, renamed, and then its folder is synced.  Until all of that has returned,
nothing may be said to be there.

One hole remains: after a failed sync the kernel may drop the pages and report success
later.  So a failed sync is fatal (SyncError), and a restart writes the file anew
instead of trusting what it can read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tlog.errors import FatalError
from tlog.folders import PUBLIC_FILE, PUBLIC_FOLDER, make_folders, set_mode


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
        holding: set[Path] = set()
        for target, content in files.items():
            make_folders(target.parent, PUBLIC_FOLDER)
            draft = self._temporary / target.name
            self._disk.write(draft, content)
            self._disk.rename(draft, target)
            holding.add(target.parent)
            unsure = target.parent
            while unsure not in self._durable | made:
                made.add(unsure)
                # An attempt that crashed may have left it before it had its mode.
                set_mode(unsure, PUBLIC_FOLDER)
                unsure = unsure.parent
        for folder in sorted(holding | {it.parent for it in made}):
            self._disk.sync_folder(folder)
        self._durable |= made

    def forget(self, folder: Path) -> None:
        """Take note that a folder below was removed."""
        self._durable.discard(folder)


def _sync(descriptor: int, path: Path) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncError(f"{path} could not be synced: {error.strerror}") from error
