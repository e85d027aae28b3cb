"""Proofs against a snapshot: plan, read the tiles once, finish.

If all tiles are in memory, a proof waits for nothing; otherwise the disk is read on
another thread, so that the event loop never waits for it.
"""

import asyncio
from collections.abc import Sequence

from tlog.log.merkle.plans import (
    ProofPlan,
    consistency_plan,
    inclusion_plan,
    range_plans,
    root_plan,
)
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.reader import TileReader
from tlogverify.hashing import EMPTY_ROOT, Hash
from tlogverify.proof import Proof

# Above this many proofs in one answer, the work goes to a thread: the loop must not
# stand still for longer than a few milliseconds.
_PROOFS_INLINE = 64


class Prover:
    """Proves entries and older trees of a snapshot."""

    def __init__(self, reader: TileReader) -> None:
        self._reader = reader

    def inclusion_at_once(
        self, snapshot: Snapshot, index: int, size: int
    ) -> list[Hash] | None:
        """Return the path as `inclusion` does; None if that waits for a tile."""
        if size == snapshot.size:
            return self._reader.inclusion_path(snapshot, index)
        return self._prove_at_once(snapshot, inclusion_plan(index, size))

    def consistency_at_once(
        self, snapshot: Snapshot, old_size: int, new_size: int
    ) -> list[Hash] | None:
        """Return the proof as `consistency` does; None if that waits for a tile."""
        return self._prove_at_once(snapshot, consistency_plan(old_size, new_size))

    async def inclusion(
        self, snapshot: Snapshot, index: int, size: int | None = None
    ) -> list[Hash]:
        """Return the path of the leaf at `index`, in the tree of `size`.

        index < size <= the snapshot's size, which is the default.
        """
        if size is None or size == snapshot.size:
            path = self._reader.inclusion_path(snapshot, index)
            if path is None:
                load = self._reader.load_inclusion_paths
                path = (await asyncio.to_thread(load, snapshot, [index]))[index]
            return path
        return await self._prove(snapshot, inclusion_plan(index, size))

    async def inclusions(
        self, snapshot: Snapshot, indexes: Sequence[int]
    ) -> dict[int, list[Hash]]:
        """Return the path of each of `indexes` in the snapshot's tree."""
        if len(indexes) > _PROOFS_INLINE:
            load = self._reader.load_inclusion_paths
            return await asyncio.to_thread(load, snapshot, indexes)
        return {index: await self.inclusion(snapshot, index) for index in indexes}

    async def range(
        self, snapshot: Snapshot, start: int, end: int
    ) -> tuple[list[Hash], list[Hash]]:
        """Return `left` and `right` of the range proof of the leaves [start, end)."""
        left, right = range_plans(start, end, snapshot.size)
        return await self._prove(snapshot, left), await self._prove(snapshot, right)

    async def consistency(
        self, snapshot: Snapshot, old_size: int, new_size: int
    ) -> list[Hash]:
        """Return the proof from `old_size` to `new_size` <= the snapshot's size."""
        return await self._prove(snapshot, consistency_plan(old_size, new_size))

    async def root(self, snapshot: Snapshot, size: int) -> Hash:
        """Return the root that the tree had at `size` <= the snapshot's size."""
        if size == 0:
            return EMPTY_ROOT
        return (await self._prove(snapshot, root_plan(size)))[0]

    async def entries(self, snapshot: Snapshot, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), which lie below the snapshot's size."""
        return await asyncio.to_thread(self._reader.entries, snapshot, start, end)

    async def proof_file(self, snapshot: Snapshot, index: int) -> Proof:
        """Return the proof file of the entry at `index`, against the snapshot."""
        (entry,) = await self.entries(snapshot, index, index + 1)
        path = await self.inclusion(snapshot, index)
        return Proof(index, tuple(path), snapshot.note, entry)

    def _prove_at_once(self, snapshot: Snapshot, plan: ProofPlan) -> list[Hash] | None:
        tiles = self._reader.peek(snapshot, plan.tiles())
        return None if tiles is None else plan.finish(tiles)

    async def _prove(self, snapshot: Snapshot, plan: ProofPlan) -> list[Hash]:
        needed = plan.tiles()
        tiles = self._reader.peek(snapshot, needed)
        if tiles is None:
            tiles = await asyncio.to_thread(self._reader.load, snapshot, needed)
        return plan.finish(tiles)
