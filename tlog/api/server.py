"""Routes, and a server that drains: what was accepted is answered before it ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import hdrs, web
from prometheus_client import Counter

from tlog.api.lookup import LookupEndpoints
from tlog.api.operation import OperationEndpoints
from tlog.api.problems import (
    INTERNAL,
    ROUTING,
    TooLargeError,
    error_response,
    problem_response,
)
from tlog.api.submit import SubmitEndpoint
from tlog.api.tiles import TileEndpoints
from tlog.config import listen_address
from tlog.entries.submission import MAX_BODY_BYTES
from tlog.log import Log
from tlog.logs import log_event
from tlog.sequencer.pool import settle
from tlogverify.errors import FormatError, TlogError

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What aiohttp cannot parse it would log as it came, tokens and all.
_QUIET: Final = logging.Logger("tlog.http", logging.CRITICAL + 1)

_DRAIN_S: Final = 30.0
_KEEP_ALIVE_S: Final = 75.0


def build_app(log: Log) -> web.Application:
    """Return the application that serves `log` below its prefix."""
    app = web.Application(middlewares=[_answer], client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(_counting(log))
    prefix = log.settings.prefix
    submit, lookup = SubmitEndpoint(log), LookupEndpoints(log)
    tiles, operation = TileEndpoints(log), OperationEndpoints(log)
    app.add_routes(
        [
            web.post(f"{prefix}/api/v1/entries", submit.post),
            web.get(f"{prefix}/api/v1/entries", lookup.entries),
            web.get(f"{prefix}/api/v1/entries/{{index}}", lookup.entry),
            web.get(f"{prefix}/api/v1/proof/inclusion", lookup.inclusion),
            web.get(f"{prefix}/api/v1/proof/consistency", lookup.consistency),
            web.get(f"{prefix}/api/v1/search", lookup.search),
            web.get(f"{prefix}/api/v1/log", operation.log),
            web.get(f"{prefix}/checkpoint", tiles.checkpoint),
            web.get(f"{prefix}/tile/{{path:.+}}", tiles.tile),
            web.get(f"{prefix}/healthz", operation.health),
            web.get(f"{prefix}/readyz", operation.readiness),
            web.get(f"{prefix}/metrics", operation.metrics),
            web.get(f"{prefix}/openapi.json", operation.openapi),
        ]
    )
    return app


class Server:
    """Serves one log until it is stopped.

    url: where it is reached, once `start` has returned.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._runner = web.AppRunner(
            build_app(log),
            access_log=None,
            logger=_QUIET,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_S,
            shutdown_timeout=_DRAIN_S,
        )
        self.url = ""

    async def start(self) -> None:
        """Listen; OSError if the address is taken."""
        await self._runner.setup()
        host, port = listen_address(self._log.settings.listen)
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        # With port 0, only the socket knows.
        bound = self._runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{bound}{self._log.settings.prefix}"

    async def stop(self) -> None:
        """Take no more requests, and answer those that are under way."""
        await self._runner.cleanup()


async def serve(log: Log, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve `log` until `stop` is set or the log stops by itself; then close it.

    ready: called with the URL when the first request can be answered.
    Raises the FatalError that stopped the log, if one did.
    """
    loop = asyncio.get_running_loop()
    server = Server(log)
    log.start(
        on_stop=lambda: loop.call_soon_threadsafe(stop.set),
        # One wake-up of the loop for all waiters of a batch.
        deliver=lambda settled: loop.call_soon_threadsafe(settle, settled),
    )
    try:
        await server.start()
        ready(server.url)
        await stop.wait()
    finally:
        await server.stop()
        await asyncio.to_thread(log.close)
    if log.failure is not None:
        raise log.failure


def _counting(log: Log) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what counts an answer and opens reads to all web origins.

    Called when the status is final: a file's answer finds its own after the handler.
    """
    counters: dict[tuple[str, int], Counter] = {}

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        if request.method in {hdrs.METH_GET, hdrs.METH_HEAD}:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        resource = request.match_info.route.resource
        route = "unknown" if resource is None else resource.canonical
        key = (route, response.status)
        if key not in counters:
            counters[key] = log.metrics.requests.labels(route, str(response.status))
        counters[key].inc()

    return count


@web.middleware
async def _answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every error into its problem document."""
    try:
        return await handler(request)
    except TlogError as error:
        return error_response(error)
    except web.HTTPRequestEntityTooLarge:
        return error_response(TooLargeError(MAX_BODY_BYTES))
    except web.HTTPException as error:
        problem = ROUTING.get(error.status, INTERNAL)
        response = problem_response(problem, error.reason)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except ConnectionError:
        # The client left within its body: nobody reads this.
        return error_response(FormatError("the body was cut short"))
    except Exception as error:  # noqa: BLE001 - the top of each request: it ends here
        # The kind alone: what the error says may hold what the request said.
        log_event("a request failed", level="error", error=type(error).__name__)
        return problem_response(INTERNAL, INTERNAL.title)
