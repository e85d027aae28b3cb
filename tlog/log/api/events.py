"""New entries as they come: server-sent events, which are resumed by index.

    id: 12
    event: entry
    data: {"index":12,"entry":"<base64>"}

Nothing is kept for a listener but the index that comes next: what is sent was read from
the log a moment before, and the next entry is read once the last one was taken.  Who
takes nothing is dropped by the connection's clock, and goes on where it was.  A commit
tells nobody: while anybody listens, the log's size is looked at.

Source: the HTML Standard, 9.2, "Server-sent events".
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from tlog.errors import BusyError
from tlog.http.body import STOPPING
from tlog.http.exchange import asked_of
from tlog.http.problems import NEVER
from tlog.http.respond import query, query_number
from tlog.log.api.sought import SOUGHT, Sought, sought_of
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.reading import Reading
from tlogverify.lines import parse_decimal

LAST_EVENT_ID: Final = "Last-Event-ID"

_PAGE: Final = 32
"""Entries that are read at once for a listener: all that memory holds for it."""

_LOOK_S: Final = 0.25
_SIGN_OF_LIFE_S: Final = 15.0
_HEADERS: Final = {
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    hdrs.CACHE_CONTROL: NEVER,
    # A proxy that collects an answer before it hands it on would never hand this on.
    "X-Accel-Buffering": "no",
}


class Reach(NamedTuple):
    """How far a log can be read and searched: two sizes."""

    shown: int
    searchable: int


class Arrivals:
    """Tells listeners that a log has grown; looks only while one of them waits."""

    def __init__(self, reach: Callable[[], Reach], look_s: float) -> None:
        self._look_s = look_s
        self._next: asyncio.Future[None] | None = None
        self.reach = reach

    async def look(self) -> None:
        """Wait until the next look, which all listeners share."""
        if self._next is None or self._next.done():
            loop = asyncio.get_running_loop()
            self._next = loop.create_future()
            loop.call_later(self._look_s, self._next.set_result, None)
        # A listener that leaves must not end the wait of the others.
        await asyncio.shield(self._next)


class EventEndpoint:
    """Streams the entries of one log to listeners.

    most: listeners at once.  look_s: between two looks at the log's size.
    sign_of_life_s: after which a stream without entries says where it stands.
    """

    def __init__(
        self,
        log: Reading,
        metrics: LogMetrics,
        most: int,
        *,
        look_s: float = _LOOK_S,
        sign_of_life_s: float = _SIGN_OF_LIFE_S,
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._most = most
        self._arrivals = Arrivals(self._reach, look_s)
        self._sign_of_life_s = sign_of_life_s
        self._listeners = 0

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/events."""
        parameters = query(asked_of(request), set(), {*SOUGHT, "start"})
        sought = sought_of(parameters)
        reach = self._reach()
        begun = reach.shown if sought is None else reach.searchable
        start = query_number(parameters, "start", begun)
        if (last := request.headers.get(LAST_EVENT_ID)) is not None:
            # A browser sends it when it comes back, with the URL that it had.
            start = parse_decimal(LAST_EVENT_ID, last.encode("utf-8", "replace")) + 1
        if self._listeners >= self._most:
            raise BusyError(f"{self._most} listeners wait for new entries")
        response = web.StreamResponse(headers=_HEADERS)
        self._listeners += 1
        self._metrics.event_listeners.inc()
        try:
            await response.prepare(request)
            if request.method == hdrs.METH_GET:
                await self._stream(request, response, sought, start)
        except ConnectionError:
            # The listener has left; it is answered nothing more.
            pass
        finally:
            self._listeners -= 1
            self._metrics.event_listeners.dec()
        return response

    def _reach(self) -> Reach:
        try:
            shown = self._log.heads.shown.size
        except NotCosignedError:
            return Reach(0, 0)
        return Reach(shown, min(self._log.index.complete_to, shown))

    async def _stream(
        self,
        request: web.Request,
        response: web.StreamResponse,
        sought: Sought | None,
        start: int,
    ) -> None:
        """Write events until the server stops; ConnectionError if the client leaves."""
        loop, stopping, at = asyncio.get_running_loop(), request.app[STOPPING], start
        # An event without data is none to a browser, and moves what it resumes from.
        await response.write(_place(at))
        told_s = loop.time()
        while not stopping.is_set():
            if request.transport is None or request.transport.is_closing():
                return
            entries, after = await self._page(sought, at)
            for index, entry in entries:
                await response.write(_event(index, entry))
                self._metrics.events.inc()
            if entries or loop.time() - told_s >= self._sign_of_life_s:
                await response.write(_place(after))
                told_s = loop.time()
            if after == at:
                await self._arrivals.look()
            at = after

    async def _page(
        self, sought: Sought | None, at: int
    ) -> tuple[Sequence[tuple[int, bytes]], int]:
        """Return the next entries that are meant, and where to go on."""
        reach = self._reach()
        if at >= (reach.shown if sought is None else reach.searchable):
            return (), at
        prover, shown = self._log.prover, self._log.heads.shown
        if sought is None:
            end = min(at + _PAGE, shown.size)
            return list(enumerate(await prover.entries(shown, at, end), at)), end
        found = await self._log.find(sought.key, at, _PAGE)
        meant = await sought.those_meant(self._log, found.indexes)
        entries = [
            (index, entry)
            for index in meant
            for entry in await prover.entries(found.shown, index, index + 1)
        ]
        return entries, max(at, found.complete_to if found.next is None else found.next)


def _event(index: int, entry: bytes) -> bytes:
    document = msgspec.json.encode({"index": index, "entry": entry})
    return b"id: %d\nevent: entry\ndata: %b\n\n" % (index, document)


def _place(after: int) -> bytes:
    return b"id: %d\n\n" % (after - 1) if after else b":\n\n"
