"""The commit point: compare and swap, and what is dropped when."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlog.errors import CorruptError, FatalError
from tlog.log.storage.journal import Journal, SignedHead, StoredBatch

EMPTY, FIRST = SignedHead(0, b"empty"), SignedHead(3, b"first")
SECOND = SignedHead(5, b"second")
ONE, TWO = StoredBatch(0, 3, b"abc"), StoredBatch(3, 5, b"de")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.db")
    opened.commit(None, EMPTY, None, 0)
    yield opened
    opened.close()


def test_a_new_journal_has_no_head_and_no_batch(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    assert journal.head() is None
    assert [] == list(journal.batches())
    journal.close()


def test_what_was_committed_is_there_after_a_restart(
    journal: Journal, tmp_path: Path
) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    journal.commit(FIRST, SECOND, TWO, 0)
    journal.close()
    again = Journal(tmp_path / "journal.db")
    assert SECOND == again.head()
    assert [ONE, TWO] == list(again.batches())
    again.close()


OTHER_HEADS = [
    pytest.param(None, id="none"),
    pytest.param(FIRST, id="another"),
    pytest.param(SignedHead(0, b"Empty"), id="another-note"),
    pytest.param(SignedHead(1, b"empty"), id="another-size"),
]


@pytest.mark.parametrize("old", OTHER_HEADS)
def test_a_head_moves_only_from_the_head_that_is_stored(
    journal: Journal, old: SignedHead | None
) -> None:
    with pytest.raises(FatalError, match="not the one"):
        journal.commit(old, FIRST, ONE, 0)
    assert EMPTY == journal.head()
    assert [] == list(journal.batches())
    journal.commit(EMPTY, FIRST, ONE, 0)
    assert FIRST == journal.head()


def test_the_first_head_is_the_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db")
    with pytest.raises(FatalError, match="not the one"):
        journal.commit(EMPTY, FIRST, ONE, 0)
    assert journal.head() is None
    journal.close()


@pytest.mark.parametrize(
    ("trim_to", "left"), [(0, [ONE, TWO]), (2, [ONE, TWO]), (3, [TWO]), (4, [TWO])]
)
def test_a_commit_drops_what_is_wholly_below(
    journal: Journal, trim_to: int, left: list[StoredBatch]
) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    journal.commit(FIRST, SECOND, TWO, trim_to)
    assert left == list(journal.batches())
    assert SECOND == journal.head()


@pytest.mark.parametrize(
    ("trim_to", "left"), [(0, [ONE, TWO]), (3, [TWO]), (4, [TWO]), (5, []), (9, [])]
)
def test_trimming_drops_what_is_wholly_below(
    journal: Journal, trim_to: int, left: list[StoredBatch]
) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    journal.commit(FIRST, SECOND, TWO, 0)
    journal.trim(trim_to)
    assert left == list(journal.batches())
    assert SECOND == journal.head()


def test_a_head_may_change_without_a_batch(journal: Journal) -> None:
    signed_again = SignedHead(0, b"empty, by another key")
    journal.commit(EMPTY, signed_again, None, 0)
    assert signed_again == journal.head()


def test_two_batches_at_one_place_are_refused(journal: Journal) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    with pytest.raises(Exception, match="UNIQUE"):
        journal.commit(FIRST, SECOND, StoredBatch(0, 5, b"x"), 0)
    assert FIRST == journal.head()


def test_commits_are_synced_in_full(journal: Journal) -> None:
    connection = journal.writing
    assert isinstance(connection, sqlite3.Connection)
    assert ("wal",) == connection.execute("PRAGMA journal_mode").fetchone()
    assert (2,) == connection.execute("PRAGMA synchronous").fetchone()


@pytest.mark.parametrize("content", [b"no database" * 100, b"\xff" * 9000])
def test_a_file_that_is_no_journal_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(CorruptError, match=r"journal\.db"):
        Journal(tmp_path / "journal.db")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(CorruptError, match="unable to open"):
        Journal(tmp_path)
