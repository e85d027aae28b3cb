"""One application behind both ways in, on connections that are kept in memory.

What is fed to both comes in the same pieces; what each has written and whether it has
closed is compared.  No clock is waited for: where the lean way would wait for the rest
of a request, its clock is made to strike.
"""

import asyncio
import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aiohttp import hdrs, web

from tlog.http.body import read_body, require_form
from tlog.http.connections import Connections
from tlog.http.exchange import (
    Asked,
    HotRoute,
    OneReply,
    Reply,
    Respond,
    asked_of,
    hot_read,
    rendered,
    respond_later,
)
from tlog.http.lean import Lean
from tlog.http.listener import new_app, way_in
from tlog.http.problems import SHARED_ROWS
from tlog.http.respond import Content, Whole, json_reply, query, ranged_reply
from tlog.metrics import Metrics
from tlogverify.errors import FormatError

# More turns of the loop than any answer here takes.
_TURNS = 40
_DATE = re.compile(rb"\r\nDate: [^\r]*\r\n")


class Wire:
    """An `asyncio.Transport` in all but name: `override` came after Python 3.11.

    It has no socket; its protocol is told of its end as by the system.
    """

    def __init__(self) -> None:
        self.written = b""
        self.protocol: Any = None
        self.unsent = 0
        self._is_closing = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 1) if name == "peername" else default

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_closing(self) -> bool:
        return self._is_closing

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        """Nothing is read that is not fed."""

    def resume_reading(self) -> None:
        """Nothing is read that is not fed."""

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: self.protocol.connection_lost(None))

    def abort(self) -> None:
        self.close()


class Outcome(NamedTuple):
    """What a client has seen, dates left out, and what the server has counted."""

    written: bytes
    is_closed: bool
    counted: tuple[str, ...]


def _read(asked: Asked, respond: Respond) -> None:
    found = query(asked, set(), {"index", "size"})
    respond(json_reply({**found, "from": asked.remote, "accept": _accept(asked)}))


def _accept(asked: Asked) -> str:
    return asked.headers.get(hdrs.ACCEPT, "")


def _later(_: Asked, respond: Respond) -> None:
    async def make() -> Reply:
        await asyncio.sleep(0)
        return json_reply("later")

    respond_later(make(), respond)


def _fails(asked: Asked, _: Respond) -> None:
    raise FormatError("this is refused", asked.path)


def _breaks(_: Asked, __: Respond) -> None:
    raise RuntimeError


def _kept(asked: Asked, respond: Respond) -> None:
    kept = Whole.of(b"kept", "text/plain", "public, max-age=2")
    respond(kept.reply(asked))


def _tile(asked: Asked, respond: Respond) -> None:
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: "application/octet-stream"}
    respond(ranged_reply(asked, Content.of(asked.path.encode()), headers))


def _stored(asked: Asked, body: bytes, respond: Respond) -> None:
    require_form(asked, "text or JSON", {"application/json", "text/plain"})
    if body == b"bad":
        raise FormatError("this is refused", body)
    sizes = {"length": asked.length, "from": asked.forwarded_for, "query": asked.query}
    digest = hashlib.sha256(body).hexdigest()
    respond(json_reply({**sizes, "sha256": digest}, status=201))


async def _store(request: web.Request) -> web.Response:
    waiting = OneReply()
    asked = asked_of(request)
    require_form(asked, "text or JSON", {"application/json", "text/plain"})
    _stored(asked, await read_body(request, 1 << 20), waiting.take)
    return rendered(await waiting.reply)


async def _cold(request: web.Request) -> web.Response:
    body = await read_body(request, 1 << 20)
    return web.Response(body=b"cold %d" % len(body))


def _turning() -> HotRoute:
    """Return a route that is ready when asked the first time, the third and so on.

    It answers once for each time.
    """
    asked_for = itertools.count()
    ready = [False]

    def is_ready(_: Asked) -> bool:
        ready[0] = next(asked_for) % 2 == 0
        return ready[0]

    def answer(asked: Asked, body: bytes, respond: Respond) -> None:
        if not ready[0]:
            raise RuntimeError
        ready[0] = False
        _stored(asked, body, respond)

    return HotRoute("POST", "/turns", _store, answer, is_ready)


def _app(metrics: Metrics) -> web.Application:
    routes = [web.get("/cold", _cold), web.post("/cold", _cold)]
    hot = [
        hot_read("/read", _read),
        hot_read("/later", _later),
        hot_read("/fails", _fails),
        hot_read("/breaks", _breaks),
        hot_read("/kept", _kept),
        hot_read("/tile/{path:.+}", _tile),
        HotRoute("POST", "/store", _store, _stored, lambda _: True),
        HotRoute("POST", "/slow", _store, _stored, lambda _: False),
        _turning(),
    ]
    return new_app(routes, metrics, rows=SHARED_ROWS, hot=hot)


async def turns(count: int = _TURNS) -> None:
    """Let the loop run what is ready, and what follows from it.

    The wire is no socket: when nothing is ready any more, nothing will be.
    """
    loop: Any = asyncio.get_running_loop()
    for _ in range(count):
        await asyncio.sleep(0)
        if not loop._ready:
            break


async def _outcome(pieces: Iterable[bytes], pause: int, *, is_lean: bool) -> Outcome:
    metrics = Metrics()
    app = _app(metrics)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, 10, 60.0)
    make: Callable[[], Any] = way_in(app, connections, is_lean=is_lean)
    wire = Wire()
    wire.protocol = make()
    assert is_lean == isinstance(wire.protocol, Lean)
    wire.protocol.connection_made(wire)
    await turns(2)
    for piece in pieces:
        if not wire.is_closing():
            wire.protocol.data_received(piece)
        await turns(pause)
    await turns()
    if isinstance(wire.protocol, Lean) and not wire.is_closing():
        wire.protocol.hand_over()
        await turns()
    is_closed = wire.is_closing()
    written = _DATE.sub(b"\r\nDate: D\r\n", wire.written)
    wire.abort()
    await turns()
    assert 0 == len(connections)
    await runner.cleanup()
    lines = metrics.render().decode().splitlines()
    counted = [it for it in lines if it.startswith("tlog_requests_total")]
    return Outcome(written, is_closed, tuple(sorted(counted)))


def outcomes(pieces: Sequence[bytes], pause: int = _TURNS) -> tuple[Outcome, Outcome]:
    """Return what comes of the pieces by aiohttp alone, and by the lean way in front.

    pause: turns of the loop between the pieces.
    """

    async def both() -> tuple[Outcome, Outcome]:
        plain = await _outcome(pieces, pause, is_lean=False)
        return plain, await _outcome(pieces, pause, is_lean=True)

    return asyncio.run(both())
