"""The journal in a file of SQLite; what every journal does is in its contract."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlog.errors import CorruptError
from tlog.log.storage.journal import SignedHead, StoredBatch
from tlog.log.storage.journal_sqlite import SqliteJournal

EMPTY, FIRST = SignedHead(0, b"empty"), SignedHead(3, b"first")
SECOND = SignedHead(5, b"second")
ONE = StoredBatch(0, 3, b"abc")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqliteJournal]:
    opened = SqliteJournal(tmp_path / "journal.db")
    opened.commit(None, EMPTY, None, 0)
    yield opened
    opened.close()


def test_two_batches_at_one_place_are_refused(journal: SqliteJournal) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    with pytest.raises(Exception, match="UNIQUE"):
        journal.commit(FIRST, SECOND, StoredBatch(0, 5, b"x"), 0)
    assert FIRST == journal.head()


def test_commits_are_synced_in_full(journal: SqliteJournal) -> None:
    connection = journal.writing
    assert isinstance(connection, sqlite3.Connection)
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    assert (2,) == connection.execute("PRAGMA synchronous").fetchone()


@pytest.mark.parametrize("content", [b"no database" * 100, b"\xff" * 9000])
def test_a_file_that_is_no_journal_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(CorruptError, match=r"journal\.db"):
        SqliteJournal(tmp_path / "journal.db")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="unable to open"):
        SqliteJournal(tmp_path)
