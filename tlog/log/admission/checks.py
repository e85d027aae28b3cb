"""Checks that cost too much for the event loop: on threads, on all cores, bounded.

Verifying a signature leaves the interpreter's lock, so threads are enough.  The checks
that come in one turn of the loop go to them together, because a hop to a thread and
back costs as much as a check.
"""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from tlog.errors import BusyError

MAX_WAITING: Final = 4_096
MAX_WAITING_BYTES: Final = 64 << 20

_Result = TypeVar("_Result")


class _Check(NamedTuple):
    """A question, and who waits for the answer."""

    ask: Callable[[], Any]
    waiter: asyncio.Future[Any]


class Checks:
    """The checks that have room, at most so many and of so many bytes.

    waiting: how many; for gauges.
    """

    def __init__(
        self, *, limit: int = MAX_WAITING, limit_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._cores = os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(self._cores, "check")
        self._gathered: list[_Check] = []
        self._bytes = 0
        self.waiting = 0

    async def run(self, ask: Callable[[], _Result]) -> _Result:
        """Return what `ask` returns or raises; for who has `room`, on one loop."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[_Result] = loop.create_future()
        self._gathered.append(_Check(ask, waiter))
        if len(self._gathered) == 1:
            loop.call_soon(self._hand_over, loop)
        return await waiter

    @contextmanager
    def room(self, size_bytes: int) -> Iterator[None]:
        """Keep room for one check until it is answered; BusyError if there is none.

        size_bytes: what it holds in memory until then.
        """
        is_above = self._bytes + size_bytes > self._limit_bytes
        if self.waiting >= self._limit or (self.waiting and is_above):
            raise BusyError("too many submissions wait to be checked")
        self.waiting += 1
        self._bytes += size_bytes
        try:
            yield
        finally:
            self.waiting -= 1
            self._bytes -= size_bytes

    def close(self) -> None:
        """Finish what runs, and end the threads."""
        self._threads.shutdown()

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give the gathered checks to the threads, in one part for each core."""
        gathered, self._gathered = self._gathered, []
        size = -(-len(gathered) // self._cores)  # rounded up
        for at in range(0, len(gathered), size):
            part = gathered[at : at + size]
            asks = [check.ask for check in part]
            waiters = [check.waiter for check in part]
            try:
                answered = loop.run_in_executor(self._threads, _answer, asks)
            except RuntimeError:
                # The threads have ended: the log is stopping.
                answered = loop.create_future()
                answered.set_exception(BusyError("the log is stopping"))
            answered.add_done_callback(partial(_settle, waiters))


def _answer(asks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Ask all; an error is an answer like any other, and only to its own question."""
    answers: list[Any] = []
    for ask in asks:
        try:
            answers.append(ask())
        except Exception as error:  # noqa: BLE001 - the top of each check: it ends here
            answers.append(error)
    return answers


def _settle(
    waiters: Sequence[asyncio.Future[Any]], answered: asyncio.Future[list[Any]]
) -> None:
    """Give each that still waits its outcome."""
    fault = answered.exception()
    answers = [fault] * len(waiters) if fault else answered.result()
    for waiter, answer in zip(waiters, answers, strict=True):
        if waiter.done():
            continue
        if isinstance(answer, BaseException):
            waiter.set_exception(answer)
        else:
            waiter.set_result(answer)
