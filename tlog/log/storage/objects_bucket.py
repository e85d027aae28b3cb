"""Tiles, bundles and the public checkpoint, in a bucket of an S3-compatible store.

A tile is created and never replaced: what has its name already must be the same bytes.
A head is replaced only by its owner, who knows its ETag, and never by a smaller one: a
node that was replaced while it published changes nothing.

Source: Amazon S3, "Conditional writes"; `docs/decisions/0031-*`.
"""

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from tlog.errors import FatalError, RejectedError
from tlog.log_lines import log_event
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.note import parse_note
from tlogverify.tiles import Tile

_AT_ONCE: Final = 32
_PROBES: Final = 8

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class _Found(NamedTuple):
    """An object's bytes, and the ETag that only these bytes have."""

    content: bytes
    e_tag: str


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
        _at_once(self._create, tiles.items())

    def mend(self, tiles: Mapping[Tile, bytes]) -> None:
        """Create tiles, or replace what has their names and is not the same.

        Raises FatalError if somebody else does so too.
        """
        _at_once(self._mend, tiles.items())

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; FileNotFoundError if it is not there."""
        return _get(self._store, self._key(tile)).content

    def read_many(self, tiles: Sequence[Tile]) -> list[bytes]:
        """Return the bytes of some tiles, read several at once; raises as `read`."""
        return _at_once(self.read, tiles)

    def drop_partials(self, tiles: Iterable[Tile]) -> None:
        """Drop the incomplete forms that this process has put of tiles now full.

        Those of an earlier process stay; they are right and harmless.
        """
        gone = [it for full in tiles if full.is_full for it in self._taken(full)]
        try:
            if gone:
                obstore.delete(self._store, [self._key(tile) for tile in gone])
        except (BaseError, OSError) as error:
            log_event("tiles not dropped", level="warning", error=_said(error))

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
            with _telling(key):
                obstore.put(self._store, key, content, mode="create")
        except AlreadyExistsError:
            # It may be our own, whose answer was lost; or of the node before.
            if _get(self._store, key).content != content:
                raise FatalError(
                    f"the bucket has other bytes at {key}: another history was "
                    "published there"
                ) from None

    def _mend(self, item: tuple[Tile, bytes]) -> None:
        tile, content = item
        key = self._key(tile)
        try:
            found = _get(self._store, key)
        except FileNotFoundError:
            self._create(item)
            return
        if found.content != content:
            try:
                with _telling(key):
                    obstore.put(self._store, key, content, mode={"e_tag": found.e_tag})
            except PreconditionError:
                # It may be our own, whose answer was lost.
                if _get(self._store, key).content != content:
                    raise FatalError(f"somebody else has replaced {key}") from None


class _Head:
    """A small object that is replaced, by one writer."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._store = store
        self._key = key
        self._known: _Found | None = None
        self._attempted: set[bytes] = set()

    def read(self) -> bytes | None:
        try:
            self._known = _get(self._store, self._key)
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
            with _telling(self._key):
                if known is None:
                    put = obstore.put(self._store, self._key, note, mode="create")
                else:
                    put = obstore.put(
                        self._store, self._key, note, mode={"e_tag": known.e_tag}
                    )
        except (AlreadyExistsError, PreconditionError):
            self._adopt(note)
            return
        self._known = _Found(note, _require_e_tag(self._key, put["e_tag"]))
        self._attempted.clear()

    def _adopt(self, note: bytes) -> None:
        """Go on from what stands there, if it is an attempt whose answer was lost."""
        try:
            found = _get(self._store, self._key)
        except FileNotFoundError:
            raise FatalError(f"{self._key} was in the bucket and is gone") from None
        if found.content not in self._attempted:
            raise FatalError(f"another node has replaced {self._key}")
        self._known = found
        self._attempted = {note}
        if found.content != note:
            self.replace(note)


def probe_bucket(store: S3Store, key: str) -> None:
    """Raise RejectedError unless writers that are told apart by conditions are one.

    key: of an object that is made for it and dropped.  OSError if the store cannot be
    used now.
    """
    created = _winners(store, key, "create", b"made by %d")
    try:
        if created != 1:
            raise RejectedError(
                f"this store lets {created} of {_PROBES} writers create one object: it "
                "has no atomic If-None-Match, and a log must not be kept in it"
            )
        replaced = _winners(store, key, _get(store, key).e_tag, b"replaced by %d")
        if replaced != 1:
            raise RejectedError(
                f"this store lets {replaced} of {_PROBES} writers replace one object: "
                "it has no atomic If-Match, and a log must not be kept in it"
            )
    finally:
        # What is left of a probe is in nobody's way.
        with suppress(BaseError, OSError):
            obstore.delete(store, key)


def _winners(store: S3Store, key: str, condition: str, content: bytes) -> int:
    """Let several write at once on one condition; return how many of them could."""

    def put(number: int) -> bool:
        try:
            with _telling(key):
                if condition == "create":
                    obstore.put(store, key, content % number, mode="create")
                else:
                    obstore.put(store, key, content % number, mode={"e_tag": condition})
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    return sum(_at_once(put, range(_PROBES)))


def _get(store: S3Store, key: str) -> _Found:
    """Return an object; FileNotFoundError if it is not there, OSError in trouble."""
    with _telling(key):
        found = obstore.get(store, key)
        return _Found(bytes(found.bytes()), _require_e_tag(key, found.meta["e_tag"]))


@contextmanager
def _telling(key: str) -> Iterator[None]:
    """Let the store's trouble leave the body as OSError, and a condition as it is."""
    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except FileNotFoundError as error:
        # A bucket that is gone says nothing of what was in it.
        if "NoSuchBucket" in str(error):
            raise OSError(errno.EIO, _said(error), key) from error
        raise FileNotFoundError(errno.ENOENT, "not in the bucket", key) from error
    except BaseError as error:
        raise OSError(errno.EIO, _said(error), key) from error


def _at_once(run: Callable[[_Item], _Done], items: Iterable[_Item]) -> list[_Done]:
    """Run a call for each item, many at once; return what they have returned.

    All have ended when the first error is raised, a fatal one before others.
    """
    waiting = [*items]
    if len(waiting) < 2:
        return [run(it) for it in waiting]
    with ThreadPoolExecutor(min(_AT_ONCE, len(waiting))) as pool:
        running = [pool.submit(run, it) for it in waiting]
    failures = [error for it in running if (error := it.exception()) is not None]
    failures.sort(key=lambda error: not isinstance(error, FatalError))
    if failures:
        raise failures[0]
    return [it.result() for it in running]


def _require_e_tag(key: str, e_tag: str | None) -> str:
    if e_tag is None:
        raise RejectedError(f"this store gives {key} no ETag: it is not one for a log")
    return e_tag


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size


def _said(error: Exception) -> str:
    """Return the first line of what the store's client says."""
    return (str(error).splitlines() or [type(error).__name__])[0]
