"""A flipped bit before signing: caught, counted, and never a part of the log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.opened import (
    PATIENCE_S,
    entries,
    fsck,
    let_go,
    running,
    settings,
    step,
    stepping,
    submit,
)
from tests.tlogverify.refusal import flip
from tlog import hashing
from tlog.entries.packed import Packed
from tlog.errors import FatalError
from tlog.hashing.plain import PlainBackend
from tlog.log.merkle.frontier import Frontier
from tlog.log.opening import open_log
from tlog.log.sequencer.batch import Batch, plan_batch
from tlog.log.sequencer.selfcheck import SelfCheckError
from tlogverify.hashing import to_hash

BEFORE, BATCH = entries(0, 300), entries(300, 700)


class FlippedKernel:
    """A kernel that flips one bit of its `nth` answer."""

    def __init__(self, real: Callable[..., bytes], nth: int, bit: int) -> None:
        self._real = real
        self._nth = nth
        self._bit = bit
        self.calls = 0

    def __call__(self, argument: object) -> bytes:
        answer = self._real(argument)
        self.calls += 1
        return flip(answer, self._bit) if self.calls == self._nth else answer


@contextmanager
def flipped(name: str, nth: int, bit: int) -> Iterator[FlippedKernel]:
    """Let one hash come out wrong, wherever the core computes it."""
    with pytest.MonkeyPatch.context() as patch:
        broken = PlainBackend()
        kernel = FlippedKernel(getattr(broken, name), nth, bit)
        # What is made of this function uses the broken one, too.
        patch.setattr(broken, name, kernel)
        leaves = ("hash_leaves", "bundle_leaf_hashes")
        for it in (*leaves, "hash_pairs", "tile_levels", "growth_levels"):
            patch.setattr(hashing, it, getattr(broken, it))
        yield kernel


def _require_unharmed(folder: Path) -> None:
    """The folder holds BEFORE and nothing else, and goes on from there."""
    with stepping(folder) as log:
        assert len(BEFORE) == log.heads.signed.size
        (receipt,) = step(log, [*BEFORE, *BATCH])
        assert tuple(range(len(BEFORE) + len(BATCH))) == receipt.indexes
        log.publisher.publish()
    assert 0 == fsck(folder)


@pytest.mark.parametrize("bit", [0, 255, 1000])
@pytest.mark.parametrize(
    ("kernel", "nth"),
    [
        ("hash_leaves", 1),
        # 5 for the peaks of the old tree, 10 for the levels of the new one.
        *(("hash_pairs", nth) for nth in range(1, 16)),
    ],
)
def test_a_wrong_hash_is_never_signed_away(
    tmp_path: Path, kernel: str, nth: int, bit: int
) -> None:
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        head = log.stores.journal.head()
        with (
            flipped(kernel, nth, bit) as broken,
            pytest.raises(SelfCheckError),
        ):
            step(log, BATCH)
        assert broken.calls >= nth
        assert head == log.stores.journal.head()
        assert len(BEFORE) == log.heads.signed.size
    _require_unharmed(tmp_path)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_bit_that_flips_in_the_right_edge_is_caught(
    tmp_path: Path, level: int, bit: int
) -> None:
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        committer, whole = log.sequencer.committer, log.heads.signed
        edges = list(whole.tree.frontier.edges)
        edges[level] = flip(edges[level], bit)
        damaged = replace(whole.tree, frontier=Frontier(whole.size, tuple(edges)))
        committer.signed = replace(whole, tree=damaged)
        with pytest.raises(SelfCheckError, match="old root"):
            committer.commit(_planned(), 0)
        assert len(BEFORE) == committer.signed.size
    _require_unharmed(tmp_path)


@pytest.mark.parametrize("position", [0, 255, 399])
def test_a_bit_that_flips_in_an_entry_before_the_commit_is_caught(
    tmp_path: Path, position: int
) -> None:
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        flipped_one = [*BATCH]
        flipped_one[position] = flip(BATCH[position], 999)
        batch = replace(_planned(), entries=Packed.of(flipped_one))
        with pytest.raises(SelfCheckError):
            log.sequencer.committer.commit(batch, 0)
    _require_unharmed(tmp_path)


@pytest.mark.parametrize("change", ["swapped", "missing", "twice"])
def test_entries_that_are_not_those_of_the_leaf_hashes_are_caught(
    tmp_path: Path, change: str
) -> None:
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        changed = [*BATCH]
        if change == "swapped":
            changed[3], changed[4] = changed[4], changed[3]
        elif change == "missing":
            changed.pop()
        else:
            changed.append(changed[-1])
        batch = replace(_planned(), entries=Packed.of(changed))
        with pytest.raises(SelfCheckError):
            log.sequencer.committer.commit(batch, 0)
    _require_unharmed(tmp_path)


def test_a_wrong_root_in_the_newest_snapshot_is_caught(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        step(log, BEFORE)
        committer, whole = log.sequencer.committer, log.heads.signed
        tree = replace(whole.tree, root=to_hash(bytes(32)))
        committer.signed = replace(whole, tree=tree)
        with pytest.raises(SelfCheckError, match="old root"):
            committer.commit(_planned(), 0)
    _require_unharmed(tmp_path)


def test_a_failed_self_check_stops_the_log_and_is_counted(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        submit(log, BEFORE)
        with flipped("hash_pairs", 1, 77) as broken:
            waiting = log.submitting.pool.put(BATCH)
            with pytest.raises(FatalError, match="self-check"):
                waiting.result(PATIENCE_S)
            log.sequencer.join()
        assert broken.calls >= 1
        assert isinstance(log.lifeline.failure, SelfCheckError)
        assert b"tlog_self_check_failures_total 1.0" in log.metrics.render()
    _require_unharmed(tmp_path)


def test_all_that_wait_when_a_log_stops_are_told(tmp_path: Path) -> None:
    log = open_log(settings(tmp_path))
    waiting = [log.submitting.pool.put(BATCH[at : at + 1]) for at in range(5)]
    late = [
        log.submitting.pool.put(entries(1000, 26_000)),
        log.submitting.pool.put(BATCH[10:20]),
    ]
    with flipped("hash_leaves", 1, 5) as broken:
        log.start(lambda: None)
        log.sequencer.join()
    log.close()
    assert broken.calls >= 1
    for receipt in [*waiting, *late]:
        assert isinstance(receipt.exception(PATIENCE_S), FatalError)
    with stepping(tmp_path) as log:
        assert 0 == log.heads.signed.size


def test_a_head_that_was_changed_behind_the_process_is_fatal(tmp_path: Path) -> None:
    log = open_log(settings(tmp_path))
    other = open_log(settings(tmp_path / "other"))
    try:
        step(log, BEFORE)
        head = log.stores.journal.head()
        assert head is not None
        log.stores.journal.commit(head, head._replace(size=head.size + 1), None, 0)
        with pytest.raises(FatalError, match="not the one"):
            step(log, BATCH)
        assert [300] == [it.end for it in log.stores.journal.batches()]
    finally:
        let_go(log)
        let_go(other)


def _planned() -> Batch:
    joined = hashing.hash_leaves(BATCH)
    leaf_hashes = [joined[at : at + 32] for at in range(0, len(joined), 32)]
    return plan_batch(Packed.of(BATCH), [len(BATCH)], leaf_hashes, {}, len(BEFORE))
