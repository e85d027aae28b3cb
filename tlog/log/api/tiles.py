"""The read side: checkpoint, tiles and bundles, as any static file server could.

One path for each resource; whatever else is asked for does not exist.  Beyond what is
on disk, any width of an incomplete tile up to the signed size is served.

Source: C2SP tlog-tiles.
"""

import asyncio
import gzip
import re
from typing import Final

from aiohttp import hdrs, web

from tlog.errors import CorruptError
from tlog.http.respond import IMMUTABLE, SECONDS, bytes_response
from tlog.log.api.problems import NotFoundError
from tlog.log.life import Log
from tlogverify.errors import FormatError
from tlogverify.tiles import ENTRIES, Tile, parse_tile

_BINARY: Final = "application/octet-stream"
_GZIP_LEVEL: Final = 5
_GZIP: Final = re.compile(r"gzip(?![ \t]*;[ \t]*q=0(?:\.0{0,3})?$)(?:[ \t]*;.*)?")


class TileEndpoints:
    """Serves one log's published state."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def checkpoint(self, request: web.Request) -> web.Response:
        """GET /checkpoint."""
        note = self._log.publisher.published_note
        if not note:
            raise NotFoundError("no checkpoint is published yet")
        return bytes_response(request, note, "text/plain; charset=utf-8", SECONDS)

    async def tile(self, request: web.Request) -> web.StreamResponse:
        """GET /tile/<L>/<N>[.p/<W>] and /tile/entries/<N>[.p/<W>]."""
        tile = self._parse(request)
        snapshot = self._log.snapshot
        if not snapshot.has(tile):
            raise NotFoundError(f"no {tile.path} in a log of {snapshot.size} entries")
        if tile.level == ENTRIES and _accepts_gzip(request):
            return await self._compressed(request, tile)
        if tile.is_full and self._log.backlog.get(tile) is None:
            headers = {hdrs.CACHE_CONTROL: IMMUTABLE, hdrs.CONTENT_TYPE: _BINARY}
            if tile.level == ENTRIES:
                headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
            path = self._log.objects.path(tile)
            if not await asyncio.to_thread(path.is_file):
                raise CorruptError(tile.path, "is missing")
            return web.FileResponse(path, headers=headers)
        content = await self._bytes(tile)
        response = bytes_response(request, content, _BINARY, IMMUTABLE)
        if tile.level == ENTRIES:
            response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        return response

    async def _compressed(self, request: web.Request, tile: Tile) -> web.Response:
        content = await self._bytes(tile)
        # The same bytes every time: no time stamp in them, so that the ETag holds.
        packed = await asyncio.to_thread(gzip.compress, content, _GZIP_LEVEL, mtime=0)
        response = bytes_response(request, packed, _BINARY, IMMUTABLE)
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        return response

    async def _bytes(self, tile: Tile) -> bytes:
        reader, snapshot = self._log.reader, self._log.snapshot
        return await asyncio.to_thread(reader.tile_bytes, snapshot, tile)

    def _parse(self, request: web.Request) -> Tile:
        # The raw path: an escaped one is another spelling, and so another resource.
        path = request.rel_url.raw_path.removeprefix(self._log.settings.prefix)
        if self._log.settings.sigstore:
            path = path.removeprefix("/api/v2")
        try:
            return parse_tile(path.removeprefix("/"))
        except FormatError as error:
            raise NotFoundError(str(error)) from None


def _accepts_gzip(request: web.Request) -> bool:
    """Whether gzip is listed, and not with weight 0 (RFC 9110, 12.4.2)."""
    accepted = request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    return any(_GZIP.fullmatch(coding.strip()) for coding in accepted.split(","))
