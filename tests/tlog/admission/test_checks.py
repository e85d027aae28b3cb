"""Checks run elsewhere, and only so many wait."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from tlog.admission.checks import Checks
from tlog.errors import BusyError
from tlogverify.errors import FormatError


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a check waits for, so that it runs as long as a test wants."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_check_runs_on_another_thread() -> None:
    checks = Checks()
    assert threading.get_ident() != await checks.run(threading.get_ident, 1)
    checks.close()


async def test_what_a_check_raises_is_raised() -> None:
    checks = Checks()

    def check() -> None:
        raise FormatError("a rule")

    with pytest.raises(FormatError, match="a rule"):
        await checks.run(check, 1)
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
    running = [asyncio.create_task(checks.run(gate.wait, size)) for size in sizes]
    await asyncio.sleep(0)
    assert len(sizes) == checks.waiting
    with pytest.raises(BusyError, match="too many submissions wait to be checked"):
        await checks.run(gate.wait, 1)
    gate.set()
    assert [True] * len(sizes) == await asyncio.gather(*running)
    assert await checks.run(gate.wait, 1)
    checks.close()


async def test_what_runs_is_finished_at_the_end(gate: threading.Event) -> None:
    checks, started = Checks(), threading.Event()

    def check() -> bool:
        started.set()
        return gate.wait()

    running = asyncio.create_task(checks.run(check, 1))
    await asyncio.to_thread(started.wait)
    gate.set()
    await asyncio.to_thread(checks.close)
    assert await running


async def test_what_comes_after_the_end_is_told_so() -> None:
    checks = Checks()
    checks.close()
    with pytest.raises(BusyError, match="the log is stopping"):
        await checks.run(lambda: True, 1)


async def test_one_that_is_refused_leaves_its_neighbours_alone() -> None:
    checks = Checks()

    def refuse() -> None:
        raise FormatError("a rule")

    asks = [lambda: 1, refuse, lambda: 2]
    answers = await asyncio.gather(
        *(checks.run(ask, 1) for ask in asks), return_exceptions=True
    )
    assert [1, 2] == [answers[0], answers[2]]
    assert isinstance(answers[1], FormatError)
    checks.close()
