"""Durable file operations.

A file that has its final name is complete and synced: it is written under a temporary
name, synced, renamed, and then its folder is synced.  Until all of that has returned,
nothing may be said to be there.

One hole remains: after a failed sync the kernel may drop the pages and report success
later.  So a failed sync is fatal (SyncError), and a restart writes the file anew
instead of trusting what it can read.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from tlog.errors import FatalError


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
        """Write and sync a new file, readable by all."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
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


def put_files(disk: Disk, temporary: Path, files: Mapping[Path, bytes]) -> None:
    """Write all `files` durably; when this returns they are there.

    temporary: an existing folder of the same file system.  OSError leaves some of them
    written, each whole.
    """
    folders: set[Path] = set()
    for target, content in files.items():
        folders |= _make_folder(target.parent)
        draft = temporary / target.name
        disk.write(draft, content)
        disk.rename(draft, target)
    _sync_folders(disk, folders)


def _make_folder(folder: Path) -> set[Path]:
    """Make `folder` where it is missing; return all folders that hold a new name."""
    changed = {folder}
    missing = folder
    while not missing.exists():
        missing = missing.parent
        changed.add(missing)
    folder.mkdir(parents=True, exist_ok=True)
    return changed


def _sync_folders(disk: Disk, folders: Iterable[Path]) -> None:
    for folder in sorted(folders):
        disk.sync_folder(folder)


def _sync(descriptor: int, path: Path) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncError(f"{path} could not be synced: {error.strerror}") from error
