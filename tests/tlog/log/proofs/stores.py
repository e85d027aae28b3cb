"""Stores of tiles for the reader's tests: without any, slow, cut, or with all."""

from hashlib import sha256
from pathlib import Path

from tlog import hashing
from tlog.log.merkle.paths import TilePlace, siblings_in_full_tile
from tlog.log.proofs.reader import Stored, TileReader, Unpublished
from tlog.log.proofs.scratch import PathScratch
from tlogverify.hashing import Hash
from tlogverify.tiles import Tile


def reading(stored: Stored, unpublished: Unpublished, cached: int) -> TileReader:
    """Return a reader that keeps so many tiles in memory, and no others."""
    return TileReader(stored, unpublished, cached, PathScratch(Path(), 0))


class Missing:
    """A store that has nothing, or what it was given."""

    def __init__(self, content: bytes | None = None) -> None:
        self._content = content

    def read(self, tile: Tile) -> bytes:
        if self._content is None:
            raise FileNotFoundError(2, "No such file or directory", tile.path)
        return self._content

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        del tile, limit_bytes
        return self._content

    def get(self, tile: Tile) -> bytes | None:
        del tile
        return None


class Counted:
    """A store that tells the levels of the tiles that were read from it."""

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self.read_levels: list[int] = []

    def read(self, tile: Tile) -> bytes:
        self.read_levels.append(tile.level)
        return self._stored.read(tile)

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        self.read_levels.append(tile.level)
        return self._stored.read_now(tile, limit_bytes)


class Named:
    """What has every tile in memory; each hash is of its own place."""

    def get(self, tile: Tile) -> bytes:
        places = (f"{tile.level} {tile.index} {nth}" for nth in range(256))
        return b"".join(sha256(it.encode()).digest() for it in places)

    def siblings(self, place: TilePlace, nth: int) -> list[Hash]:
        """Return them without anything that is kept."""
        levels = hashing.tile_levels(self.get(Tile(*place)))
        return siblings_in_full_tile(levels, nth)


class CutAbove:
    """The same, but of tiles above the leaves a hash is missing."""

    def get(self, tile: Tile) -> bytes:
        content = Named().get(tile)
        return content[:-32] if tile.level else content


class OnDisk:
    """A store that must always be waited for."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self, tile: Tile) -> bytes:
        del tile
        return self._content

    def read_now(self, tile: Tile, limit_bytes: int) -> None:
        """Return None: there is much to wait for."""


class Unwritten:
    """What has every tile in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get(self, tile: Tile) -> bytes:
        del tile
        return self._content
