"""How many connections a server has, and what becomes of who does not read.

Each test runs by both ways in: the lean one, and aiohttp alone.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from tests.support.http import ask, first_answer, parse_answer
from tests.support.running import until
from tests.tlog.http.served import serving
from tlog.http.body import read_body
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
from tlog.http.listener import Listener, new_app, way_in
from tlog.http.problems import SHARED_ROWS
from tlog.metrics import Metrics

GET = b"GET /asked HTTP/1.1\r\nHost: a\r\n\r\n"
TYPE = (("Content-Type", "text/plain"),)

pytestmark = pytest.mark.parametrize("is_lean", [True, False], ids=["lean", "aiohttp"])


def answering(body: bytes, path: str = "/asked") -> HotRoute:
    return hot_read(path, lambda _, respond: respond(Reply(200, TYPE, body)))


def answering_later(body: Callable[[], Awaitable[bytes]]) -> HotRoute:
    async def make() -> Reply:
        return Reply(200, TYPE, await body())

    return hot_read("/asked", lambda _, respond: respond_later(make(), respond))


async def connect(
    listener: Listener,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(listener.url)
    return await asyncio.open_connection(place.hostname, place.port)


class Held:
    """A route whose answers wait until they are released."""

    def __init__(self) -> None:
        self.release, self.begun = asyncio.Event(), asyncio.Semaphore(0)
        self.route = answering_later(self._wait)

    async def _wait(self) -> bytes:
        self.begun.release()
        await self.release.wait()
        return b"here"


async def test_the_longest_idle_connection_makes_room(is_lean: bool) -> None:
    hot = [answering(b"here")]
    async with serving(hot=hot, most=3, is_lean=is_lean) as listener:
        idle = [await connect(listener) for _ in range(3)]
        # The first has asked something since: the second is idle for longest.
        idle[0][1].write(GET)
        assert b"here" == (await idle[0][0].readuntil(b"here"))[-4:]
        await until(lambda: len(listener.connections) == 3)
        assert 200 == (await first_answer(listener.url, GET)).status
        assert b"" == await idle[1][0].read()
        for reader, writer in (idle[0], idle[2]):
            writer.write(GET)
            assert b"here" == (await reader.readuntil(b"here"))[-4:]
        for _, writer in idle:
            writer.transport.abort()


async def test_where_all_are_busy_a_new_one_is_told_and_closed(is_lean: bool) -> None:
    held = Held()
    async with serving(hot=[held.route], most=2, is_lean=is_lean) as listener:
        busy = [asyncio.create_task(first_answer(listener.url, GET)) for _ in range(2)]
        for _ in busy:
            await held.begun.acquire()
        reader, writer = await connect(listener)
        refused = parse_answer(await reader.read())
        assert (503, "busy") == (refused.status, refused.json()["type"])
        assert int(refused.headers["retry-after"]) >= 1
        assert "no-store" == refused.headers["cache-control"]
        writer.transport.abort()
        held.release.set()
        assert [b"here", b"here"] == [(await it).body for it in busy]
        # Both are let go: there is room again.
        assert 200 == (await ask(listener.url, "/asked")).status


async def test_a_client_that_does_not_read_is_dropped(is_lean: bool) -> None:
    asked = 0

    def sends(_: Asked, respond: Respond) -> None:
        nonlocal asked
        asked += 1
        respond(Reply(200, TYPE, bytes(32 << 20)))

    hot = [hot_read("/asked", sends), answering(b"here", "/small")]
    async with serving(hot=hot, answer_s=0.001, is_lean=is_lean) as listener:
        place = urlsplit(listener.url)
        with socket.create_connection((place.hostname, place.port)) as client:
            for _ in range(20):
                client.sendall(GET)
            await until(lambda: len(listener.connections) == 1)
            await until(lambda: len(listener.connections) == 0)
            # Others are served meanwhile, and its requests are not worked on.
            assert 200 == (await ask(listener.url, "/small")).status
            assert 1 == asked
        assert b"here" == (await ask(listener.url, "/small")).body


async def test_a_client_that_reads_gets_all_of_a_large_answer(is_lean: bool) -> None:
    large = bytes(range(256)) * (1 << 16)
    async with serving(hot=[answering(large)], is_lean=is_lean) as listener:
        assert large == (await ask(listener.url, "/asked")).body
        # The answers of one connection follow each other, whoever reads how slowly.
        reader, writer = await connect(listener)
        for _ in range(3):
            writer.write(GET)
        for _ in range(3):
            await reader.readuntil(b"\r\n\r\n")
            assert large == await reader.readexactly(len(large))
        writer.transport.abort()


async def test_a_stop_answers_what_is_under_way_and_closes_the_rest(
    is_lean: bool,
) -> None:
    held = Held()
    async with serving(hot=[held.route], is_lean=is_lean) as listener:
        idle, busy = await connect(listener), await connect(listener)
        busy[1].write(GET)
        await held.begun.acquire()
        stopping = asyncio.create_task(listener.stop())
        assert b"" == await idle[0].read()
        # What comes after the stop is not taken any more.
        busy[1].write(GET)
        await asyncio.sleep(0)
        held.release.set()
        received = await busy[0].read()
        await stopping
        assert (1, b"here") == (received.count(b"HTTP/1.1 200"), received[-4:])
        for _, writer in (idle, busy):
            writer.close()


async def test_a_body_that_a_stop_cuts_short_is_503(is_lean: bool) -> None:
    def stored(_: Asked, __: bytes, respond: Respond) -> None:
        respond(Reply(201, TYPE, b"stored"))

    async def store(request: web.Request) -> web.Response:
        waiting = OneReply()
        stored(asked_of(request), await read_body(request, 1_000), waiting.take)
        return rendered(await waiting.reply)

    hot = [HotRoute("POST", "/asked", store, stored, lambda _: True)]
    async with serving(hot=hot, is_lean=is_lean) as listener:
        reader, writer = await connect(listener)
        head = b"POST /asked HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
        writer.write(head + b"a")
        await until(lambda: len(listener.connections) == 1)
        # One more answer shows that what was sent before has come.
        assert 404 == (await ask(listener.url, "/nowhere")).status
        await listener.stop()
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()


async def test_who_asks_nothing_in_time_is_closed(is_lean: bool) -> None:
    app = new_app([], Metrics(), rows=SHARED_ROWS, hot=[answering(b"here")])
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    connections = Connections(runner.server, 10, 60.0, keep_alive_s=0.02)
    loop = asyncio.get_running_loop()
    make = way_in(app, connections, is_lean=is_lean)
    server = await loop.create_server(make, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    for sent in (b"", GET):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(sent)
        received = await reader.read()
        assert (b"here" if sent else b"") == received[-4:]
        writer.close()
    await until(lambda: len(connections) == 0)
    server.close()
    await runner.cleanup()


async def test_many_that_come_at_once_are_all_answered(is_lean: bool) -> None:
    hot = [answering(b"here")]
    async with serving(hot=hot, is_lean=is_lean) as listener:
        asking = [first_answer(listener.url, GET) for _ in range(300)]
        answers = await asyncio.gather(*asking)
        assert {b"here"} == {it.body for it in answers}
        await until(lambda: len(listener.connections) == 0)
