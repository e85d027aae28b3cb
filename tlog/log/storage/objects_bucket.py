"""Tiles, bundles and the public checkpoint, in a bucket of an S3-compatible store.

A tile is created and never replaced: what has its name already must be the same bytes.
A head is replaced only by its owner, who knows its ETag, and never by a smaller one: a
node that was replaced while it published changes nothing.

Source: Amazon S3, "Conditional writes"; `docs/decisions/0031-*`.
"""

from collections.abc import Iterable, Mapping, Sequence

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from tlog.durable.at_once import at_once
from tlog.durable.bucket import (
    FoundObject,
    get_object,
    require_e_tag,
    said,
    telling,
)
from tlog.errors import FatalError
from tlog.log_lines import log_event
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.note import parse_note
from tlogverify.tiles import Tile


class BucketObjects:
    """The objects of one log, below `prefix`; ends without a slash, if any."""

    def __init__(self, store: S3Store, prefix: str) -> None:
        self._store = store
        self._prefix = f"{prefix}/" if prefix else ""
        self._checkpoint = _Head(store, f"{self._prefix}checkpoint")
        # Beside the checkpoint, and no part of what C2SP names: for no reader.
        self._stored = _Head(store, f"{self._prefix}stored")
        self._partials: dict[Tile, set[Tile]] = {}

    def put(self, tiles: Mapping[Tile, bytes]) -> None:
        """Create tiles, several at once; those that are there must be the same.

        Raises FatalError if one is not, OSError if the store cannot take them now.
        """
        for tile in tiles:
            if not tile.is_full:
                self._partials.setdefault(tile.full, set()).add(tile)
        at_once(self._create, tiles.items())

    def mend(self, tiles: Mapping[Tile, bytes]) -> None:
        """Create tiles, or replace what has their names and is not the same.

        Raises FatalError if somebody else does so too.
        """
        at_once(self._mend, tiles.items())

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; FileNotFoundError if it is not there."""
        return get_object(self._store, self._key(tile)).content

    def read_now(self, tile: Tile, limit_bytes: int) -> None:
        """Return None: a network is always waited for."""

    def read_many(self, tiles: Sequence[Tile]) -> list[bytes]:
        """Return the bytes of some tiles, read several at once; raises as `read`."""
        return at_once(self.read, tiles)

    def drop_partials(self, tiles: Iterable[Tile]) -> None:
        """Drop the incomplete forms that this process has put of tiles now full.

        Those of an earlier process stay; they are right and harmless.
        """
        gone = [it for full in tiles if full.is_full for it in self._taken(full)]
        try:
            if gone:
                obstore.delete(self._store, [self._key(tile) for tile in gone])
        except (BaseError, OSError) as error:
            log_event("tiles not dropped", level="warning", error=said(error))

    def replace_checkpoint(self, note: bytes) -> None:
        """Replace the public checkpoint.

        Raises FatalError if another node has, or if it would go back.
        """
        self._checkpoint.replace(note)

    def checkpoint(self) -> bytes | None:
        """Return the public checkpoint, or None before the first."""
        return self._checkpoint.read()

    def replace_stored(self, note: bytes) -> None:
        """Replace the head whose tiles are durable; raises as the checkpoint does."""
        self._stored.replace(note)

    def stored_head(self) -> bytes | None:
        """Return the head whose tiles are durable, if it was ever kept apart."""
        return self._stored.read()

    def _key(self, tile: Tile) -> str:
        return f"{self._prefix}{tile.path}"

    def _taken(self, full: Tile) -> set[Tile]:
        return self._partials.pop(full, set())

    def _create(self, item: tuple[Tile, bytes]) -> None:
        tile, content = item
        key = self._key(tile)
        try:
            with telling(key):
                obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            # It may be our own, whose answer was lost; or of the node before.
            if get_object(self._store, key).content != content:
                raise FatalError(
                    f"the bucket has other bytes at {key}: another history was "
                    "published there"
                ) from None

    def _mend(self, item: tuple[Tile, bytes]) -> None:
        tile, content = item
        key = self._key(tile)
        try:
            found = get_object(self._store, key)
        except FileNotFoundError:
            self._create(item)
            return
        if found.content != content:
            try:
                with telling(key):
                    obstore.put(self._store, key, content, mode={"e_tag": found.e_tag})
            except PreconditionError:
                # It may be our own, whose answer was lost.
                if get_object(self._store, key).content != content:
                    raise FatalError(f"somebody else has replaced {key}") from None


class _Head:
    """A small object that is replaced, by one writer."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._store = store
        self._key = key
        self._known: FoundObject | None = None
        self._attempted: set[bytes] = set()

    def read(self) -> bytes | None:
        try:
            self._known = get_object(self._store, self._key)
        except FileNotFoundError:
            if self._known is not None:
                raise FatalError(f"{self._key} was in the bucket and is gone") from None
            return None
        self._attempted.clear()
        return self._known.content

    def replace(self, note: bytes) -> None:
        known = self._known
        if known is not None and _size(note) < _size(known.content):
            raise FatalError(f"{self._key} would go back to {_size(note)}")
        self._attempted.add(note)
        try:
            with telling(self._key):
                if known is None:
                    put = obstore.put(self._store, self._key, note, mode="create")
                else:
                    put = obstore.put(
                        self._store, self._key, note, mode={"e_tag": known.e_tag}
                    )
        except (AlreadyExistsError, PreconditionError):
            self._adopt(note)
            return
        self._known = FoundObject(note, require_e_tag(self._key, put["e_tag"]))
        self._attempted.clear()

    def _adopt(self, note: bytes) -> None:
        """Go on from what stands there, if it is an attempt whose answer was lost."""
        try:
            found = get_object(self._store, self._key)
        except FileNotFoundError:
            raise FatalError(f"{self._key} was in the bucket and is gone") from None
        if found.content not in self._attempted:
            raise FatalError(f"another node has replaced {self._key}")
        self._known = found
        self._attempted = {note}
        if found.content != note:
            self.replace(note)


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size
