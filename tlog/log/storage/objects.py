"""Tiles, bundles and the public checkpoint.  The seam, and no adapter.

Tiles and bundles never change once they have their name.  Incomplete ones are dropped
when their full tile is durable: whoever asks for a width of it gets its first hashes.

All methods raise OSError where the store cannot do its work now: `put` may have written
some of the tiles then, each whole.  FatalError says that nobody knows what is stored,
or that somebody else has written.

Source: C2SP tlog-tiles (paths, partial tiles).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from tlogverify.tiles import Tile


class Objects(Protocol):
    """The objects of one log; `read` and `read_many` from any thread."""

    def put(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably; those that are there already have the same bytes."""
        ...

    def mend(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably, in the place of whatever has their names.

        For a log that nobody writes, and for tiles that are proven.
        """
        ...

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; FileNotFoundError if it is not there."""
        ...

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        """Return a tile's bytes if that waits for nothing and they are not more.

        None says nothing about the tile: `read` does.
        """
        ...

    def read_many(self, tiles: Sequence[Tile]) -> list[bytes]:
        """Return the bytes of some tiles, in their order; raises as `read`."""
        ...

    def drop_partials(self, tiles: Iterable[Tile]) -> None:
        """Drop the incomplete forms of tiles that are full now, as far as possible."""
        ...

    def replace_checkpoint(self, note: bytes) -> None:
        """Replace the public checkpoint durably."""
        ...

    def checkpoint(self) -> bytes | None:
        """Return the public checkpoint, or None before the first."""
        ...

    def replace_stored(self, note: bytes) -> None:
        """Replace, apart from what is public, the head whose tiles are durable."""
        ...

    def stored_head(self) -> bytes | None:
        """Return the head whose tiles are durable, if it was ever kept apart.

        It is where the public checkpoint waits for cosignatures.
        """
        ...
