"""Tiles: the shape in which a log is stored and served.

    tile/<L>/<N>[.p/<W>]         level L, index N, W hashes (256 without .p)
    tile/entries/<N>[.p/<W>]     the entry bundle beside the level-0 tile N

N is written in groups of three digits, all but the last with an `x` before it:
1234067 is x001/x234/067.  A full tile has no suffix; an empty one does not exist.
Each tile has one path: a path that can be parsed is printed as it was.

Source: C2SP tlog-tiles.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.lines import MAX_SIZE

TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 63
FULL_TILE_BYTES: Final = TILE_WIDTH * HASH_SIZE

ENTRIES: Final = -1
"""The level of an entry bundle, which has a level-0 tile's place."""

_PATH: Final = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of one tile.

    level: 0 to 63, or ENTRIES for a bundle.  index: 0-based within its level.
    width: 1 to 256 hashes (or entries); 256 is a full tile.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def is_full(self) -> bool:
        """Whether all 256 places are taken."""
        return self.width == TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the log's prefix, without a leading slash."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.is_full else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(groups)}{suffix}"

    @property
    def full(self) -> "Tile":
        """The full tile at the same place."""
        return replace(self, width=TILE_WIDTH)


def parse_tile(path: str) -> Tile:
    """Parse a tile's path, as `Tile.path` prints it.

    Raises FormatError for every other spelling.
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise FormatError("a tile's path is tile/<L>/<N>[.p/<W>]", path)
    level, groups, width = match.groups()
    tile = Tile(
        ENTRIES if level == "entries" else int(level),
        int(groups.replace("x", "").replace("/", "")),
        TILE_WIDTH if width is None else int(width),
    )
    if (
        tile.level > MAX_LEVEL
        or tile.index > MAX_SIZE
        or tile.width > TILE_WIDTH
        or tile.path != path
    ):
        raise FormatError("a tile has one path", path)
    return tile


def tiles_of_size(size: int) -> Iterator[Tile]:
    """Return all hash tiles of a tree of `size` leaves, level by level."""
    if size < 0:
        raise ValueError(f"a tree has no negative size: {size}")
    level = 0
    while size >> (8 * level):
        hashes = size >> (8 * level)
        for index in range(hashes // TILE_WIDTH):
            yield Tile(level, index)
        if hashes % TILE_WIDTH:
            yield Tile(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)
        level += 1


def bundles_of_size(size: int) -> Iterator[Tile]:
    """Return all entry bundles of a tree of `size` leaves."""
    for index in range(size // TILE_WIDTH):
        yield Tile(ENTRIES, index)
    if size % TILE_WIDTH:
        yield Tile(ENTRIES, size // TILE_WIDTH, size % TILE_WIDTH)
