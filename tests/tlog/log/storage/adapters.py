"""The adapters of journals and objects, and how a test lets each of them fail."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from tests.faults.faulty import Fault, FaultyConnection
from tlog.durable.disk import SystemDisk
from tlog.log.storage.journal import Journal
from tlog.log.storage.journal_sqlite import SqliteJournal
from tlog.log.storage.objects import Objects
from tlog.log.storage.objects_folder import FolderObjects


class Journals(Protocol):
    """One log's journal, as processes open it."""

    def open(self) -> Journal:
        """Open it as the process that writes."""
        ...

    def open_beside(self) -> Journal:
        """Open it as a second process that thinks that it writes."""
        ...

    def lose_the_next_answer(self, journal: Journal, *, persists: bool) -> None:
        """Let the next commit be stored, or not, and nobody be told."""
        ...

    @contextmanager
    def full(self, journal: Journal) -> Iterator[None]:
        """Let there be no room while the body runs."""
        ...

    @contextmanager
    def unreachable(self, journal: Journal) -> Iterator[None]:
        """Let no statement of this journal come through while the body runs."""
        ...


class Stores(Protocol):
    """One log's objects, as processes open them."""

    def open(self) -> Objects:
        """Open them, as a process that starts."""
        ...

    def break_write(self, nth: int, *, persists: bool) -> None:
        """Let the nth write from now on fail, after it was stored or before."""
        ...


class SqliteJournals:
    """Journals in one file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._path = folder / "journal.db"
        self._monkeypatch = monkeypatch

    def open(self) -> SqliteJournal:
        return SqliteJournal(self._path)

    def open_beside(self) -> SqliteJournal:
        return SqliteJournal(self._path)

    def lose_the_next_answer(self, journal: Journal, *, persists: bool) -> None:
        assert isinstance(journal, SqliteJournal)
        fault = Fault("COMMIT", 1, persists)
        journal.writing = FaultyConnection(journal.writing, fault)

    @contextmanager
    def full(self, journal: Journal) -> Iterator[None]:
        with self._monkeypatch.context() as patched:
            room = os.statvfs(self._path.parent)
            none = os.statvfs_result((*room[:4], 0, *room[5:]))
            patched.setattr(os, "statvfs", lambda path: none)
            yield

    @contextmanager
    def unreachable(self, journal: Journal) -> Iterator[None]:
        assert isinstance(journal, SqliteJournal)
        real, journal.writing = journal.writing, _Unreachable()
        yield
        journal.writing = real


class _Unreachable:
    """A connection that no statement comes through."""

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> object:
        raise sqlite3.OperationalError("disk I/O error (injected)")


class FolderStores:
    """Objects in one folder."""

    def __init__(self, folder: Path) -> None:
        self._public, self._temporary = folder / "public", folder / "tmp"
        for it in (self._public, self._temporary):
            it.mkdir()
        self._disk = _BreakingDisk()

    def open(self) -> FolderObjects:
        return FolderObjects(self._public, self._temporary, self._disk)

    def break_write(self, nth: int, *, persists: bool) -> None:
        self._disk.fault = Fault("rename", nth, persists)


class _BreakingDisk:
    """A disk whose fault is set while it is used."""

    def __init__(self) -> None:
        self.fault = Fault("rename", 0, persists=False)
        self._real = SystemDisk()
        self.write, self.sync_folder = self._real.write, self._real.sync_folder

    def rename(self, source: Path, target: Path) -> None:
        strikes = self.fault.strikes("rename")
        if not strikes or self.fault.persists:
            self._real.rename(source, target)
        if strikes:
            raise OSError(errno.EIO, "injected", str(target))
