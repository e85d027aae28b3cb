"""Writers that run at once, in a time of their own: a pause ends when all are pausing.

No clock is read and nobody sleeps.  While one of them still works, no pause ends; then
the shortest does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from heapq import heappop, heappush
from typing import TypeVar

_Done = TypeVar("_Done")


class Writers:
    """So many writers; each is handed this as its pauses."""

    def __init__(self, count: int) -> None:
        self._working = count
        self._now_s = 0.0
        self._drawn = 0
        self._waiting: list[tuple[float, int, asyncio.Event]] = []

    async def run(
        self, writers: Sequence[Callable[[], Awaitable[_Done]]]
    ) -> list[_Done]:
        """Run all of them to their end, and return what they return."""

        async def run_one(writer: Callable[[], Awaitable[_Done]]) -> _Done:
            try:
                return await writer()
            finally:
                self._leave()

        return await asyncio.gather(*map(run_one, writers))

    async def pause(self, seconds: float) -> None:
        """Return when all others pause too, and no pause of theirs ends before."""
        woken = asyncio.Event()
        self._drawn += 1
        heappush(self._waiting, (self._now_s + seconds, self._drawn, woken))
        self._leave()
        await woken.wait()

    def spread(self) -> float:
        """Return a number from 0 to 1, another each time."""
        self._drawn += 1
        return self._drawn * 0.6180339887 % 1

    def _leave(self) -> None:
        self._working -= 1
        if not self._working and self._waiting:
            self._now_s, _, woken = heappop(self._waiting)
            self._working = 1
            woken.set()
