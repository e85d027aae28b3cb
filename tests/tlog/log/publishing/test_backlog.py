"""What is committed and not published: found, taken, put back, forgotten."""

from concurrent.futures import ThreadPoolExecutor

from tests.faults.opened import PATIENCE_S, entries
from tests.oracle import rfc6962
from tlog.hashing import hash_leaves
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.publishing.backlog import PART_BYTES, Backlog
from tlog.log.sequencer.growth import grow
from tlogverify.tiles import ENTRIES, Tile

EMPTY = Snapshot(b"empty", EMPTY_TREE)


class Grown:
    """A backlog and the tree that grows into it."""

    def __init__(self, limit_bytes: int = 1 << 20, *, offers_all: bool = True) -> None:
        self.backlog = Backlog(EMPTY, limit_bytes, offers_all=offers_all)
        self._tree: Tree = EMPTY_TREE

    def add(self, start: int, end: int) -> Snapshot:
        """Add the entries of [start, end)."""
        return self._add(entries(start, end))

    def add_part(self) -> Snapshot:
        """Add as much as is taken at once, and a little."""
        size = self._tree.size
        count = PART_BYTES // 60_000 + 1
        return self._add(
            [it.to_bytes(60_000, "big") for it in range(size, size + count)]
        )

    def _add(self, added: list[bytes]) -> Snapshot:
        growth = grow(self._tree, added, hash_leaves(added))
        self._tree = growth.tree
        snapshot = Snapshot(f"{growth.tree.size}".encode(), growth.tree)
        hashes = [rfc6962.leaf_hash(it) for it in added]
        self.backlog.add(snapshot, growth.full, added, hashes)
        return snapshot


def test_the_first_publication_is_of_what_is_there_already() -> None:
    backlog = Backlog(EMPTY, 1)
    assert backlog.wait_for_work()
    work = backlog.take()
    assert (EMPTY, 0, []) == (work.signed, work.start, [*work.entries])
    backlog.close()
    assert not backlog.wait_for_work()


def test_what_was_added_is_found_until_it_is_forgotten() -> None:
    grown = Grown()
    grown.add(0, 300)
    backlog, (leaf,) = grown.backlog, [rfc6962.leaf_hash(entries(7, 8)[0])]
    work = backlog.take()
    grown.add(300, 600)
    for _ in range(2):
        assert 7 == backlog.find(leaf)
        assert backlog.get(Tile(0, 0)) == work.tiles[Tile(0, 0)]
    backlog.forget(work)
    assert backlog.find(leaf) is None
    assert backlog.get(Tile(0, 0)) is None
    assert 599 == backlog.find(rfc6962.leaf_hash(entries(599, 600)[0]))
    assert backlog.get(Tile(ENTRIES, 1)) is not None


def test_work_follows_on_work() -> None:
    grown = Grown()
    one = grown.add(0, 300)
    first = grown.backlog.take()
    grown.add(300, 500)
    two = grown.add(500, 513)
    second = grown.backlog.take()
    assert (one, 0, entries(0, 300)) == (
        first.signed,
        first.start,
        [*first.entries],
    )
    assert (two, 300, entries(300, 513)) == (
        second.signed,
        second.start,
        [*second.entries],
    )
    assert {Tile(0, 1), Tile(ENTRIES, 1)} == set(second.tiles)


def test_work_that_was_put_back_comes_again_with_what_came_since() -> None:
    grown = Grown()
    grown.add(0, 300)
    work = grown.backlog.take()
    newest = grown.add(300, 600)
    grown.backlog.put_back(work)
    assert grown.backlog.wait_for_work()
    again = grown.backlog.take()
    assert (newest, 0, entries(0, 600)) == (
        again.signed,
        again.start,
        [*again.entries],
    )
    assert {0, 1} == {tile.index for tile in again.tiles}
    grown.backlog.forget(again)
    assert grown.backlog.get(Tile(0, 1)) is None


def test_work_that_was_put_back_twice_is_there_once() -> None:
    grown = Grown()
    grown.add(0, 10)
    for _ in range(2):
        grown.backlog.put_back(grown.backlog.take())
    work = grown.backlog.take()
    assert entries(0, 10) == [*work.entries]
    grown.backlog.forget(work)
    grown.backlog.wait_for_room()


def test_room_comes_back_with_forgotten_work() -> None:
    grown = Grown(limit_bytes=1)
    grown.add(0, 3)
    work = grown.backlog.take()
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(grown.backlog.wait_for_room)
        assert not waiting.done()
        grown.backlog.forget(work)
        waiting.result(PATIENCE_S)


def test_closing_ends_every_wait() -> None:
    grown = Grown(limit_bytes=1)
    grown.add(0, 3)
    grown.backlog.take()
    with ThreadPoolExecutor(3) as waiters:
        room = waiters.submit(grown.backlog.wait_for_room)
        work = waiters.submit(grown.backlog.wait_for_work)
        closed = waiters.submit(grown.backlog.wait_for_close, PATIENCE_S)
        grown.backlog.close()
        room.result(PATIENCE_S)
        assert not work.result(PATIENCE_S)
        assert closed.result(PATIENCE_S)


def test_a_head_that_waits_is_offered_by_itself() -> None:
    """Tiles do not wait for cosignatures; the public checkpoint does."""
    backlog = Backlog(EMPTY, 1 << 20, offers_all=False)
    assert backlog.take().shown is None
    backlog.add(EMPTY, {}, (), ())
    assert backlog.take().shown is None
    backlog.offer(EMPTY)
    assert EMPTY == backlog.take().shown
    assert backlog.take().shown is None


def test_every_head_is_offered_where_none_waits() -> None:
    grown = Grown()
    assert EMPTY == grown.backlog.take().shown
    newest = grown.add(0, 3)
    assert newest == grown.backlog.take().shown


def test_a_full_backlog_has_room_again_part_by_part() -> None:
    """Commits waited for all of it, which took seconds."""
    grown = Grown(limit_bytes=2 * PART_BYTES)
    heads = [grown.add_part() for _ in range(3)]
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(grown.backlog.wait_for_room)
        first = grown.backlog.take()
        assert [heads[0].size] == [it.signed.size for it in first.commits]
        grown.backlog.forget(first)
        second = grown.backlog.take()
        assert (heads[1], heads[0].size) == (second.signed, second.start)
        grown.backlog.forget(second)
        waiting.result(PATIENCE_S)
    assert grown.backlog.wait_for_work()
    assert heads[2] == grown.backlog.take().signed


def test_small_commits_are_taken_together() -> None:
    grown = Grown()
    grown.add(0, 10)
    newest = grown.add(10, 20)
    work = grown.backlog.take()
    assert (newest, 2) == (work.signed, len(work.commits))


def test_each_part_offers_its_own_head_and_the_last_the_newest() -> None:
    grown = Grown()
    first, second = grown.add_part(), grown.add_part()
    assert [first, second] == [grown.backlog.take().shown for _ in range(2)]
    assert grown.backlog.take().shown is None


def test_a_head_that_was_offered_comes_with_the_part_that_has_it() -> None:
    grown = Grown(offers_all=False)
    first, second = grown.add_part(), grown.add_part()
    grown.backlog.offer(second)
    assert [None, second] == [grown.backlog.take().shown for _ in range(2)]
    grown.add_part()
    grown.backlog.offer(first)
    assert first == grown.backlog.take().shown


def test_a_part_that_was_put_back_comes_again_before_the_next() -> None:
    grown = Grown()
    first, second = grown.add_part(), grown.add_part()
    work = grown.backlog.take()
    grown.backlog.put_back(work)
    assert [first, second] == [grown.backlog.take().shown for _ in range(2)]


def test_whoever_waits_for_a_part_waits_no_longer_than_for_that() -> None:
    grown = Grown()
    with ThreadPoolExecutor(1) as waiter:
        waiting = waiter.submit(grown.backlog.wait_for_part, PATIENCE_S)
        grown.add(0, 3)
        assert not waiting.done()
        grown.add_part()
        waiting.result(PATIENCE_S)


def test_all_that_is_asked_for_is_found_at_once() -> None:
    grown = Grown()
    grown.add(0, 5)
    known = [rfc6962.leaf_hash(it) for it in entries(0, 5)]
    asked = [*reversed(known), rfc6962.leaf_hash(b"unknown")]
    expected = dict(zip(known, range(5), strict=True))
    assert expected == grown.backlog.find_all(asked)
