"""Who writes: one after the other, whatever the clocks say."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest

from tests.support.postgres import Postgres
from tests.tlog.log.storage.adapters import judge
from tlog.clock import SystemClock
from tlog.errors import FatalError, MachineError
from tlog.lifeline import Lifeline
from tlog.log.storage.journal import SignedHead, StoredBatch
from tlog.log.storage.journal_postgres import PostgresJournal
from tlog.log.storage.kept_row import RowText
from tlog.log.storage.postgres import Database
from tlog.log.storage.tenure_term import TermTenure

EMPTY, FIRST = SignedHead(0, b"empty"), SignedHead(3, b"first")
ONE = StoredBatch(0, 3, b"abc")
NEVER_S = 3_600
"""Longer than any test: only what is told hands a log over."""


@dataclass
class Nodes:
    """Nodes that share one log's row."""

    server: Postgres
    origin: str
    opened: list[TermTenure] = field(default_factory=list)
    reading: list[Database] = field(default_factory=list)

    def node(self, takeover_s: int = NEVER_S) -> TermTenure:
        tenure = TermTenure(
            Database(self.server.url), self.origin, takeover_s, SystemClock(), judge
        )
        self.opened.append(tenure)
        return tenure

    def journal(self, tenure: TermTenure) -> PostgresJournal:
        database = Database(self.server.url)
        self.reading.append(database)
        return PostgresJournal(database, self.origin, lambda: tenure.term)

    def eras(self, tenure: TermTenure) -> RowText:
        return RowText(
            Database(self.server.url), self.origin, lambda: tenure.term, "eras"
        )

    def contradictions(self, tenure: TermTenure) -> RowText:
        database = Database(self.server.url)
        return RowText(database, self.origin, lambda: tenure.term, "contradictions")


@pytest.fixture
def nodes(database: Postgres, tmp_path: Path) -> Iterator[Nodes]:
    making = Database(database.url)
    making.make_tables()
    making.close()
    nodes = Nodes(database, str(tmp_path))
    yield nodes
    for tenure in nodes.opened:
        tenure.release()
    for it in nodes.reading:
        it.close()


def test_who_waits_writes_as_soon_as_the_writer_hands_over(nodes: Nodes) -> None:
    first, second, waited = nodes.node(), nodes.node(), Event()
    first.take(lambda: None)
    with ThreadPoolExecutor(1) as other:
        taking = other.submit(second.take, waited.set)
        assert waited.wait(240)
        assert (True, False) == (first.is_held, taking.done())
        first.release()
        taking.result(240)
    assert (1, 2) == (first.term, second.term)
    assert second.is_held


def test_a_silent_writer_is_replaced_and_changes_nothing_any_more(
    nodes: Nodes,
) -> None:
    """Its beats stop, as those of a stopped process do."""
    first, second = nodes.node(), nodes.node(1)
    first.take(lambda: None)
    old = nodes.journal(first)
    old.commit(None, EMPTY, None, 0)
    second.take(lambda: None)
    new = nodes.journal(second)
    with pytest.raises(FatalError, match="another node writes"):
        old.commit(EMPTY, FIRST, ONE, 0)
    old.trim(3)
    assert EMPTY == new.head()
    assert [] == list(new.batches())
    new.commit(EMPTY, FIRST, ONE, 0)
    old.trim(3)
    assert [ONE] == list(new.batches())


def test_a_writer_that_was_replaced_stops_its_process(nodes: Nodes) -> None:
    first, second, stopped = nodes.node(4), nodes.node(1), Event()
    lifeline = Lifeline()
    lifeline.on_stop = stopped.set
    first.take(lambda: None)
    first.start(lifeline)
    nodes.server.run(
        "UPDATE tlog_heads SET term = term + 1 WHERE origin = %s", nodes.origin
    )
    assert stopped.wait(240)
    assert "another node writes" in str(lifeline.failure)
    assert not first.is_held
    # Handing over what it does not hold changes nothing.
    first.release()
    second.take(lambda: None)
    assert 3 == second.term


def test_of_two_that_wait_one_writes(nodes: Nodes) -> None:
    first, waiting = nodes.node(), [nodes.node(), nodes.node()]
    first.take(lambda: None)
    with ThreadPoolExecutor(2) as others:
        taking = [others.submit(it.take, lambda: None) for it in waiting]
        first.release()
        while not any(it.done() for it in taking):
            pass
        terms = sorted(it.term for it in waiting)
        assert [0, 2] == terms
        next(it for it in waiting if it.term).release()
        for it in taking:
            it.result(240)
    assert [2, 3] == sorted(it.term for it in waiting)


def test_an_index_that_cannot_be_kept_does_not_end_the_waiting(nodes: Nodes) -> None:
    first, second, asked = nodes.node(), nodes.node(), Event()
    first.take(lambda: None)

    def fail() -> None:
        asked.set()
        raise MachineError("the bucket is away")

    with ThreadPoolExecutor(1) as other:
        taking = other.submit(second.take, fail)
        assert asked.wait(240)
        first.release()
        taking.result(240)
    assert 2 == second.term


def test_what_witnesses_have_said_is_known_to_the_next_writer(nodes: Nodes) -> None:
    first, second = nodes.node(), nodes.node()
    first.take(lambda: None)
    said, later = nodes.contradictions(first), nodes.contradictions(second)
    assert said.read() is None
    said.write(b"a larger head")
    with pytest.raises(OSError, match="another node writes"):
        later.write(b"")
    first.release()
    second.take(lambda: None)
    assert b"a larger head" == later.read()
    with pytest.raises(OSError, match="another node writes"):
        said.write(b"")
    later.write(b"")
    assert b"" == said.read()


def test_keys_that_change_before_the_term_is_raised_are_read_again(
    nodes: Nodes,
) -> None:
    """Whoever writes knows the keys of its term, however late they have changed."""
    first, second = nodes.node(), nodes.node()
    first.take(lambda: None)
    changing, reading = nodes.eras(first), nodes.eras(second)
    changing.write(b"one key")
    read: list[bytes | None] = []

    def may_write() -> bool:
        read.append(reading.read())
        if len(read) == 1:
            changing.write(b"two keys")
        return True

    second.take(lambda: None, may_write, at_once=True)
    assert [b"one key", b"two keys"] == read
    assert (2, b"two keys") == (second.term, reading.read())
    # The one that was replaced at once changes them no more.
    with pytest.raises(OSError, match="another node writes"):
        changing.write(b"one key")


def test_who_may_not_write_waits_until_it_may(nodes: Nodes) -> None:
    first, asked = nodes.node(), list[int]()

    def may_write() -> bool:
        asked.append(first.term)
        return len(asked) == 2

    first.take(lambda: None, may_write)
    assert (1, [0, 0]) == (first.term, asked)
    # One that never may leaves when it is told to.
    second, waits = nodes.node(), Event()

    def never() -> bool:
        waits.set()
        return False

    first.release()
    with ThreadPoolExecutor(1) as other:
        taking = other.submit(second.take, lambda: None, never)
        assert waits.wait(240)
        second.end_waiting()
        taking.result(240)
    assert 0 == second.term


def test_logs_of_two_origins_do_not_meet(nodes: Nodes) -> None:
    first = nodes.node()
    first.take(lambda: None)
    others = Nodes(nodes.server, f"{nodes.origin}/other")
    second = others.node()
    second.take(lambda: None)
    nodes.journal(first).commit(None, EMPTY, None, 0)
    assert others.journal(second).head() is None
    assert (1, 1) == (first.term, second.term)
    second.release()
    others.reading[0].close()
