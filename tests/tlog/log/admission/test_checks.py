"""Checks run elsewhere, and only so many wait."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tlog.errors import BusyError
from tlog.log.admission.checks import Checks
from tlogverify.errors import FormatError


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a check waits for, so that it runs as long as a test wants."""
    event = threading.Event()
    yield event
    event.set()


async def check_in(checks: Checks, ask: Callable[[], Any], size_bytes: int) -> Any:
    """Take room for a check, as those who submit do, and run it."""
    with checks.room(size_bytes):
        return await checks.run(ask)


async def test_a_check_runs_on_another_thread() -> None:
    checks = Checks()
    assert threading.get_ident() != await check_in(checks, threading.get_ident, 1)
    checks.close()


async def test_what_a_check_raises_is_raised() -> None:
    checks = Checks()

    def check() -> None:
        raise FormatError("a rule")

    with pytest.raises(FormatError, match="a rule"):
        await check_in(checks, check, 1)
    assert 0 == checks.waiting
    checks.close()


@pytest.mark.parametrize(
    ("limit", "limit_bytes", "sizes"),
    [(2, 100, [1, 1]), (100, 10, [6, 4]), (100, 10, [20])],
    ids=["count", "bytes", "one that is larger"],
)
async def test_above_a_bound_there_is_no_room(
    gate: threading.Event, limit: int, limit_bytes: int, sizes: list[int]
) -> None:
    checks = Checks(limit=limit, limit_bytes=limit_bytes)
    running = [asyncio.create_task(check_in(checks, gate.wait, size)) for size in sizes]
    await asyncio.sleep(0)
    assert len(sizes) == checks.waiting
    with pytest.raises(BusyError, match="too many submissions wait to be checked"):
        await check_in(checks, gate.wait, 1)
    gate.set()
    assert [True] * len(sizes) == await asyncio.gather(*running)
    assert await check_in(checks, gate.wait, 1)
    checks.close()


async def test_what_runs_is_finished_at_the_end(gate: threading.Event) -> None:
    checks, started = Checks(), threading.Event()

    def check() -> bool:
        started.set()
        return gate.wait()

    running = asyncio.create_task(check_in(checks, check, 1))
    await asyncio.to_thread(started.wait)
    gate.set()
    await asyncio.to_thread(checks.close)
    assert await running


async def test_what_comes_after_the_end_is_told_so() -> None:
    checks = Checks()
    checks.close()
    with pytest.raises(BusyError, match="the log is stopping"):
        await check_in(checks, lambda: True, 1)


@pytest.mark.parametrize("error", [FormatError("a rule"), KeyError(99)])
async def test_one_that_fails_leaves_its_neighbours_alone(error: Exception) -> None:
    checks = Checks()

    def fail() -> None:
        raise error

    asks = [lambda: 1, fail, lambda: 2, lambda: 3]
    answers = await asyncio.gather(
        *(check_in(checks, ask, 1) for ask in asks), return_exceptions=True
    )
    assert [1, error, 2, 3] == answers
    checks.close()
