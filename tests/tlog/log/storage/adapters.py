"""The adapters of journals and objects, and how a test lets each of them fail."""

import base64
import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from obstore.store import S3Store

from tests.faults.faulty import Fault, FaultyConnection
from tests.support.bucket import NAME, Bucket
from tests.support.postgres import Postgres
from tests.support.severed import Severed
from tlog.clock import SystemClock
from tlog.durable.disk import SystemDisk
from tlog.log.storage.journal import Journal
from tlog.log.storage.journal_postgres import PostgresJournal
from tlog.log.storage.journal_sqlite import SqliteJournal
from tlog.log.storage.objects import Objects
from tlog.log.storage.objects_bucket import BucketObjects
from tlog.log.storage.objects_folder import FolderObjects
from tlog.log.storage.postgres import Database
from tlog.log.storage.tenure_term import TermTenure

_SOON = timedelta(milliseconds=1)


def judge(database: Database) -> None:
    """Trust any database whose standbys, if any, are synchronous."""
    database.require_durable(by_storage=False)


def note(size: int, salt: int = 0) -> bytes:
    """Return a signed note of a size, whose signature nobody verifies."""
    root = base64.b64encode(bytes([salt]) * 32).decode()
    line = base64.b64encode(bytes(68)).decode()
    text = f"log.example\n{size}\n{root}\n\n\N{EM DASH} log.example {line}\n"
    return text.encode()


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


class PostgresJournals:
    """Journals of one origin in a real database, behind a proxy."""

    def __init__(self, server: Postgres, proxy: Severed, origin: str) -> None:
        self._server = server
        self._proxy = proxy
        self._origin = origin
        self._term = TermTenure(self._database(), origin, 1, SystemClock(), judge)
        # A lock that somebody else holds stands in for a disk without room.
        self._url = server.url.replace(str(server.port), str(proxy.port))
        self._url += "?options=-c%20lock_timeout%3D20"
        self._beside: list[PostgresJournal] = []

    def open(self) -> PostgresJournal:
        self._term.release()
        self._term = TermTenure(self._database(), self._origin, 1, SystemClock(), judge)
        database = Database(self._url)
        database.make_tables()
        self._term.take(lambda: None)
        return self._opened(database)

    def open_beside(self) -> PostgresJournal:
        return self._opened(Database(self._url))

    def close(self) -> None:
        self._term.release()
        for it in self._beside:
            it.close()

    def lose_the_next_answer(self, journal: Journal, *, persists: bool) -> None:
        self._proxy.severs = "answer" if persists else "question"

    @contextmanager
    def full(self, journal: Journal) -> Iterator[None]:
        with psycopg.connect(self._server.url) as locking:
            locking.execute(
                "SELECT 1 FROM tlog_heads WHERE origin = %s FOR UPDATE", (self._origin,)
            )
            yield

    @contextmanager
    def unreachable(self, journal: Journal) -> Iterator[None]:
        self._proxy.severs = "all"
        yield
        self._proxy.severs = ""

    def _database(self) -> Database:
        return Database(self._server.url)

    def _opened(self, database: Database) -> PostgresJournal:
        term = self._term.term
        journal = PostgresJournal(database, self._origin, lambda: term)
        self._beside.append(journal)
        return journal


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


class BucketStores:
    """Objects in one bucket, as processes open them."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    def store(self) -> S3Store:
        """Return a client of the bucket."""
        return S3Store(
            NAME,
            endpoint=self.bucket.url,
            region="us-east-1",
            access_key_id="test",
            secret_access_key="test",  # noqa: S106 - nobody looks at it
            client_options={"allow_http": True},
            retry_config={
                "max_retries": 2,
                "backoff": {"init_backoff": _SOON, "max_backoff": _SOON},
            },
        )

    def open(self) -> BucketObjects:
        return BucketObjects(self.store(), "log.example")

    def break_write(self, nth: int, *, persists: bool) -> None:
        self.bucket.break_write(nth, persists=persists)


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
