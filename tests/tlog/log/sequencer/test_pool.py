"""What a pool lets be taken, and when."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tlog.entries.packed import Packed
from tlog.errors import BusyError
from tlog.log.sequencer.pool import Pool, Receipt, Ticket


def ticket(*entries: bytes) -> Ticket:
    receiver: Future[Receipt] = Future()
    return Ticket(Packed.of(entries), receiver)


def test_what_was_added_can_be_taken_once_it_is_shown() -> None:
    pool = Pool(10)
    first, second, third = ticket(b"a"), ticket(b"b"), ticket(b"c")
    assert pool.add(first)
    pool.show()
    assert pool.add(second), "the first that is not shown"
    assert not pool.add(third)
    assert pool.take(10) == [first]
    assert pool.waiting_entries == 2
    pool.show()
    assert pool.take(10) == [second, third]
    assert pool.waiting_entries == 0


def test_what_is_not_shown_has_its_room() -> None:
    pool = Pool(2)
    pool.add(ticket(b"a"))
    pool.add(ticket(b"b"))
    assert pool.is_full
    with pytest.raises(BusyError):
        pool.add(ticket(b"c"))


def test_a_closed_pool_shows_what_waits_and_takes_no_more() -> None:
    pool = Pool(10)
    first = ticket(b"a")
    pool.add(first)
    pool.close()
    with pytest.raises(BusyError):
        pool.add(ticket(b"b"))
    pool.show()
    assert pool.take(10) == [first]
    assert pool.take(10) == []


def test_what_is_too_much_for_one_taker_wakes_the_next() -> None:
    pool = Pool(100)
    tickets = [ticket(b"%d" % nth) for nth in range(8)]
    with ThreadPoolExecutor(8) as takers:
        # Each wants one; all are shown by one call.
        taking = [takers.submit(pool.take, 1) for _ in tickets]
        for it in tickets:
            pool.add(it)
        pool.show()
        taken = [found for it in taking for found in it.result(60)]
    assert sorted(it.entries[0] for it in taken) == [it.entries[0] for it in tickets]
