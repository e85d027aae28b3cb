"""In the background of a server: what waits too long goes, what has changed is found.

A round takes care of the documents that wait for their entries and of the index of
components, then reads some of the stored ones again, no faster than is set.  It begins
again from the start when all have been read.  Nothing of it runs on the event loop.
Where nodes share a store, each looks after its own index, and who writes the log looks
after all else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final

from aiohttp import web

from tlog.documents.door import find_naming_entry
from tlog.documents.indexing import list_sboms, read_noted
from tlog.documents.naming import Naming
from tlog.documents.opening import OpenDocuments
from tlog.documents.shelf import Shelf, stored_at, stored_on
from tlog.log_lines import log_event
from tlogverify.errors import TlogError

_ROUND_S: Final = 30.0


class Upkeep:
    """Looks after one store while its server runs."""

    def __init__(self, documents: OpenDocuments, naming: Naming) -> None:
        self._follows = documents.follows
        self._store = documents.store
        self._settings = documents.settings
        self._metrics = documents.metrics
        self._threads = documents.threads
        self._clock = documents.clock
        self._naming = naming
        self._places: Iterator[tuple[Shelf, bytes]] = iter(())

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Run as long as the application does."""
        working = asyncio.create_task(self._work())
        yield
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    async def _work(self) -> None:
        while True:
            steps = [self.look_after_components]
            if not self._follows:
                steps = [self.look_after_pending, *steps, self._scrub_as_set]
            for step in steps:
                await self._make(step)
            await asyncio.sleep(_ROUND_S)

    async def _make(self, step: Callable[[], Awaitable[object]]) -> None:
        """Make one step of a round; that it fails keeps no other one from its work."""
        try:
            await step()
        except (TlogError, OSError) as error:
            # The machine's trouble passes, and a damaged tombstone is told to whoever
            # asks for its document: neither ends the server.
            self._places = iter(())
            log_event("upkeep of documents failed", level="error", error=str(error))

    async def _scrub_as_set(self) -> None:
        await self.scrub(self._settings.document_scrub_bytes_per_s)

    async def look_after_pending(self) -> None:
        """Store what an entry names by now, and drop what has waited too long."""
        pending = await self._threads.run(self._store.pending)
        self._metrics.pending_bytes.set(sum(pending.values()))
        for digest in pending:
            named = await find_naming_entry(self._naming, digest)
            if named is not None:
                await self._threads.run(self._store.promote, digest, named)
                continue
            facts = await self._threads.run(self._store.facts, digest)
            since_s = 0 if facts is None else facts.stored_s
            if self._clock.now_s() - since_s > self._settings.document_pending_s:
                await self._threads.run(self._store.drop_pending, digest)

    async def look_after_components(self) -> None:
        """Note the SBOMs of an older store, and read what was noted and not read."""
        if not await self._threads.run(self._is_listed):
            await self._threads.run(list_sboms, self._store)
        await self._threads.run(self._store.catch_up)
        most_bytes = self._settings.document_index_bytes
        after: int | None = 0
        while after is not None:
            after = await self._threads.run(read_noted, self._store, most_bytes, after)

    def _is_listed(self) -> bool:
        return self._store.components.is_listed

    async def scrub(self, bytes_per_s: int) -> int:
        """Read stored documents again for one round; return how many were read.

        bytes_per_s: what a second may cost; 0 reads nothing.
        """
        left, count = int(bytes_per_s * _ROUND_S), 0
        while left > 0:
            place = await self._threads.run(self._next_place)
            if place is None:
                break
            size = await self._threads.run(self._verify, *place)
            self._metrics.scrubbed_bytes.inc(size)
            left, count = left - max(size, 1), count + 1
            # A second's worth at a time, so that the disk is there for others too.
            await asyncio.sleep(size / bytes_per_s)
        return count

    def _verify(self, tier: Shelf, digest: bytes) -> int:
        if self._store.tombstone(digest) is not None:
            # What a crash left between the tombstone and the bytes.
            self._store.remove_bytes(digest)
            return 0
        size = tier.size(stored_at(digest))
        if size is not None:
            self._store.verify(tier, digest)
        return size or 0

    def _next_place(self) -> tuple[Shelf, bytes] | None:
        """Return what is read next; None behind the last, then the first again."""
        place = next(self._places, None)
        if place is None:
            tiers = self._store.tiers
            self._places = ((it, digest) for it in tiers for digest, _ in stored_on(it))
        return place
