"""Where a log stands, as other processes read it: whole, or not at all."""

from collections.abc import Iterator

import pytest

from tests.faults.opened import entry
from tests.support.cases import case
from tlog import hashing
from tlog.entries.packed import Packed
from tlog.errors import MachineError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE
from tlog.log.sequencer.growth import grow
from tlog.log.workers.board import (
    Board,
    KeptHeads,
    Poster,
    Reader,
    Stand,
    note_digest,
)


def snapshots(*sizes: int) -> Iterator[Snapshot]:
    tree = EMPTY_TREE
    for size in sizes:
        added = Packed.of([entry(it) for it in range(tree.size, size)])
        if added:
            hashes = hashing.bundle_leaf_hashes(added.bundle, len(added))
            tree = grow(tree, added, hashes).tree
        yield Snapshot(b"note of %d" % size, tree)


class Log:
    """What stands somewhere, and is posted there."""

    def __init__(self) -> None:
        self.board = Board()
        self.poster = Poster(self.board, lambda: self.stand)
        self.reader = Reader(self.board)
        self.stand = Stand(Snapshot(b"", EMPTY_TREE), None, b"", 0, True, False)

    def post(self, signed: Snapshot, shown: Snapshot | None = None) -> None:
        self.stand = Stand(signed, shown or signed, b"public", 7, True, False)
        self.poster.post()


def test_a_snapshot_is_read_as_it_was_posted_at_every_edge() -> None:
    log = Log()
    for snapshot in snapshots(0, 1, 255, 256, 257, 65_535, 65_536, 65_537):
        with case(f"size {snapshot.size}"):
            log.post(snapshot)
            stand = log.reader.stand
            assert snapshot == stand.signed
            assert stand.signed is stand.shown
            assert (b"public", 7, True) == (
                stand.public,
                stand.complete_to,
                stand.is_open,
            )
            # The same object, until there is another one.
            assert stand is log.reader.stand


def test_a_shown_head_may_be_another_one_or_none() -> None:
    log = Log()
    first, second = snapshots(300, 600)
    log.post(second, first)
    assert (second, first) == (log.reader.stand.signed, log.reader.stand.shown)
    log.stand = Stand(second, None, b"", 0, False, False)
    log.poster.post()
    assert (None, False) == (log.reader.stand.shown, log.reader.stand.is_open)


def test_a_head_that_was_missed_is_found_or_told() -> None:
    log = Log()
    posted = list(snapshots(*range(1, 30)))
    for snapshot in posted:
        log.post(snapshot)
    # The last ones are on the board still.
    assert posted[-3] == log.reader.head(posted[-3].note)
    assert log.reader.head(posted[0].note) is None
    told = log.poster.head(note_digest(posted[0].note))
    assert told is not None
    assert posted[0] == log.reader.take(told)
    assert log.poster.head(note_digest(b"another")) is None


def test_heads_are_kept_as_far_as_there_is_room() -> None:
    posted = list(snapshots(*range(1, 30)))
    kept = KeptHeads(limit_bytes=6_000)
    for snapshot in posted:
        kept.put(snapshot)
    found = [it for it in posted if kept.get(note_digest(it.note)) is not None]
    assert posted[-len(found) :] == found
    assert 0 < len(found) < 10
    tiny = KeptHeads(limit_bytes=1)
    for snapshot in posted:
        tiny.put(snapshot)
        assert snapshot is tiny.get(note_digest(snapshot.note))
    assert tiny.get(note_digest(posted[-2].note)) is None


def test_what_is_written_only_in_part_is_not_read() -> None:
    log = Log()
    with pytest.raises(MachineError):
        _ = log.reader.stand
    (snapshot,) = snapshots(300)
    log.post(snapshot)
    nth = log.board.nth
    content = log.board.read(nth)
    assert content is not None
    at = log.board._memory.find(content)
    for offset in (0, len(content) // 2, len(content) - 1):
        with case(f"byte {offset}"):
            kept = log.board._memory[at + offset]
            log.board._memory[at + offset] = kept ^ 1
            assert log.board.read(nth) is None
            with pytest.raises(MachineError):
                _ = Reader(log.board).stand
            log.board._memory[at + offset] = kept
    assert snapshot == Reader(log.board).stand.signed


def test_a_slot_that_another_posting_has_taken_is_not_taken_for_the_old_one() -> None:
    board = Board()
    for nth in range(1, 10):
        board.post(b"%d" % nth)
    assert board.read(1) is None
    assert [b"2", b"9"] == [board.read(2), board.read(9)]
