"""Where a log is read: over HTTP, or from a folder of its files."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from tlog.monitor.settings import is_url
from tlog.monitor.web import MissingError, SourceError, Web
from tlogverify.bundles import MAX_BUNDLE_BYTES, encode_bundle, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_FILES_PER_READ: Final = 16
_FOLDER_READS: Final = 2


class Source(Protocol):
    """A log's public files.

    run: how many tiles are best asked for in one call.  parallel: how many calls are
    best made at a time.
    """

    @property
    def run(self) -> int:
        """Tiles for one call."""
        ...

    @property
    def parallel(self) -> int:
        """Calls at a time."""
        ...

    async def checkpoint(self) -> bytes:
        """Return the public checkpoint; SourceError or FormatError."""
        ...

    async def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        """Return tiles or bundles: unverified, and of a bounded size.

        Raises SourceError, or FormatError.
        """
        ...


class WebSource:
    """A log behind a URL."""

    run = 1

    def __init__(self, web: Web, url: str, connections: int) -> None:
        self._web = web
        self._url = url.rstrip("/")
        self.parallel = connections

    async def checkpoint(self) -> bytes:
        """Return the public checkpoint."""
        return await self._web.get(f"{self._url}/checkpoint", MAX_NOTE_BYTES)

    async def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        """Return tiles or bundles."""
        return [await self._tile(tile) for tile in wanted]

    async def _tile(self, tile: Tile) -> bytes:
        try:
            return await self._web.get(f"{self._url}/{tile.path}", _limit(tile))
        except MissingError:
            if tile.is_full:
                raise
        # A log may drop a partial tile once the full one is there.
        full = tile.full
        return cut_tile(
            await self._web.get(f"{self._url}/{full.path}", _limit(full)), tile
        )


class FolderSource:
    """A folder that holds `checkpoint` and `tile/`."""

    run = _FILES_PER_READ
    parallel = _FOLDER_READS

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def checkpoint(self) -> bytes:
        """Return the public checkpoint."""
        return await asyncio.to_thread(self.read_checkpoint)

    async def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        """Return tiles or bundles."""
        return await asyncio.to_thread(self._tiles, wanted)

    def read_checkpoint(self) -> bytes:
        """Return what `checkpoint` does; it blocks."""
        return self._read("checkpoint", MAX_NOTE_BYTES)

    def _tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        return [self.read_tile(tile) for tile in wanted]

    def read_tile(self, tile: Tile) -> bytes:
        """Return one tile or bundle as `tiles` does; it blocks."""
        try:
            return self._read(tile.path, _limit(tile))
        except MissingError:
            if tile.is_full:
                raise
        full = tile.full
        return cut_tile(self._read(full.path, _limit(full)), tile)

    def _read(self, path: str, limit_bytes: int) -> bytes:
        # pathlib is not used, and the buffer has the size of the file: a buffer of a
        # bundle's limit, 16 MiB, cost a third of the time.
        try:
            with open(f"{self._folder}/{path}", "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size > limit_bytes:
                    raise FormatError(f"{path} has at most {limit_bytes} bytes", size)
                content = file.read(size)
        except FileNotFoundError:
            if not os.path.isdir(self._folder):
                raise MissingError(
                    f"{self._folder} is no folder here: a log is named by its URL, as "
                    "http://127.0.0.1:8080, or by a folder with checkpoint and tile/"
                ) from None
            raise MissingError(f"{path} is not there") from None
        except OSError as error:
            raise SourceError(f"{path} cannot be read: {error.strerror}") from error
        # Where a file is still being written, the hashes find out what is missing.
        return content or b""


def cut_tile(whole: bytes, tile: Tile) -> bytes:
    """Return the part of a full tile or bundle that `tile` is; FormatError."""
    if tile.level == ENTRIES:
        return encode_bundle(parse_bundle(whole, TILE_WIDTH)[: tile.width])
    if len(whole) != TILE_WIDTH * HASH_SIZE:
        raise FormatError("a full tile has 8192 bytes", len(whole))
    return whole[: tile.width * HASH_SIZE]


def open_source(place: str, web: Web, connections: int) -> WebSource | FolderSource:
    """Return the log at a URL, or in a folder.

    Raises FormatError for the whole folder of one of our logs: only a part of it is
    what the log serves.
    """
    if is_url(place):
        return WebSource(web, place, connections)
    folder = Path(place)
    if (folder / "format").exists():
        raise FormatError(f"{place} is a log's own folder; its tiles are in public/")
    return FolderSource(folder)


def _limit(tile: Tile) -> int:
    if tile.level != ENTRIES:
        return tile.width * HASH_SIZE
    return MAX_BUNDLE_BYTES * tile.width // TILE_WIDTH
