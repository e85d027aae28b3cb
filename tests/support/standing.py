"""What stands before a log: a reverse proxy on loopback that can fail as they do.

It forwards what it is sent to a real log, byte for byte, unless `instead` has an answer
for the next request.  As a forward proxy it takes absolute request lines too.
"""

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from tests.support import warm
from tests.system.server import COMMAND, environment

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOP: frozenset[str] = frozenset({"Content-Length", "Transfer-Encoding", "Connection"})


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


async def start_tlog(
    *arguments: object, variables: Mapping[str, str] = {}
) -> asyncio.subprocess.Process:
    """Start a command whose two streams are read."""
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        *map(str, arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environment(), **variables},
    )


async def ended(process: asyncio.subprocess.Process) -> Done:
    """Wait for a command's end."""
    out, err = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())


async def tlog(*arguments: object, variables: Mapping[str, str] = {}) -> Done:
    """Run one command to its end while this event loop serves."""
    command = [*COMMAND, *map(str, arguments)]
    given = {**environment(), **variables}
    done = await asyncio.to_thread(warm.run, command, environment=given)
    return Done(done.returncode, done.stdout, done.stderr)


def say(status: int, text: str = "<html>proxy</html>", **headers: str) -> Answer:
    """Answer once, as a proxy that knows nothing of logs."""

    async def answer(request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(
            status=status, text=text, content_type="text/html", headers=named
        )

    return answer


class StandIn:
    """A reverse proxy before one log.

    instead: the answers of the next requests, None to forward; then it forwards.
    held: set when a request came that `hold` keeps.  submitted: how many
    entries each POST that was forwarded had.  asked: how many requests came at all.
    in_pieces: forwarded answers come in chunks of a few bytes.
    """

    def __init__(self, log_url: str) -> None:
        self.url = ""
        self.instead: deque[Answer | None] = deque()
        self.submitted: list[int] = []
        self.hosts: set[str] = set()
        self.asked = 0
        self.in_pieces = False
        self.held = asyncio.Event()
        self._log_url = log_url

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer by hand, or forward."""
        self.asked += 1
        self.hosts.add(request.host)
        body = await request.read()
        instead = self.instead.popleft() if self.instead else None
        if instead is not None:
            return await instead(request)
        if request.method == "POST":
            self.submitted.append(len(json.loads(body)["entries"]))
        kept = {k: v for k, v in request.headers.items() if k not in {*_HOP, "Host"}}
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(
                request.method,
                f"{self._log_url}{request.rel_url.raw_path_qs}",
                headers=kept,
                data=body or None,
            ) as found,
        ):
            content = await found.read()
            headers = {k: v for k, v in found.headers.items() if k not in _HOP}
            if not self.in_pieces:
                return web.Response(status=found.status, headers=headers, body=content)
            return await self._in_pieces(request, found.status, headers, content)

    async def hold(self, request: web.Request) -> web.StreamResponse:
        """Answer nothing until the client has gone."""
        self.held.set()
        await asyncio.Event().wait()
        raise AssertionError

    @staticmethod
    async def _in_pieces(
        request: web.Request, status: int, headers: Mapping[str, str], content: bytes
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers=headers)
        await response.prepare(request)
        for start in range(0, len(content), 97):
            await response.write(content[start : start + 97])
            await asyncio.sleep(0)
        await response.write_eof()
        return response


@asynccontextmanager
async def standing_before(
    log_url: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[StandIn]:
    """Serve a stand-in on a free port."""
    stand_in = StandIn(log_url)
    app = web.Application(client_max_size=16 << 20)
    app.router.add_route("*", "/{path:.*}", stand_in.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        stand_in.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        yield stand_in
    finally:
        await runner.cleanup()
