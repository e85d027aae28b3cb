"""Tiles and bundles: from the right edge, from the backlog, or from disk."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol, cast

from tlog import hashing
from tlog.errors import MISSING, CorruptError, MachineError
from tlog.log.merkle.paths import (
    Nodes,
    Paths,
    TilePlace,
    nodes_of,
    siblings_among,
    siblings_in_full_tile,
)
from tlog.log.merkle.plans import TileLevels, root_plan
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.scratch import PathScratch
from tlog.log.proofs.settings import ReadingSettings
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash
from tlogverify.tiles import ENTRIES, FULL_TILE_BYTES, TILE_WIDTH, Tile

_PAGE_BYTES = 4 << 20
_NOW_BYTES = 128 << 10

_CUT = 16
"""For how many tiles that are kept there is one whose nodes are cut, 45 KiB."""


class Stored(Protocol):
    """Full tiles that are on disk."""

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes.

        Raises FileNotFoundError if it is not there, another OSError if the machine
        cannot read it.
        """
        ...

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        """Return a tile's bytes if that waits for nothing and they are not more.

        None says nothing about the tile: `read` does.
        """
        ...


class Unpublished(Protocol):
    """Full tiles that are committed and not on disk yet."""

    def get(self, tile: Tile) -> bytes | None:
        """Return a tile's bytes, or None if it is on disk."""
        ...


class _Newest(NamedTuple):
    """What the proofs of one snapshot share: that which was asked for last."""

    snapshot: Snapshot
    paths: Paths


class TileReader:
    """Reads the tiles of a snapshot; safe to use from any thread.

    cached: how many full tiles are kept with all their inner nodes, 16 KiB each; one
    for each 16 of them, above the leaves, stays with its nodes cut.
    scratch: takes what they push out more than once.
    """

    def __init__(
        self,
        stored: Stored,
        unpublished: Unpublished,
        cached: int,
        scratch: PathScratch,
    ) -> None:
        self._stored = stored
        self._unpublished = unpublished
        self._limit = cached
        self._scratch = scratch
        self._cache: OrderedDict[TilePlace, TileLevels] = OrderedDict()
        # Of tiles above the leaves.
        self._nodes: dict[TilePlace, Nodes] = {}
        self._lock = Lock()
        self._newest: _Newest | None = None

    def inclusion_path(self, snapshot: Snapshot, index: int) -> list[Hash] | None:
        """Return the path of the leaf at `index`; None if that waits for a tile."""
        # Made each time: a reader that keeps it keeps itself, and its file open.
        within = partial(self._siblings, False)
        return self._paths_of(snapshot).path(index, within)

    def load_inclusion_paths(
        self, snapshot: Snapshot, indexes: Iterable[int]
    ) -> dict[int, list[Hash]]:
        """Return the paths of the leaves at `indexes`; may wait for the disk."""
        paths = self._paths_of(snapshot)
        within = partial(self._siblings, True)
        return {it: cast(list[Hash], paths.path(it, within)) for it in indexes}

    def _paths_of(self, snapshot: Snapshot) -> Paths:
        newest = self._newest
        if newest is None or newest.snapshot is not snapshot:
            newest = self._newest = _Newest(snapshot, Paths(snapshot.tree.frontier))
        return newest.paths

    def _siblings(
        self, may_wait: bool, place: TilePlace, nth: int
    ) -> Sequence[Hash] | None:
        """Return what `Within` does; None if it may not wait, and would."""
        is_above_leaves = place[0] > 0
        if is_above_leaves and (nodes := self._nodes.get(place)) is not None:
            return siblings_among(nodes, nth)
        levels = self._cached(place)
        if levels is None:
            siblings = self._scratch.siblings(place, nth, may_wait=may_wait)
            if siblings is not None:
                return siblings
            levels = self._loaded(place, may_wait=may_wait)
            if levels is None:
                return None
        found = siblings_in_full_tile(levels, nth)
        # The first stay: to cut those of others again and again costs more.
        if is_above_leaves and len(self._nodes) < self._limit // _CUT:
            self._nodes[place] = nodes_of(levels)
        return found

    def _loaded(self, place: TilePlace, *, may_wait: bool) -> TileLevels | None:
        """Return a full tile, and keep it; None if it may not wait, and would."""
        tile = Tile(*place)
        content = self._full_bytes(tile) if may_wait else self.bytes_now(tile)
        if content is None:
            return None
        levels = hashing.tile_levels(content)
        pushed_out = []
        with self._lock:
            self._cache[place] = levels
            while len(self._cache) > self._limit:
                pushed_out.append(self._cache.popitem(last=False))
        for it in pushed_out:
            self._scratch.keep(*it)
        return levels

    def _cached(self, place: TilePlace) -> TileLevels | None:
        levels = self._cache.get(place)
        if levels is not None:
            try:  # noqa: SIM105 - suppress() costs more than this
                self._cache.move_to_end(place)
            except KeyError:
                # Another thread has just pushed it out.
                pass
        return levels

    def peek(
        self, snapshot: Snapshot, tiles: Iterable[Tile]
    ) -> dict[Tile, TileLevels] | None:
        """Return hash tiles with their inner nodes; None if one is waited for."""
        return self._gathered(snapshot, tiles, may_wait=False)

    def load(self, snapshot: Snapshot, tiles: Iterable[Tile]) -> dict[Tile, TileLevels]:
        """Return hash tiles with their inner nodes; may wait for the disk."""
        found = self._gathered(snapshot, tiles, may_wait=True)
        return cast(dict[Tile, TileLevels], found)

    def _gathered(
        self, snapshot: Snapshot, tiles: Iterable[Tile], *, may_wait: bool
    ) -> dict[Tile, TileLevels] | None:
        found: dict[Tile, TileLevels] = {}
        for tile in tiles:
            edge = None if tile.is_full else snapshot.tree.edge_bytes(tile)
            if edge is not None:
                found[tile] = hashing.tile_levels(edge)
                continue
            # An incomplete tile of an older tree is the beginning of the full one, and
            # so are the inner nodes that it has.
            place = tile.level, tile.index
            levels = self._cached(place)
            if levels is None:
                levels = self._loaded(place, may_wait=may_wait)
            if levels is None:
                return None
            found[tile] = levels
        return found

    def root(self, snapshot: Snapshot, size: int) -> Hash:
        """Return the root that the tree had at `size` <= the snapshot's size."""
        if size == 0:
            return EMPTY_ROOT
        plan = root_plan(size)
        return plan.finish(self.load(snapshot, plan.tiles()))[0]

    def bytes_now(self, tile: Tile) -> bytes | None:
        """Return the bytes of a full tile or bundle if that waits for nothing.

        None says nothing about it, and may be said of a large bundle: its bytes keep an
        event loop busy for too long.
        """
        # In this order: a tile leaves the memory only after it is on disk.
        content = self._unpublished.get(tile)
        if content is None:
            content = self._stored.read_now(tile, _NOW_BYTES)
        if content is None or len(content) > _NOW_BYTES:
            return None
        is_cut = tile.level != ENTRIES and len(content) != FULL_TILE_BYTES
        return None if is_cut else content

    def tile_bytes(self, snapshot: Snapshot, tile: Tile) -> bytes:
        """Return the bytes of a tile or bundle that the snapshot's tree has."""
        edge = snapshot.tree.edge_bytes(tile)
        if edge is not None:
            return edge
        full = self._full_bytes(tile.full)
        if tile.is_full:
            return full
        if tile.level == ENTRIES:
            return encode_bundle(self._entries(full)[: tile.width])
        return full[: tile.width * HASH_SIZE]

    def entries(self, snapshot: Snapshot, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), which lie below the snapshot's size.

        It returns fewer, from `start` on, if they have more bytes than a page, but at
        least one.
        """
        found: list[bytes] = []
        size = 0
        for index in range(start // TILE_WIDTH, (end + TILE_WIDTH - 1) // TILE_WIDTH):
            if index == snapshot.size // TILE_WIDTH:
                bundle = list(snapshot.tree.open_entries)
            else:
                bundle = self._entries(self._full_bytes(Tile(ENTRIES, index)))
            first = index * TILE_WIDTH
            for entry in bundle[max(start - first, 0) : end - first]:
                size += len(entry)
                if found and size > _PAGE_BYTES:
                    return found
                found.append(entry)
        return found

    def _full_bytes(self, tile: Tile) -> bytes:
        # Memory first: a tile leaves it only after it is on disk.
        content = self._unpublished.get(tile)
        if content is not None:
            return content
        try:
            content = self._stored.read(tile)
        except MISSING as error:
            raise CorruptError(tile.path, f"is missing: {error.strerror}") from error
        except OSError as error:
            # No descriptors, no memory, a disk that fails: the bytes may be whole.
            why = f"{tile.path} cannot be read now: {error.strerror}"
            raise MachineError(why) from error
        if tile.level != ENTRIES and len(content) != FULL_TILE_BYTES:
            raise CorruptError(tile.path, f"has {len(content)} bytes")
        return content

    def _entries(self, bundle: bytes) -> list[bytes]:
        try:
            return parse_bundle(bundle, TILE_WIDTH)
        except FormatError as error:
            raise CorruptError("an entry bundle", str(error)) from error


def open_reader(
    stored: Stored, unpublished: Unpublished, settings: ReadingSettings, temporary: Path
) -> TileReader:
    """Return a reader that keeps what is set, some of it in a file in `temporary`."""
    scratch = PathScratch(temporary, settings.scratch_tiles)
    return TileReader(stored, unpublished, settings.tile_cache_tiles, scratch)
