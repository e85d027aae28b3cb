"""A clock that jumps: what is signed, in which order of time, and what is told."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing

from tests.faults.opened import PATIENCE_S, entries, settings
from tests.support.monitored import HeldClock
from tests.support.witnessing import histories, served, witness_settings
from tests.tlog.test_clock import SetClock
from tlog.log.opening import open_log
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


def _reopened(folder: Path, clock: HeldClock) -> OpenWitness:
    return OpenWitness(witness_settings(folder), clock=clock)
