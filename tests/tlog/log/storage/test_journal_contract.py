"""What every journal does, whichever adapter it is: the commit point.

Each test is run by each adapter; `tests.tlog.log.storage.adapters` has them.
"""

from collections.abc import Iterator

import pytest

from tests.tlog.log.storage.adapters import Journals
from tlog.errors import BusyError, FatalError
from tlog.log.storage.journal import Journal, SignedHead, StoredBatch

EMPTY, FIRST = SignedHead(0, b"empty"), SignedHead(3, b"first")
SECOND = SignedHead(5, b"second")
ONE, TWO = StoredBatch(0, 3, b"abc"), StoredBatch(3, 5, b"de")


@pytest.fixture
def journal(journals: Journals) -> Iterator[Journal]:
    opened = journals.open()
    opened.commit(None, EMPTY, None, 0)
    yield opened
    opened.close()


def test_a_new_journal_has_no_head_and_no_batch(journals: Journals) -> None:
    journal = journals.open()
    assert journal.head() is None
    assert [] == list(journal.batches())
    journal.close()


def test_what_was_committed_is_there_after_a_restart(
    journal: Journal, journals: Journals
) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    journal.commit(FIRST, SECOND, TWO, 0)
    journal.close()
    again = journals.open()
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


def test_the_first_head_is_the_first(journals: Journals) -> None:
    journal = journals.open()
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


def test_what_another_has_committed_is_not_swapped_over(
    journals: Journals, journal: Journal
) -> None:
    other = journals.open_beside()
    other.commit(EMPTY, FIRST, ONE, 0)
    other.close()
    with pytest.raises(FatalError):
        journal.commit(EMPTY, SECOND, StoredBatch(0, 5, b"other"), 0)
    assert FIRST == journal.head()
    assert [ONE] == list(journal.batches())


@pytest.mark.parametrize("persists", [False, True])
def test_a_commit_whose_answer_is_lost_is_fatal_and_whole(
    journals: Journals, persists: bool
) -> None:
    journal = journals.open()
    journal.commit(None, EMPTY, None, 0)
    journal.commit(EMPTY, FIRST, ONE, 0)
    journals.lose_the_next_answer(journal, persists=persists)
    with pytest.raises(FatalError):
        journal.commit(FIRST, SECOND, TWO, 3)
    # Nobody knows yet: the same process commits nothing any more.
    with pytest.raises(FatalError):
        journal.commit(FIRST, SECOND, TWO, 3)
    journal.close()
    again = journals.open()
    assert (SECOND if persists else FIRST) == again.head()
    assert ([TWO] if persists else [ONE]) == list(again.batches())
    again.close()


def test_a_store_without_room_takes_nothing_and_may_take_it_later(
    journals: Journals, journal: Journal
) -> None:
    with journals.full(journal):
        with pytest.raises(BusyError):
            journal.commit(EMPTY, FIRST, ONE, 0)
        rooms = [journal.has_room]
    assert EMPTY == journal.head()
    assert [] == list(journal.batches())
    journal.commit(EMPTY, FIRST, ONE, 0)
    assert [False, True] == [*rooms, journal.has_room]
    assert FIRST == journal.head()


def test_trimming_that_fails_is_no_failure(
    journals: Journals, journal: Journal
) -> None:
    journal.commit(EMPTY, FIRST, ONE, 0)
    with journals.unreachable(journal):
        journal.trim(3)
    again = journals.open()
    assert FIRST == again.head()
    again.close()
