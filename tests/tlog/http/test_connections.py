"""How many connections a server has, and what becomes of who does not read."""

import asyncio
import socket
from urllib.parse import urlsplit

from aiohttp import web

from tests.support.http import ask, first_answer, parse_answer
from tests.support.running import until
from tests.tlog.http.served import serving
from tlog.http.listener import Listener

GET = b"GET /asked HTTP/1.1\r\nHost: a\r\n\r\n"


async def answered(_: web.Request) -> web.Response:
    return web.Response(body=b"here")


async def connect(
    listener: Listener,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(listener.url)
    return await asyncio.open_connection(place.hostname, place.port)


async def test_the_longest_idle_connection_makes_room() -> None:
    async with serving(web.get("/asked", answered), most=3) as listener:
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


async def test_where_all_are_busy_a_new_one_is_told_and_closed() -> None:
    release, begun = asyncio.Event(), asyncio.Semaphore(0)

    async def waits(_: web.Request) -> web.Response:
        begun.release()
        await release.wait()
        return web.Response(body=b"here")

    async with serving(web.get("/asked", waits), most=2) as listener:
        busy = [asyncio.create_task(first_answer(listener.url, GET)) for _ in range(2)]
        for _ in busy:
            await begun.acquire()
        reader, writer = await connect(listener)
        refused = parse_answer(await reader.read())
        assert (503, "busy") == (refused.status, refused.json()["type"])
        assert int(refused.headers["retry-after"]) >= 1
        assert "no-store" == refused.headers["cache-control"]
        writer.transport.abort()
        release.set()
        assert [b"here", b"here"] == [(await it).body for it in busy]
        # Both are let go: there is room again.
        assert 200 == (await ask(listener.url, "/asked")).status


async def test_a_client_that_does_not_read_is_dropped() -> None:
    large = bytes(32 << 20)

    async def sends(_: web.Request) -> web.Response:
        return web.Response(body=large)

    routes = [web.get("/asked", sends), web.get("/small", answered)]
    async with serving(*routes, answer_s=0.001) as listener:
        place = urlsplit(listener.url)
        with socket.create_connection((place.hostname, place.port)) as client:
            client.sendall(GET * 20)
            await until(lambda: len(listener.connections) == 1)
            await until(lambda: len(listener.connections) == 0)
            # Others are served meanwhile, and its requests are not worked on.
            assert 200 == (await ask(listener.url, "/small")).status
        assert b"here" == (await ask(listener.url, "/small")).body


async def test_a_client_that_reads_gets_all_of_a_large_answer() -> None:
    large = bytes(range(256)) * (1 << 16)

    async def sends(_: web.Request) -> web.Response:
        return web.Response(body=large)

    async with serving(web.get("/asked", sends)) as listener:
        assert large == (await ask(listener.url, "/asked")).body
