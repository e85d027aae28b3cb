"""What a waiter does changes nothing for the others."""

from pathlib import Path

from tests.faults.opened import (
    PATIENCE_S,
    entries,
    fsck,
    running,
    settings,
    submit,
)
from tlog.log.opening import open_log


def test_a_waiter_that_goes_away_does_not_stop_the_log(tmp_path: Path) -> None:
    log = open_log(settings(tmp_path))
    gone = log.submitting.pool.put(entries(0, 3))
    stays = log.submitting.pool.put(entries(3, 5))
    gone.cancel()  # what a closed connection does, if it is let
    log.start(lambda: None)
    try:
        receipt = stays.result(PATIENCE_S)
        assert log.lifeline.failure is None
        assert len(set(receipt.indexes)) == 2
        assert receipt.indexes == submit(log, entries(3, 5)).indexes
    finally:
        log.close()
    assert 0 == fsck(tmp_path)


def test_what_was_accepted_before_closing_is_answered(tmp_path: Path) -> None:
    with running(tmp_path) as log:
        waiting = [
            log.submitting.pool.put(entries(at, at + 7)) for at in range(0, 700, 7)
        ]
    placed = [index for it in waiting for index in it.result(0).indexes]
    assert list(range(700)) == placed
    assert 0 == fsck(tmp_path)
