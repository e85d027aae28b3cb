"""A clock that says what cannot be: no role starts, signs or tells anything by it."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from tests.faults.opened import PATIENCE_S, entries, settings
from tests.support.monitored import HeldClock, Monitored
from tests.support.refused import require_told
from tests.support.static_log import StaticLog, entries_of
from tests.support.witnessing import histories, served, witness_settings
from tlog.clock import BoundedClock, ClockError, SystemClock
from tlog.log.opening import open_log
from tlog.log_lines import configure_logs, log_event
from tlog.witness.opening import Witness

# 2262-04-11T23:47:16Z is the last whole second that 63 bits of nanoseconds hold.
FIRST_S, LAST_S = 1, 9_223_372_036
CANNOT_BE = [-(2**63), -1, 0, LAST_S + 1, 2**63, 2**64]
ONE, _ = histories(10, common=3)


class SetClock(HeldClock):
    """A clock that can be set, beside one that never goes back."""

    def monotonic_s(self) -> float:  # type: ignore[explicit-override]  # typing: from 3.12
        return time.monotonic()


@pytest.mark.parametrize("time_s", [FIRST_S, LAST_S])
def test_a_time_within_the_bounds_is_told_as_it_is(time_s: int) -> None:
    assert time_s == BoundedClock(HeldClock(time_s)).now_s()


@pytest.mark.parametrize("time_s", CANNOT_BE)
def test_a_time_beyond_the_bounds_is_refused_with_what_to_change(time_s: int) -> None:
    with pytest.raises(ClockError, match=rf"set it\. It says {time_s} seconds"):
        BoundedClock(HeldClock(time_s)).now_s()


def test_a_system_that_cannot_count_its_time_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(time, "time", _overflow)
    with pytest.raises(ClockError, match="more than 9223372036 seconds"):
        SystemClock().now_s()


def _overflow() -> float:
    raise OverflowError("timestamp too large to convert to C _PyTime_t")


def open_a_log(folder: Path, clock: HeldClock) -> None:
    open_log(settings(folder), clock=clock).close()


def open_a_witness(folder: Path, clock: HeldClock) -> None:
    Witness(witness_settings(folder), clock=clock)


@pytest.mark.parametrize("open_role", [open_a_log, open_a_witness])
@pytest.mark.parametrize("time_s", CANNOT_BE)
def test_no_log_and_no_witness_is_made_by_a_clock_that_cannot_be(
    tmp_path: Path, open_role: Callable[[Path, HeldClock], None], time_s: int
) -> None:
    with pytest.raises(ClockError):
        open_role(tmp_path / "role", HeldClock(time_s))
    assert not (tmp_path / "role").exists()


@pytest.mark.parametrize("time_s", CANNOT_BE)
async def test_no_monitor_starts_by_a_clock_that_cannot_be(
    tmp_path: Path, time_s: int
) -> None:
    monitored = Monitored(tmp_path, "http://127.0.0.1:1", clock=HeldClock(time_s))
    with pytest.raises(ClockError):
        await monitored.look()
    assert not monitored.state.exists()


@pytest.mark.parametrize("time_s", CANNOT_BE)
def test_a_log_refuses_entries_while_its_clock_cannot_be(
    tmp_path: Path, time_s: int
) -> None:
    clock = SetClock()
    log = open_log(settings(tmp_path, mldsa44=True), clock=clock)
    log.start(lambda: None)
    try:
        clock.time_s = time_s
        with pytest.raises(ClockError):
            log.submitting.pool.put(entries(0, 3)).result(PATIENCE_S)
        assert 0 == log.heads.signed.size
        clock.time_s = LAST_S
        assert (0, 1, 2) == (
            log.submitting.pool.put(entries(0, 3)).result(PATIENCE_S).indexes
        )
        assert log.lifeline.failure is None
    finally:
        log.close()


@pytest.mark.parametrize("time_s", CANNOT_BE)
async def test_a_witness_cosigns_nothing_while_its_clock_cannot_be(
    tmp_path: Path, time_s: int
) -> None:
    clock = SetClock()
    opened = Witness(witness_settings(tmp_path / "w"), clock=clock)
    async with served(opened) as witness:
        right_s, clock.time_s = clock.time_s, time_s
        answer = await witness.add(ONE.request(0, 3))
        require_told(answer, 503, "unavailable", "")
        assert int(answer.headers["retry-after"]) >= 1
        assert await witness.cosigned_size() is None
        clock.time_s = right_s
        assert 200 == (await witness.add(ONE.request(0, 3))).status


@pytest.mark.parametrize("time_s", CANNOT_BE)
async def test_a_monitor_verifies_nothing_by_a_clock_that_goes_wrong(
    tmp_path: Path, time_s: int
) -> None:
    (tmp_path / "log").mkdir()
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 300))
    log.publish()
    clock = LeavingClock(time_s)
    monitored = Monitored(tmp_path, str(log.folder), clock=clock)
    with pytest.raises(ClockError):
        await monitored.look()
    monitored.clock = HeldClock()
    assert 0 == await monitored.size()


class LeavingClock(SetClock):
    """A clock that is right once, and wrong from then on."""

    def __init__(self, wrong_s: int) -> None:
        super().__init__()
        self._wrong_s = wrong_s

    def now_s(self) -> int:  # type: ignore[explicit-override]  # typing: from 3.12
        told, self.time_s = self.time_s, self._wrong_s
        return told


def test_a_log_line_is_written_where_the_time_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tlog.log_lines.datetime", NoTime)
    configure_logs("json", "info")
    try:
        log_event("stopped", size=3)
    finally:
        # What stands for standard error here is closed after this test.
        structlog.reset_defaults()
    assert '"timestamp": "unknown"' in capsys.readouterr().err


class NoTime:
    """What stands for the system's calendar."""

    @staticmethod
    def now(_: object) -> None:
        raise OverflowError("timestamp too large to convert to C _PyTime_t")
