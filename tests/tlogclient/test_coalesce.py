"""Sharing requests: who goes with whom, and who fails alone."""

import asyncio

import pytest

from tlogclient.coalesce import Coalescer
from tlogclient.errors import RefusedError, UnavailableError
from tlogverify import TlogError


class Sender:
    """Answers each entry in upper case once the gate is open; refuses `bad`."""

    def __init__(self) -> None:
        self.batches: list[list[bytes]] = []
        self.gate = asyncio.Event()
        self.started = asyncio.Event()
        self.bad: set[bytes] = set()
        self.error: Exception | None = None

    async def __call__(self, entries: list[bytes]) -> list[bytes]:
        self.batches.append(entries)
        self.started.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        for position, entry in enumerate(entries):
            if entry in self.bad:
                raise RefusedError("bad", "no", status=400, position=position)
        return [entry.upper() for entry in entries]


async def waiting(
    sender: Sender, singles: Coalescer[bytes], *rest: bytes
) -> list["asyncio.Task[bytes]"]:
    """Send `a` and let `rest` wait behind it."""
    first = asyncio.create_task(singles.submit(b"a"))
    await sender.started.wait()
    tasks = [first, *(asyncio.create_task(singles.submit(item)) for item in rest)]
    await asyncio.sleep(0)
    return tasks


async def test_what_waits_goes_into_the_next_request() -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b", b"c", b"d")
    sender.gate.set()
    assert await asyncio.gather(*tasks) == [b"A", b"B", b"C", b"D"]
    assert sender.batches == [[b"a"], [b"b", b"c", b"d"]]


async def test_what_comes_at_once_goes_in_one_request() -> None:
    sender = Sender()
    sender.gate.set()
    singles = Coalescer(sender)
    await asyncio.gather(*(singles.submit(b"%d" % n) for n in range(100)))
    assert [len(batch) for batch in sender.batches] == [100]


async def test_one_after_the_other_are_requests_of_one() -> None:
    sender = Sender()
    sender.gate.set()
    singles = Coalescer(sender)
    assert [await singles.submit(item) for item in (b"a", b"b")] == [b"A", b"B"]
    assert sender.batches == [[b"a"], [b"b"]]


async def test_a_request_holds_ten_thousand() -> None:
    sender = Sender()
    sender.gate.set()
    singles = Coalescer(sender)
    await asyncio.gather(*(singles.submit(b"x") for _ in range(10_001)))
    assert [len(batch) for batch in sender.batches] == [10_000, 1]


async def test_only_the_entry_at_fault_is_refused() -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b", b"bad", b"c", b"worse", b"d")
    sender.bad = {b"bad", b"worse"}
    sender.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [o for o in outcomes if isinstance(o, RefusedError)]
    assert [o for o in outcomes if isinstance(o, bytes)] == [b"A", b"B", b"C", b"D"]
    assert [outcomes.index(error) for error in refused] == [2, 4]
    assert [error.position for error in refused] == [0, 0]
    assert sender.batches[-1] == [b"b", b"c", b"d"]


@pytest.mark.parametrize(
    "error",
    [
        RefusedError("token", "no", status=401),
        RefusedError("odd", "no", status=400, position=7),
        UnavailableError("no answer"),
        ValueError("a mistake of ours"),
    ],
)
async def test_a_request_that_fails_as_a_whole_fails_all_of_it(
    error: Exception,
) -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b", b"c")
    sender.error = error
    sender.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes == [error, error, error]
    sender.error = None
    assert await singles.submit(b"d") == b"D"


async def test_a_send_that_answers_too_few_fails_and_does_not_hang() -> None:
    async def send(entries: list[bytes]) -> list[bytes]:
        return entries[1:]

    with pytest.raises(ValueError, match="zip"):
        await Coalescer(send).submit(b"a")


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_cancelling_one_leaves_the_others(cancelled: int) -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b", b"c")
    tasks[cancelled].cancel()
    await asyncio.sleep(0)
    sender.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(cancelled), asyncio.CancelledError)
    assert outcomes == [
        item for at, item in enumerate([b"A", b"B", b"C"]) if at != cancelled
    ]


async def test_cancelling_one_before_a_failure_leaves_the_others_to_it() -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b")
    tasks[0].cancel()
    sender.error = UnavailableError("no answer")
    sender.gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1] is sender.error


async def test_who_gave_up_before_the_request_is_not_sent() -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b")
    tasks[1].cancel()
    sender.gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    await singles.close()
    assert sender.batches == [[b"a"]]


async def test_closing_fails_all_who_wait() -> None:
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b", b"c")
    await singles.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 3
    with pytest.raises(UnavailableError):
        await singles.submit(b"d")
    await singles.close()


async def test_closing_before_the_first_request_fails_all_who_wait() -> None:
    singles = Coalescer(Sender())
    task = asyncio.create_task(singles.submit(b"a"))
    closing = asyncio.create_task(singles.close())
    with pytest.raises(TlogError):
        await task
    await closing


async def test_a_sender_that_is_cancelled_from_outside_fails_all_and_starts_anew() -> (
    None
):
    sender = Sender()
    singles = Coalescer(sender)
    tasks = await waiting(sender, singles, b"b")
    (sending,) = asyncio.all_tasks() - {asyncio.current_task(), *tasks}
    sending.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UnavailableError] * 2
    sender.gate.set()
    assert await singles.submit(b"c") == b"C"
