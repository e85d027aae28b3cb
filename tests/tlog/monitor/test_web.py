"""Logs over HTTP, honest and hostile: bounded bytes, or a named failure."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.monitored import Monitored
from tests.support.static_log import StaticLog, entries_of, tile_path
from tests.tlog.monitor.peers import peer
from tlog.monitor.monitor import Outcome
from tlog.monitor.source import WebSource
from tlog.monitor.web import MissingError, SourceError, Web
from tlogverify.errors import FormatError
from tlogverify.tiles import ENTRIES, Tile

LIMIT = 1_000


def bytes_answer(
    body: bytes, status: int = 200, **headers: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers everything alike."""

    async def answer(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers=named)

    return answer


async def fetch(url: str, timeout_s: float = 5) -> bytes:
    """Fetch one file of at most LIMIT bytes."""
    async with Web(connections=2, timeout_s=timeout_s) as found:
        return await found.get(f"{url}/checkpoint", LIMIT)


async def test_a_log_is_followed_over_http(tmp_path: Path) -> None:
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 1500))
    log.publish()

    async def answer(request: web.Request) -> web.Response:
        file = log.folder / request.match_info["path"]
        if not file.is_file():
            raise web.HTTPNotFound
        return web.Response(body=file.read_bytes())

    async with peer(answer) as url:
        monitored = Monitored(tmp_path, url)
        assert Outcome.QUIET == await monitored.look(connections=3)
    assert 1500 == await monitored.size()


async def test_a_dropped_partial_tile_is_cut_from_the_full_one(tmp_path: Path) -> None:
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 512))
    log.publish()
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        file = log.folder / request.match_info["path"]
        if not file.is_file():
            raise web.HTTPNotFound
        return web.Response(body=file.read_bytes())

    wanted = [Tile(0, 1, 44), Tile(ENTRIES, 1, 44)]
    async with peer(answer) as url, Web(connections=1, timeout_s=5) as found:
        tiles = await WebSource(found, url + "/", 1).tiles(wanted)
    whole = [(log.folder / it.full.path).read_bytes() for it in wanted]
    assert [44 * 32, len(b"".join(log.entries[256:300])) + 88] == [*map(len, tiles)]
    assert all(all_.startswith(part) for all_, part in zip(whole, tiles, strict=True))
    assert f"/{tile_path('0', 1, 44)}" == asked[0]


@pytest.mark.parametrize("size", [0, 1, LIMIT])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_an_answer_up_to_the_limit_is_read(size: int, encoding: str) -> None:
    body = bytes(size)
    sent = gzip.compress(body) if encoding == "gzip" else body
    async with peer(bytes_answer(sent, Content_Encoding=encoding)) as url:
        assert body == await fetch(url)


BOMB = gzip.compress(bytes(50_000_000), 1)
BROKEN = {
    "too large": bytes_answer(bytes(LIMIT + 1)),
    "too large unpacked": bytes_answer(
        gzip.compress(bytes(LIMIT + 1)), Content_Encoding="gzip"
    ),
    "a bomb": bytes_answer(BOMB, Content_Encoding="gzip"),
    "no gzip": bytes_answer(b"nonsense", Content_Encoding="gzip"),
    "half of gzip": bytes_answer(gzip.compress(b"ab")[:-4], Content_Encoding="gzip"),
    "more than gzip": bytes_answer(gzip.compress(b"") + b"x", Content_Encoding="gzip"),
    "zlib": bytes_answer(zlib.compress(b""), Content_Encoding="deflate"),
}


@pytest.mark.parametrize("what", BROKEN)
async def test_a_broken_answer_is_refused(what: str) -> None:
    async with peer(BROKEN[what]) as url:
        with pytest.raises(FormatError):
            await fetch(url)


async def test_an_endless_answer_is_cut_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(LIMIT))
        except ConnectionError:
            return response

    async with peer(answer) as url:
        with pytest.raises(FormatError):
            await fetch(url)


@pytest.mark.parametrize("status", [204, 206, 302, 304, 400, 403, 418])
async def test_a_refusal_is_no_answer(status: int) -> None:
    """Nor is another success than 200, or a redirect, which is not followed."""
    answer = bytes_answer(b"", status=status, Location="/elsewhere")
    async with peer(answer) as url:
        with pytest.raises(SourceError):
            await fetch(url)


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_missing_is_said_to_be(status: int) -> None:
    async with peer(bytes_answer(b"", status=status)) as url:
        with pytest.raises(MissingError):
            await fetch(url)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_a_passing_failure_is_tried_again(status: int) -> None:
    left = [status, status]

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=left.pop() if left else 200, body=b"it")

    async with peer(answer) as url:
        assert b"it" == await fetch(url)


async def test_a_silent_peer_is_given_up_after_the_timeout() -> None:
    gone = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10"})
        await response.prepare(request)
        await response.write(b"half")
        await gone.wait()
        return response

    async with peer(answer) as url:
        try:
            with pytest.raises(SourceError):
                await fetch(url, timeout_s=0.2)
        finally:
            gone.set()


RAW = {
    "cut short": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", SourceError),
    "nothing": (b"", SourceError),
    "no HTTP": (b"nonsense\r\n\r\n", FormatError),
    "two lengths": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        FormatError,
    ),
    "chunks without an end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        SourceError,
    ),
}


@pytest.mark.parametrize("what", RAW)
async def test_bytes_that_are_no_whole_answer_are_refused(what: str) -> None:
    sent, expected = RAW[what]

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        with pytest.raises(expected):
            await fetch(f"http://{host}:{port}")


async def test_a_refused_connection_is_no_answer() -> None:
    async with peer(bytes_answer(b"")) as url:
        closed = url
    with pytest.raises(SourceError):
        await fetch(closed)
