"""What the public sees after each publication, and how a publisher ends."""

from pathlib import Path
from threading import Event

import pytest

from tests.faults.faulty import RecordingDisk
from tests.faults.opened import (
    PATIENCE_S,
    audit_folder,
    entries,
    public_head,
    step,
    stepping,
)
from tlog.clock import SystemClock
from tlog.entries.packed import Packed
from tlog.lifeline import Lifeline
from tlog.log.life import Log
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.publisher import Publisher

SIZES = [1, 2, 255, 256, 257, 511, 512, 513, 700]


class StandingClock:
    """A clock whose time does not pass."""

    def now_s(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0


class BrokenIndex:
    """An index that takes nothing."""

    complete_to = 0

    def add_entries(self, entries: Packed, leaf_hashes: bytes) -> None:
        raise RuntimeError("no index")


def test_each_publication_leaves_a_whole_log(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        done = 0
        for size in SIZES:
            step(log, entries(done, size))
            log.publisher.publish()
            done = size
            assert entries(0, size) == audit_folder(tmp_path).entries
            assert size == log.publisher.public_size == log.stores.index.complete_to
            assert log.publisher.public_note == log.heads.signed.note


def test_a_tile_is_written_once_for_each_width(tmp_path: Path) -> None:
    disk = RecordingDisk()
    with stepping(tmp_path, disk) as log:
        done = 0
        for size in [*SIZES, *SIZES]:
            if size > done:
                step(log, entries(done, size))
                done = size
            log.publisher.publish()
    named = [path for call, path in disk.calls if call == "rename"]
    tiles = [path for path in named if path.name != "checkpoint"]
    assert len(set(tiles)) == len(tiles)


def test_only_the_newest_widths_of_a_full_tile_are_dropped(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        step(log, entries(0, 200))
        log.publisher.publish()
        step(log, entries(200, 300))
        log.publisher.publish()
    level_0 = tmp_path / "public" / "tile" / "0"
    assert ["000", "001.p"] == sorted(it.name for it in level_0.iterdir())


def test_a_restart_publishes_what_the_last_one_did_not(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        step(log, entries(0, 300))
    with stepping(tmp_path) as log:
        log.publisher.publish()
        assert 300 == public_head(log).size
        assert 300 == log.stores.index.complete_to


def test_a_restart_has_the_public_checkpoint_at_hand(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        step(log, entries(0, 300))
        log.publisher.publish()
        note = log.publisher.public_note
    with stepping(tmp_path) as log:
        assert note == log.publisher.public_note


@pytest.mark.parametrize("interval_s", [0.0, 1.0])
def test_what_was_added_before_closing_is_published(
    tmp_path: Path, interval_s: float
) -> None:
    with stepping(tmp_path) as log:
        step(log, entries(0, 300))
        publisher = _publisher(log, interval_s, StandingClock())
        log.backlog.close()
        publisher.start(Lifeline())
        publisher.join()
        step(log, entries(300, 400))
        publisher = _publisher(log, interval_s, StandingClock())
        publisher.start(Lifeline())
        publisher.join()
        assert 400 == public_head(log).size


def test_an_index_that_fails_ends_the_publisher(tmp_path: Path) -> None:
    with stepping(tmp_path) as log:
        publisher = Publisher(
            log.backlog,
            log.stores.objects,
            BrokenIndex(),
            interval_s=0,
            clock=SystemClock(),
            metrics=LogMetrics(),
        )
        stopped, lifeline = Event(), Lifeline()
        lifeline.on_stop = stopped.set
        step(log, entries(0, 3))
        publisher.start(lifeline)
        publisher.join()
        assert stopped.wait(PATIENCE_S)
        assert "no index" in str(lifeline.failure)


def _publisher(log: Log, interval_s: float, clock: StandingClock) -> Publisher:
    return Publisher(
        log.backlog,
        log.stores.objects,
        log.stores.index,
        interval_s=interval_s,
        clock=clock,
        metrics=log.metrics,
    )
