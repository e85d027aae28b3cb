"""Tiles and bundles as they lie below public/, whole or not."""

from pathlib import Path

from tlog import hashing
from tlog.errors import MISSING
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import ENTRIES, Tile


class TileFiles:
    """The tiles and bundles below `public`; a fault is told in words by `fault`.

    Each method raises the OSError of a file that is there and cannot be read: whether
    it is whole is not known then.
    """

    def __init__(self, public: Path) -> None:
        self._public = public

    def read(self, tile: Tile) -> bytes:
        """Return a file's bytes; raises one of MISSING if it is not there."""
        # Not by pathlib: two files for each bundle add up.
        with open(f"{self._public}/{tile.path}", "rb", buffering=0) as file:
            return file.read()

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
