"""Disks and connections that break at one chosen call.

A fault strikes before the real call, and the call is lost; or after it, and what it did
persists though nobody is told.
"""

import errno
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tlog.durable.database import Connection
from tlog.durable.disk import Disk, SyncError, SystemDisk


@dataclass
class Fault:
    """The `nth` call of `step` fails, counted from 1.

    persists: the real call is made, then the error is raised.
    """

    step: str
    nth: int
    persists: bool
    calls: int = 0

    def strikes(self, step: str) -> bool:
        """Count a call; tell whether it is the one that fails."""
        self.calls += step == self.step
        return step == self.step and self.calls == self.nth

    @property
    def has_struck(self) -> bool:
        """Whether there was an nth call."""
        return self.calls >= self.nth


class FaultyDisk:
    """The machine's disk with one fault: write, sync, rename, sync_folder.

    A sync is the second half of a write: its failure is a SyncError.
    """

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._real = SystemDisk()

    def write(self, path: Path, content: bytes) -> None:
        lost = OSError(errno.EIO, "injected", str(path))
        # One call of each step, in the order in which they stand in the real one.
        breaks_write = self._fault.strikes("write")
        breaks_sync = self._fault.strikes("sync")
        if breaks_write and not self._fault.persists:
            path.write_bytes(content[: len(content) // 2])
            raise lost
        if breaks_sync and not self._fault.persists:
            path.write_bytes(b"")
            raise SyncError(f"{path}: injected")
        self._real.write(path, content)
        if breaks_write:
            raise lost
        if breaks_sync:
            raise SyncError(f"{path}: injected")

    def rename(self, source: Path, target: Path) -> None:
        strikes = self._fault.strikes("rename")
        if not strikes or self._fault.persists:
            self._real.rename(source, target)
        if strikes:
            raise OSError(errno.EIO, "injected", str(target))

    def sync_folder(self, folder: Path) -> None:
        strikes = self._fault.strikes("sync_folder")
        if not strikes or self._fault.persists:
            self._real.sync_folder(folder)
        if strikes:
            raise SyncError(f"{folder}: injected")


class FullDisk:
    """A disk without room while `is_full`.

    refused: set at each write that found no room.  published: at each new checkpoint.
    """

    def __init__(self, *, is_full: bool = True) -> None:
        self._real = SystemDisk()
        self.is_full = is_full
        self.refused = Event()
        self.published = Event()

    def write(self, path: Path, content: bytes) -> None:
        if self.is_full:
            self.refused.set()
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self._real.write(path, content)

    def rename(self, source: Path, target: Path) -> None:
        self._real.rename(source, target)
        if target.name == "checkpoint":
            self.published.set()

    def sync_folder(self, folder: Path) -> None:
        self._real.sync_folder(folder)


class RecordingDisk:
    """A disk that notes its calls, and breaks as the one below it does.

    calls: step and path, in order.  synced: folders synced since `forget`.
    """

    def __init__(self, below: Disk | None = None) -> None:
        self._below = below or SystemDisk()
        self.calls: list[tuple[str, Path]] = []

    @property
    def synced(self) -> set[Path]:
        """The folders whose names are durable."""
        return {path for step, path in self.calls if step == "sync_folder"}

    def write(self, path: Path, content: bytes) -> None:
        self._below.write(path, content)
        self.calls.append(("write", path))

    def rename(self, source: Path, target: Path) -> None:
        self._below.rename(source, target)
        self.calls.append(("rename", target))

    def sync_folder(self, folder: Path) -> None:
        self._below.sync_folder(folder)
        self.calls.append(("sync_folder", folder))


class FaultyConnection:
    """A connection with one fault; a step is a statement's first word.

    Inserting a head and inserting a batch are both INSERT, in this order.
    """

    def __init__(self, real: Connection, fault: Fault) -> None:
        self._real = real
        self._fault = fault

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        strikes = self._fault.strikes(sql.partition(" ")[0])
        answer: object = None
        if not strikes or self._fault.persists:
            answer = self._real.execute(sql, parameters)
        if strikes:
            raise sqlite3.OperationalError("disk I/O error (injected)")
        return answer
