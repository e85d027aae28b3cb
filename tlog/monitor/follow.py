"""From the verified head to a larger one: every new entry is read and hashed.

Nothing is believed before the root comes out.  What has been read meanwhile is stored
and counted as it comes, so that a stop costs little; the cursor moves once, at the end,
together with what the watches found.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from tlog import hashing
from tlog.clock import Clock
from tlog.monitor.matching import Matcher
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.source import Source
from tlog.monitor.state import State
from tlog.monitor.store import Cursor, Head, Hit, Tell
from tlog.monitor.stored import StoredTree
from tlog.monitor.verdict import (
    SplitViewError,
    compare,
    convict,
    require_extension,
)
from tlog.monitor.window import Window
from tlogverify.errors import FormatError
from tlogverify.tiles import TILE_WIDTH

# Of an entry, for each watch that it names; its proof file has it whole.
_KEPT_BYTES: Final = 4_096
_COMMIT_BYTES: Final = 32 << 20

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

Progress = Callable[[int, int], None]
"""Told how many entries are read, and how many there are."""


@dataclass(slots=True)
class _Reading:
    """What was read and is not in the store yet.

    edge: the incomplete bundle at the head's size.  Its hits wait until the head is
    proven: another head may have another edge.
    """

    verified_size: int = 0
    hits: list[Hit] = field(default_factory=list)
    size_bytes: int = 0
    edge: bytes = b""
    edge_hits: list[Hit] = field(default_factory=list)


async def finish(
    work: Callable[_Parameters, _Result],
    *arguments: _Parameters.args,
    **named: _Parameters.kwargs,
) -> _Result:
    """Run work in a thread, to its end even if the caller is cancelled meanwhile."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **named))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait([running])
        raise


class Follower:
    """Moves the cursor of one state along one log."""

    def __init__(
        self,
        source: Source,
        state: State,
        clock: Clock,
        metrics: MonitorMetrics,
        progress: Progress,
    ) -> None:
        self._source = source
        self._state = state
        self._store = state.store
        self._bundles = state.bundles
        self._clock = clock
        self._metrics = metrics
        self._progress = progress
        self._reading = _Reading()

    async def follow(
        self, origin: str, head: Head, matcher: Matcher, tell: Tell
    ) -> None:
        """Prove a signed head, and move the cursor to it if it is larger.

        Raises SplitViewError or BadLogError if it is not proven, SourceError if the
        entries did not come.  The cursor stays where it was then.
        """
        cursor = self._store.cursor()
        verified = cursor.head
        # What another head has left here is not of this one.
        self._reading = _Reading()
        if head.size < cursor.bundles * TILE_WIDTH and verified.size < head.size:
            await finish(self.drop_unverified)
        if head.size <= verified.size:
            await finish(self._compare, head, verified)
            if head.size == verified.size and head.note != verified.note:
                # By other keys or witnesses: proofs are made for today's policy.
                await finish(self._store.renew, head)
            if verified.note == b"":
                await finish(self._accept, origin, head, matcher, tell)
            return
        if not await self._is_proven(head, verified, matcher):
            await convict(head, verified, self._source)
        await finish(self._accept, origin, head, matcher, tell)

    async def _is_proven(self, head: Head, verified: Head, matcher: Matcher) -> bool:
        """Read up to a head; tell whether its root comes out of the entries."""
        try:
            await self._read(head, verified, matcher)
        except FormatError:
            # What came before it stays: there is no other reading of those bundles.
            return False
        tree = StoredTree(self._bundles, self._reading.edge, head.size)
        try:
            if await finish(tree.root, head.size) == head.root:
                await finish(require_extension, head, verified, tree)
                return True
        except SplitViewError:
            await finish(self.drop_unverified)
            raise
        await finish(self.drop_unverified)
        return False

    def _compare(self, head: Head, verified: Head) -> None:
        compare(head, verified, self._state.tree())

    async def _read(self, head: Head, verified: Head, matcher: Matcher) -> None:
        """Read, hash and store all bundles up to a head."""
        self._reading = _Reading(verified.size)
        window = Window(self._source, self._bundles.count, head.size)
        try:
            async with aclosing(window.chunks()) as chunks:
                async for chunk in chunks:
                    await finish(self._take, chunk, head, matcher)
                    read = min(self._bundles.count * TILE_WIDTH, head.size)
                    self._metrics.entries_behind.set(head.size - read)
                    self._progress(head.size if self._reading.edge else read, head.size)
        finally:
            # Also when it stops halfway: the next reading starts behind these bundles.
            await finish(self._commit, matcher)

    def _take(self, chunk: list[bytes], head: Head, matcher: Matcher) -> None:
        """Hash, search and store some bundles."""
        reading, start = self._reading, self._bundles.count
        full, width = divmod(head.size, TILE_WIDTH)
        if start + len(chunk) > full:
            reading.edge = chunk.pop()
            # Of a wrong form, it is found out here.
            hashing.bundle_leaf_hashes(reading.edge, width)
            reading.edge_hits = hits_in(matcher, reading.edge, full, width)
        hashes = [hashing.bundle_leaf_hashes(it, TILE_WIDTH) for it in chunk]
        if chunk:
            self._bundles.append(chunk, hashing.subtree_roots(b"".join(hashes)))
        for number, bundle in enumerate(chunk, start):
            # Below the verified size, the verified edge has been searched, not this.
            reading.hits += [
                hit
                for hit in hits_in(matcher, bundle, number, TILE_WIDTH)
                if hit.place >= reading.verified_size
            ]
            reading.size_bytes += len(bundle)
        if reading.size_bytes >= _COMMIT_BYTES:
            self._commit(matcher)

    def _commit(self, matcher: Matcher) -> None:
        reading = self._reading
        if reading.size_bytes == 0:
            return
        self._bundles.sync()
        labels = [it.label for it in matcher.watches]
        self._store.advance(self._bundles.count, reading.hits, labels)
        reading.hits.clear()
        reading.size_bytes = 0

    def _accept(self, origin: str, head: Head, matcher: Matcher, tell: Tell) -> None:
        reading, self._reading = self._reading, _Reading()
        now_s = self._clock.now_s()
        cursor = Cursor(origin, self._bundles.count, head, reading.edge, now_s)
        labels = [it.label for it in matcher.watches]
        self._store.accept(cursor, reading.edge_hits, labels, tell)

    def drop_unverified(self) -> None:
        """Forget what was read beyond the verified head."""
        self._bundles.cut(self._store.drop_unverified())


def hits_in(matcher: Matcher, bundle: bytes, number: int, width: int) -> list[Hit]:
    """Return what the watches find in one bundle of the log."""
    start = number * TILE_WIDTH
    return [
        Hit(it.watch.label, it.watch.name, start + it.place, it.entry[:_KEPT_BYTES])
        for it in matcher.search(bundle, width)
    ]
