"""Checks that cost too much for the event loop: on threads, on all cores, bounded.

Verifying a signature leaves the interpreter's lock, so threads are enough.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from tlog.errors import BusyError

MAX_WAITING: Final = 4_096
MAX_WAITING_BYTES: Final = 64 << 20

_Result = TypeVar("_Result")


class Checks:
    """The checks that wait or run, at most so many and of so many bytes.

    waiting: how many; for gauges.
    """

    def __init__(
        self, *, limit: int = MAX_WAITING, limit_bytes: int = MAX_WAITING_BYTES
    ) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "check")
        self._bytes = 0
        self.waiting = 0

    async def run(self, check: Callable[[], _Result], size_bytes: int) -> _Result:
        """Return what `check` returns or raises; BusyError if too many wait.

        size_bytes: what it holds in memory until then.  For one event loop.
        """
        is_above = self._bytes + size_bytes > self._limit_bytes
        if self.waiting >= self._limit or (self.waiting and is_above):
            raise BusyError("too many submissions wait to be checked")
        self.waiting += 1
        self._bytes += size_bytes
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, check)
        finally:
            self.waiting -= 1
            self._bytes -= size_bytes

    def close(self) -> None:
        """Finish what runs, and end the threads."""
        self._threads.shutdown()
