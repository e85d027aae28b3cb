"""Objects whose store may be away: how often it could not do its work is counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tlog.log.storage.objects import Objects
from tlogverify.tiles import Tile


class CountedObjects:
    """The objects of `inner`; failures: how many questions ended by an OSError.

    What is not there is no failure.
    """

    def __init__(self, inner: Objects) -> None:
        self._inner = inner
        self.failures = 0

    def put(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably."""
        with self._counting():
            self._inner.put(tiles)

    def mend(self, tiles: Mapping[Tile, bytes]) -> None:
        """Write tiles durably, in the place of whatever has their names."""
        with self._counting():
            self._inner.mend(tiles)

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes."""
        with self._counting():
            return self._inner.read(tile)

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        """Return a tile's bytes if that waits for nothing."""
        return self._inner.read_now(tile, limit_bytes)

    def read_many(self, tiles: Sequence[Tile]) -> list[bytes]:
        """Return the bytes of some tiles."""
        with self._counting():
            return self._inner.read_many(tiles)

    def drop_partials(self, tiles: Iterable[Tile]) -> None:
        """Drop incomplete tiles that are full now."""
        self._inner.drop_partials(tiles)

    def replace_checkpoint(self, note: bytes) -> None:
        """Replace the public checkpoint."""
        with self._counting():
            self._inner.replace_checkpoint(note)

    def checkpoint(self) -> bytes | None:
        """Return the public checkpoint."""
        with self._counting():
            return self._inner.checkpoint()

    def replace_stored(self, note: bytes) -> None:
        """Replace the head whose tiles are durable."""
        with self._counting():
            self._inner.replace_stored(note)

    def stored_head(self) -> bytes | None:
        """Return the head whose tiles are durable, if it was ever kept apart."""
        with self._counting():
            return self._inner.stored_head()

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError:
            # Several threads may count at once: one that is lost does no harm.
            self.failures += 1
            raise
