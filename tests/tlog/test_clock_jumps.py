"""A clock that jumps: what is signed, in which order of time, and what is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from tests.faults.opened import PATIENCE_S, entries, settings
from tests.support.cases import case
from tests.support.monitored import HeldClock, Monitored
from tests.support.static_log import StaticLog
from tests.support.witnessing import histories, served, witness_settings
from tests.tlog.documents.kept import keeping
from tests.tlog.documents.test_upkeep import LaterClock, upkeep_of
from tests.tlog.gate.workshop import BAD_SHA256, RULES, place, running_gate
from tests.tlog.monitor.test_hits import records_of, subject_of
from tests.tlog.rules.workshop import FRESH, NOW, WAIVED, at
from tests.tlog.test_clock import SetClock
from tests.tlogverify.documents import ARTIFACT_SHA256
from tlog.documents.facts import Facts
from tlog.documents.retention import parse_rules
from tlog.documents.tombstones import parse_time
from tlog.log.opening import open_log
from tlog.monitor.monitor import Outcome
from tlog.witness.opening import OpenWitness
from tlogverify.keys import KeyType
from tlogverify.note import parse_note

ONE, _ = histories(10, common=3)
NOW_S = 1_800_000_000
Lines = list[Any]


def steps(lines: Lines) -> list[tuple[int, int]]:
    """Return the steps back that were told since the last look: from, to."""
    told = [it for it in lines if it["event"] == "signature time goes back"]
    lines.clear()
    return [(it["stated"], it["now"]) for it in told]


def stated(note: bytes) -> list[int]:
    """Return the times of a note, of ML-DSA-44 lines."""
    long = [it.signature for it in parse_note(note).signatures]
    return [int.from_bytes(it[:8], "big") for it in long if len(it) > 2_000]


@pytest.fixture
def lines() -> Iterator[Lines]:
    with structlog.testing.capture_logs() as captured:
        yield captured


def test_a_log_tells_each_step_back_of_what_it_states(
    tmp_path: Path, lines: Lines
) -> None:
    clock = SetClock(NOW_S)
    told: list[int] = []

    def add(first: int, time_s: int) -> None:
        clock.time_s = time_s
        log.submitting.pool.put(entries(first, first + 1)).result(PATIENCE_S)
        told.extend(stated(log.heads.signed.note))

    log = open_log(settings(tmp_path, mldsa44=True), clock=clock)
    log.start(lambda: None)
    try:
        add(0, NOW_S)
        add(1, NOW_S + 86_400)
        assert [] == steps(lines)
        add(2, NOW_S + 10)
        assert [(NOW_S + 86_400, NOW_S + 10)] == steps(lines)
        add(3, NOW_S + 11)
        assert [] == steps(lines)
    finally:
        log.close()
    # The clock is set back while nobody runs.
    clock.time_s = NOW_S - 100
    log = open_log(settings(tmp_path, mldsa44=True), clock=clock)
    log.start(lambda: None)
    try:
        add(4, NOW_S - 100)
        assert [(NOW_S + 11, NOW_S - 100)] == steps(lines)
    finally:
        log.close()
    jumps = [0, 86_400, 10, 11, -100]
    assert [NOW_S + it for it in jumps] == told


def test_a_log_that_states_no_time_has_nothing_to_tell(
    tmp_path: Path, lines: Lines
) -> None:
    clock = SetClock(NOW_S)
    log = open_log(settings(tmp_path), clock=clock)
    log.start(lambda: None)
    try:
        for number, time_s in enumerate((NOW_S, NOW_S - 100)):
            clock.time_s = time_s
            batch = entries(number, number + 1)
            log.submitting.pool.put(batch).result(PATIENCE_S)
    finally:
        log.close()
    assert [] == steps(lines)


async def test_a_witness_tells_each_step_back_of_what_it_states(
    tmp_path: Path, lines: Lines
) -> None:
    clock = SetClock(NOW_S)
    folder = tmp_path / "w"
    opened = OpenWitness(witness_settings(folder), clock=clock)
    async with served(opened) as witness:
        for old, size, time_s in ((0, 3, NOW_S), (3, 4, NOW_S + 50), (4, 5, NOW_S)):
            clock.time_s = time_s
            assert 200 == (await witness.add(ONE.request(old, size))).status
    assert [(NOW_S + 50, NOW_S)] == steps(lines)
    clock.time_s = NOW_S - 1
    opened = await asyncio.to_thread(_reopened, folder, clock)
    async with served(opened) as witness:
        answer = await witness.add(ONE.request(5, 6))
        assert 200 == answer.status
    assert [(NOW_S, NOW_S - 1)] == steps(lines)
    kinds = [it.key_type for it in opened.verifier_keys]
    assert [KeyType.COSIGNATURE, KeyType.MLDSA44] == kinds


async def test_a_monitor_tells_each_alarm_once_by_the_time_that_its_machine_has(
    tmp_path: Path,
) -> None:
    log = StaticLog(tmp_path / "log")
    monitored = Monitored(tmp_path, str(log.folder), clock=HeldClock(NOW_S))
    watched = subject_of(0)
    looked: list[tuple[Outcome, list[str]]] = []

    async def look(time_s: int, size: int) -> None:
        monitored.clock.time_s = time_s
        log.add(records_of(size)[len(log.entries) :])
        log.publish()
        told = len(monitored.lines)
        outcome = await monitored.look(watch=(watched,), stalled_after_s=3_600)
        looked.append((outcome, monitored.kinds()[told:]))

    await look(NOW_S, 5)
    # Ahead by a day: a log that is quiet looks stalled.  What comes ends that.
    await look(NOW_S + 86_400, 5)
    await look(NOW_S + 86_401, 6)
    # Set right, and then back: nothing is told again, and nothing looks stalled.
    for time_s in (NOW_S + 10, NOW_S - 86_400, NOW_S - 86_399):
        await look(time_s, 6)
    await look(NOW_S - 86_400 + 3_600, 6)
    assert [
        (Outcome.HITS, ["hit"]),
        (Outcome.ALARM, ["stalled"]),
        (Outcome.QUIET, ["recovered"]),
        *[(Outcome.QUIET, [])] * 3,
        (Outcome.ALARM, ["stalled"]),
    ] == looked
    times = [parse_time(it["time"]) for it in monitored.alarms()]
    jumps = [0, 86_400, 86_401, 3_600 - 86_400]
    assert [NOW_S + it for it in jumps] == times


async def test_a_gate_judges_by_the_time_that_its_machine_has(tmp_path: Path) -> None:
    """Set ahead, a scan is old and an exception over; set back, a scan is of later."""
    waived = WAIVED % (BAD_SHA256.hex(), at(NOW + 100))
    made = place(tmp_path, RULES + FRESH + waived)
    month_s = 30 * 86_400
    async with running_gate(made, refused_s=0) as served:
        for jump_s, good, waits in (
            (0, "met", "exception"),
            (month_s, "not-met", "no-entry"),
            (0, "met", "exception"),
            (-month_s, "not-met", "exception"),
        ):
            made.clock.time_s = NOW + jump_s
            with case(f"{jump_s} s"):
                for artifact, reason in ((ARTIFACT_SHA256, good), (BAD_SHA256, waits)):
                    told = await served.decide(f"sha256:{artifact.hex()}")
                    assert reason == told["reason"]


async def test_a_store_drops_and_prunes_nothing_early_by_a_clock_set_back(
    tmp_path: Path,
) -> None:
    rules = parse_rules("rules", b'[[keep]]\nenvironment = "branch"\nkeep = "4w"\n')
    async with keeping(tmp_path / "log", document_pending_s=60) as kept:
        assert 202 == (await kept.put(b"its entry never comes")).status
        begun_s = kept.documents.clock.now_s()
        clock = LaterClock(begun_s)
        facts = Facts(begun_s, 5, ((0, "urn:test"),), ("branch",))
        for jump_s, is_waiting, action in (
            (-86_400, True, "keep"),
            (0, True, "keep"),
            (29 * 86_400, False, "expire"),
        ):
            clock.time_s = begun_s + jump_s
            with case(f"{jump_s} s"):
                await upkeep_of(kept, clock).look_after_pending()
                waiting = [it for it in kept.files() if it.startswith("pending/")]
                assert is_waiting == bool(waiting)
                judged = rules.judge(
                    bytes(32), facts, is_cold=False, now_s=clock.now_s()
                )
                assert action == judged.action


def _reopened(folder: Path, clock: HeldClock) -> OpenWitness:
    return OpenWitness(witness_settings(folder), clock=clock)
