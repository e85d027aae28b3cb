"""The read side: checkpoint, tiles and bundles, as any static file server could.

Each resource has one path, and no other path exists.  Any width of an incomplete tile
up to the signed size is served, whether it is on disk or not.

Source: C2SP tlog-tiles.
"""

import asyncio
import gzip
import re
from functools import lru_cache
from typing import Final

from aiohttp import hdrs

from tlog.http.exchange import Asked, Reply, Respond, respond_later
from tlog.http.respond import IMMUTABLE, SECONDS, Content, Whole, ranged_reply
from tlog.log.api.kept_tiles import KeptTiles
from tlog.log.api.problems import NotFoundError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.reading import Reading
from tlogverify.errors import FormatError
from tlogverify.tiles import ENTRIES, Tile, parse_tile

_TEXT: Final = "text/plain; charset=utf-8"
_BINARY: Final = "application/octet-stream"
_GZIP_LEVEL: Final = 5
_KEPT_BYTES: Final = 16 << 20
_GZIP: Final = re.compile(r"gzip(?![ \t]*;[ \t]*q=0(?:\.0{0,3})?$)(?:[ \t]*;.*)?")


class TileEndpoints:
    """Serves one log's published state."""

    def __init__(self, log: Reading, prefix: str) -> None:
        """prefix: the URL path below which tiles stand, with its last slash."""
        self._log = log
        self._prefix = prefix
        self._kept = KeptTiles(_KEPT_BYTES)
        self._public: Whole | None = None

    def checkpoint(self, asked: Asked, respond: Respond) -> None:
        """GET /checkpoint."""
        note = self._log.public_note()
        if not note:
            raise NotFoundError("no checkpoint is published yet")
        public = self._public
        if public is None or public.content.body is not note:
            public = self._public = Whole.of(note, _TEXT, SECONDS)
        respond(public.reply(asked))

    def tile(self, asked: Asked, respond: Respond) -> None:
        """GET /tile/<L>/<N>[.p/<W>] and /tile/entries/<N>[.p/<W>]."""
        tile = self._parse(asked)
        readable = self._log.heads.readable
        if not readable.tree.has(tile):
            raise NotFoundError(f"no {tile.path} in a log of {readable.size} entries")
        is_packed = tile.level == ENTRIES and _accepts_gzip(asked)
        headers: dict[str, str] = {
            hdrs.CACHE_CONTROL: IMMUTABLE,
            hdrs.CONTENT_TYPE: _BINARY,
        }
        if tile.level == ENTRIES:
            headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
        if is_packed:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        content = self._at_once(readable, tile, is_packed=is_packed)
        if content is not None:
            respond(ranged_reply(asked, content, headers))
            return

        async def read() -> Reply:
            content = await asyncio.to_thread(self._content, readable, tile, is_packed)
            if tile.is_full:
                self._kept.put((tile, is_packed), content)
            return ranged_reply(asked, content, headers)

        respond_later(read(), respond)

    def _at_once(
        self, readable: Snapshot, tile: Tile, *, is_packed: bool
    ) -> Content | None:
        """Return a tile that is in memory; None if it is waited for or packed."""
        edge = None if is_packed else readable.tree.edge_bytes(tile)
        if edge is not None:
            return Content.of(edge)
        kept = self._kept.get((tile, is_packed))
        if kept is not None or is_packed or not tile.is_full:
            return kept
        body = self._log.tiles.bytes_now(tile)
        if body is None:
            return None
        content = Content.of(body)
        self._kept.put((tile, is_packed), content)
        return content

    def _content(self, signed: Snapshot, tile: Tile, is_packed: bool) -> Content:
        """Read all of a tile before anything is answered; called in a thread.

        A server of files would say 404, with our caching headers, of a file that the
        machine cannot open.
        """
        body = self._log.tiles.tile_bytes(signed, tile)
        if is_packed:
            # The same bytes every time: no time stamp in them, so the ETag holds.
            body = gzip.compress(body, _GZIP_LEVEL, mtime=0)
        return Content.of(body)

    def _parse(self, asked: Asked) -> Tile:
        # The raw path: an escaped one is another spelling, and so another resource.
        path = asked.path.removeprefix(self._prefix)
        try:
            return _parsed(path)
        except FormatError as error:
            raise NotFoundError(str(error)) from None


# Readers follow each other: what one asks for, others ask for soon.
_parsed: Final = lru_cache(maxsize=2_048)(parse_tile)


def _accepts_gzip(asked: Asked) -> bool:
    """Whether gzip is listed, and not with weight 0 (RFC 9110, 12.4.2)."""
    accepted = asked.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    return any(_GZIP.fullmatch(coding.strip()) for coding in accepted.split(","))
