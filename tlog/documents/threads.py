"""The threads of a store: few, and not those that read the log's tiles.

A document is hashed and written in a thread.  In the threads of the log's readers many
long ones would keep proofs waiting.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

COUNT: Final = 4
FAR_COUNT: Final = 8
"""Of a store behind a network: its threads wait for answers."""


class Threads:
    """Runs what blocks, for one event loop."""

    def __init__(self, count: int = COUNT) -> None:
        self._pool = ThreadPoolExecutor(count, "documents")

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    async def run(
        self,
        work: Callable[_Parameters, _Result],
        *arguments: _Parameters.args,
        **named: _Parameters.kwargs,
    ) -> _Result:
        """Run work to its end, also if the caller is cancelled meanwhile.

        What it uses must not be closed while it runs: a descriptor's number may be
        another file's by then.
        """
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._pool, partial(work, *arguments, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            raise
