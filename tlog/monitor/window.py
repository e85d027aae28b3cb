"""Bundles in order, while others are under way: a window with a bound in bytes.

The bundles that have come and were not taken stay below a limit of memory, apart from
the answers that were under way when it was reached.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from tlog.monitor.source import Source
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_AHEAD_BYTES: Final = 24 << 20
_AHEAD_TILES: Final = 256
_CHUNK_TILES: Final = 64
_CHUNK_BYTES: Final = 8 << 20


class Window:
    """Fetches the bundles of a log of `size`, from number `first` on, left to right.

    No list of all bundles is made, since a log can sign any size.
    """

    def __init__(self, source: Source, first: int, size: int) -> None:
        self._source = source
        self._first = first
        self._size = size
        self._count = max(-(-size // TILE_WIDTH) - first, 0)
        self._asked = 0
        self._taken = 0
        self._waiting_bytes = 0
        self._come: dict[int, bytes] = {}
        self._has_failed = False
        self._changed = asyncio.Condition()

    async def chunks(self) -> AsyncGenerator[list[bytes], None]:
        """Yield all tiles' bytes in order, some at a time.

        Raises the error of a fetch that failed, after all that came before it.
        """
        workers = [
            asyncio.create_task(self._fetch()) for _ in range(self._source.parallel)
        ]
        try:
            while self._taken < self._count:
                chunk = await self._next(workers)
                yield chunk
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    def _tile(self, at: int) -> Tile:
        number = self._first + at
        return Tile(ENTRIES, number, min(self._size - number * TILE_WIDTH, TILE_WIDTH))

    async def _next(self, workers: Sequence["asyncio.Task[None]"]) -> list[bytes]:
        async with self._changed:
            while not self._is_chunk_there():
                if all(worker.done() for worker in workers):
                    # A fetch has failed, and what came before it is worth keeping.
                    break
                await self._changed.wait()
            if self._taken not in self._come:
                for worker in workers:
                    worker.result()
            chunk: list[bytes] = []
            size = 0
            while self._taken in self._come and len(chunk) < _CHUNK_TILES:
                size += len(self._come[self._taken])
                if chunk and size > _CHUNK_BYTES:
                    break
                chunk.append(self._come.pop(self._taken))
                self._taken += 1
            self._waiting_bytes -= sum(map(len, chunk))
            self._changed.notify_all()
        return chunk

    def _is_chunk_there(self) -> bool:
        """Whether enough has come: few large calls of the kernels cost the least."""
        end = min(self._taken + _CHUNK_TILES, self._count)
        if all(at in self._come for at in range(self._taken, end)):
            return True
        return self._taken in self._come and self._waiting_bytes >= _AHEAD_BYTES

    async def _fetch(self) -> None:
        try:
            while (span := await self._span()) is not None:
                start, end = span
                wanted = [self._tile(at) for at in range(start, end)]
                found = await self._source.tiles(wanted)
                async with self._changed:
                    self._come.update(zip(range(start, end), found, strict=True))
                    self._waiting_bytes += sum(map(len, found))
                    self._changed.notify_all()
        except BaseException:
            self._has_failed = True
            raise
        finally:
            # Whoever waits for a bundle looks whether this was the last worker.
            async with self._changed:
                self._changed.notify_all()

    async def _span(self) -> tuple[int, int] | None:
        """Return what to ask for next, when there is room for it."""
        async with self._changed:
            await self._changed.wait_for(self._has_room)
            start = self._asked
            end = min(start + self._source.run, self._count)
            self._asked = end
        return (start, end) if start < end and not self._has_failed else None

    def _has_room(self) -> bool:
        if self._has_failed or self._asked == self._count:
            return True
        return (
            self._waiting_bytes < _AHEAD_BYTES
            and self._asked < self._taken + _AHEAD_TILES
        )
