"""Tiles and bundles as they lie in a log's public place, whole or not."""

from collections.abc import Sequence

from tlog import hashing
from tlog.errors import MISSING
from tlog.fsck.places import Place
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import ENTRIES, Tile


class TileFiles:
    """The tiles and bundles of a place; a fault is told in words by `fault`.

    Each method raises the OSError of a file that is there and cannot be read: whether
    it is whole is not known then.
    """

    def __init__(self, place: Place) -> None:
        self._place = place

    def where(self, tile: Tile) -> str:
        """Return what a tile is called where it is damaged."""
        return self._place.where(tile.path)

    def expect(self, tiles: Sequence[Tile]) -> None:
        """Say which tiles are read next."""
        self._place.expect(tiles)

    def read(self, tile: Tile) -> bytes:
        """Return a file's bytes; raises one of MISSING if it is not there."""
        return self._place.read(tile)

    def hashes(self, tile: Tile) -> bytes | None:
        """Return a hash tile's bytes; None if it is missing or has another length.

        Of a bundle its leaf hashes are returned; None if it cannot be parsed.
        """
        try:
            content = self.read(tile)
            if tile.level == ENTRIES:
                return hashing.bundle_leaf_hashes(content, tile.width)
        except (*MISSING, FormatError):
            return None
        return content if len(content) == tile.width * HASH_SIZE else None

    def fault(self, tile: Tile) -> str:
        """Return why a file has no hashes; "" if it has some."""
        kind = "bundle" if tile.level == ENTRIES else "tile"
        try:
            content = self.read(tile)
            if tile.level == ENTRIES:
                hashing.bundle_leaf_hashes(content, tile.width)
        except MISSING as error:
            return f"the {kind} cannot be read: {error.strerror}"
        except FormatError as error:
            return str(error)
        if tile.level != ENTRIES and len(content) != tile.width * HASH_SIZE:
            return f"the tile has {len(content)} bytes"
        return ""
