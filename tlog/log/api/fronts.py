"""What front ends ask of the process that writes, beside what nodes ask.

Who asks knows the secret of this start, which only its processes have.
"""

import asyncio
from collections.abc import Callable
from hmac import compare_digest

import msgspec
from aiohttp import hdrs, web

from tlog.http.body import read_body
from tlog.http.exchange import asked_of
from tlog.http.problems import NEVER
from tlog.http.respond import query
from tlog.log.admission.gate import UnauthorizedError
from tlog.log.reading import Reading
from tlog.log.workers.leading import HEAD, KNOWN, SEARCH, parse_known, parse_search

_MOST_BYTES = 64 << 10


class FrontEndpoints:
    """Answers the front ends of a log.

    head: returns a head that was posted, by `note_digest` of its note, or None.
    """

    def __init__(
        self, log: Reading, secret: bytes, head: Callable[[str], bytes | None]
    ) -> None:
        self._log = log
        self._head = head
        self._expected = f"Bearer {secret.hex()}".encode()

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes of all three."""
        return [
            web.get(f"{prefix}{HEAD}", self.head),
            web.post(f"{prefix}{SEARCH}", self.search),
            web.post(f"{prefix}{KNOWN}", self.known),
        ]

    async def head(self, request: web.Request) -> web.Response:
        """GET /front/v1/head: nothing if it is long past."""
        self._require_front_end(request)
        note = query(asked_of(request), {"note"}, set())["note"]
        return _packed(self._head(note) or b"")

    async def search(self, request: web.Request) -> web.Response:
        """POST /front/v1/search."""
        self._require_front_end(request)
        asked = parse_search(await read_body(request, _MOST_BYTES))
        search = self._log.index.search
        found = await asyncio.to_thread(search, asked.key, asked.start, asked.limit)
        return _packed(msgspec.msgpack.encode(found))

    async def known(self, request: web.Request) -> web.Response:
        """POST /front/v1/known."""
        self._require_front_end(request)
        leaf_hashes = parse_known(await read_body(request, _MOST_BYTES))
        known = await asyncio.to_thread(self._log.known.find, leaf_hashes)
        return _packed(msgspec.msgpack.encode([known.get(it) for it in leaf_hashes]))

    def _require_front_end(self, request: web.Request) -> None:
        given = request.headers.get(hdrs.AUTHORIZATION, "").encode()
        if not compare_digest(given, self._expected):
            raise UnauthorizedError("this is for the front ends of the log")


def _packed(body: bytes) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: NEVER}
    return web.Response(body=body, content_type="application/msgpack", headers=headers)
