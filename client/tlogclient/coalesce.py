"""Single submits that share requests.

There is no timer.  The submits that wait while one request is under way go into the
next request.  Under no load a submit leaves at once; the more submits there are, the
larger the batches.  Each waiter gets its own outcome: a waiter that is cancelled or
refused takes nobody with it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tlogclient.batches import count_fitting
from tlogclient.errors import RefusedError, UnavailableError

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiter(Generic[Answer]):
    """One entry and the submitter who waits for its answer, unless it gave up."""

    entry: bytes
    answer: asyncio.Future[Answer]

    def succeed(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Coalescer(Generic[Answer]):
    """Turns single submits into calls of `send`, one at a time.

    send: takes the entries of one request, returns an answer for each, in order.
    """

    def __init__(self, send: Callable[[list[bytes]], Awaitable[list[Answer]]]) -> None:
        self._send = send
        self._waiting: deque[_Waiter[Answer]] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._is_closed = False

    async def submit(self, entry: bytes) -> Answer:
        """Send `entry` with the next request and return its answer.

        Raises what `send` raises; UnavailableError if it is closed before the answer.
        """
        if self._is_closed:
            raise _closed()
        loop = asyncio.get_running_loop()
        waiter: _Waiter[Answer] = _Waiter(entry, loop.create_future())
        self._waiting.append(waiter)
        if self._sending is None or self._sending.done():
            self._sending = loop.create_task(self._send_all())
        return await waiter.answer

    async def close(self) -> None:
        """Fail whoever still waits, with UnavailableError; idempotent."""
        self._is_closed = True
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        # A task that is cancelled before its first step fails nobody itself.
        self._fail(self._waiting, _closed())
        self._waiting.clear()

    async def _send_all(self) -> None:
        batch: list[_Waiter[Answer]] = []
        try:
            while batch := self._take_batch():
                await self._send_batch(batch)
        except asyncio.CancelledError:
            self._fail([*batch, *self._waiting], _closed())
            self._waiting.clear()
            raise

    async def _send_batch(self, batch: list[_Waiter[Answer]]) -> None:
        try:
            answers = await self._send([waiter.entry for waiter in batch])
            outcomes = list(zip(batch, answers, strict=True))
        except RefusedError as error:
            self._refuse(batch, error)
        except Exception as error:  # noqa: BLE001 - the top of this task: its waiters get it
            self._fail(batch, error)
        else:
            for waiter, answer in outcomes:
                waiter.succeed(answer)

    def _take_batch(self) -> list[_Waiter[Answer]]:
        alive = [waiter for waiter in self._waiting if not waiter.answer.done()]
        count = count_fitting(waiter.entry for waiter in alive)
        self._waiting = deque(alive[count:])
        return alive[:count]

    def _refuse(self, batch: list[_Waiter[Answer]], error: RefusedError) -> None:
        position = error.position
        if position is None or position >= len(batch):
            self._fail(batch, error)
            return
        batch.pop(position).fail(error.at(0))
        # The others were not at fault: they go first in the next request.
        self._waiting.extendleft(reversed(batch))

    @staticmethod
    def _fail(waiters: Iterable[_Waiter[Answer]], error: Exception) -> None:
        for waiter in waiters:
            waiter.fail(error)


def _closed() -> UnavailableError:
    return UnavailableError("the client was closed before the log's answer")
