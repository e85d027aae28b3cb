"""Tiles, bundles and the public checkpoint, as files that anyone may serve."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tlog.durable.cached import read_cached
from tlog.durable.disk import Disk, DurableFolder
from tlogverify.tiles import Tile


class FolderObjects:
    """The files below the public folder."""

    def __init__(self, public: Path, temporary: Path, disk: Disk) -> None:
        self._public = public
        self._files = DurableFolder(public, temporary, disk)
        self._stored = public.with_name("stored")
        self._beside = DurableFolder(public.parent, temporary, disk)

    def _path(self, tile: Tile) -> Path:
        """Return where a tile lies or would lie."""
        return self._public / tile.path

    def put(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably, replacing what has their name."""
        self._files.put({self._path(tile): tiles[tile] for tile in tiles})

    def mend(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably, as `put` does."""
        self.put(tiles)

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; FileNotFoundError if it is not there."""
        return self._path(tile).read_bytes()

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        """Return a tile's bytes if the kernel has them in memory."""
        return read_cached(f"{self._public}/{tile.path}", limit_bytes)

    def read_many(self, tiles: Sequence[Tile]) -> list[bytes]:
        """Return the bytes of some tiles, in their order; raises as `read`."""
        return [self.read(tile) for tile in tiles]

    def drop_partials(self, tiles: Iterable[Tile]) -> None:
        """Drop the incomplete forms of tiles that are full now."""
        for tile in tiles:
            partials = f"{self._path(tile)}.p"
            # Under load most tiles are full when they are first written.
            if tile.is_full and os.path.lexists(partials):
                shutil.rmtree(partials, ignore_errors=True)
                self._files.forget(Path(partials))

    def replace_checkpoint(self, note: bytes) -> None:
        """Replace the public checkpoint durably."""
        self._files.put({self._public / "checkpoint": note})

    def checkpoint(self) -> bytes | None:
        """Return the public checkpoint, or None before the first."""
        try:
            return (self._public / "checkpoint").read_bytes()
        except FileNotFoundError:
            return None

    def replace_stored(self, note: bytes) -> None:
        """Replace, beside the public folder, the head whose tiles are durable."""
        self._beside.put({self._stored: note})

    def stored_head(self) -> bytes | None:
        """Return the head whose tiles are durable, if it was ever kept apart.

        It is where the public checkpoint waits for cosignatures.
        """
        try:
            return self._stored.read_bytes()
        except FileNotFoundError:
            return None
