"""An application that counts and answers every error, and a server that drains it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from logging import CRITICAL, Logger
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, Counter

from tlog import __version__, hashing
from tlog.config import listen_address
from tlog.http.body import STOPPING
from tlog.http.problems import (
    INTERNAL,
    NEVER,
    ROUTING,
    Dialect,
    Rows,
    Told,
    problem_document,
    told,
)
from tlog.log_lines import log_event
from tlog.metrics import Metrics
from tlogverify.errors import FormatError, TlogError

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# What aiohttp cannot parse it would log as it came, tokens and all.
_QUIET: Final = Logger("tlog.http", CRITICAL + 1)

_DRAIN_S: Final = 30.0
_KEEP_ALIVE_S: Final = 75.0


def new_app(
    routes: Iterable[web.RouteDef],
    metrics: Metrics,
    *,
    rows: Rows,
    dialects: Mapping[str, Dialect] = {},
) -> web.Application:
    """Return an application of `routes`; its metrics tell what runs here.

    rows: how errors are told.  dialects: by the start of a path, in which form they are
    told there; elsewhere as problem documents.
    """
    app = web.Application(middlewares=[_answering(rows, dialects)])
    app[STOPPING] = asyncio.Event()
    app.on_response_prepare.append(_counting(metrics))
    app.add_routes(routes)
    _tell_build(metrics)
    return app


class Listener:
    """Serves one application until it is stopped.

    url: where it is reached, once `start` has returned.
    """

    def __init__(self, app: web.Application, listen: str, prefix: str) -> None:
        self._app = app
        self._listen = listen
        self._prefix = prefix
        self._runner = web.AppRunner(
            app,
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
        host, port = listen_address(self._listen)
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        # With port 0, only the socket knows.
        bound = self._runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{bound}{self._prefix}"

    async def stop(self) -> None:
        """Take no more requests, and answer those that are under way."""
        self._app[STOPPING].set()
        await self._runner.cleanup()


def metrics_response(metrics: Metrics) -> web.Response:
    """Return the metrics in Prometheus's text format."""
    headers = {hdrs.CONTENT_TYPE: CONTENT_TYPE_LATEST, hdrs.CACHE_CONTROL: NEVER}
    return web.Response(body=metrics.render(), headers=headers)


def _tell_build(metrics: Metrics) -> None:
    """Say in the metrics what runs here, and in the log too if a kernel is faulty."""
    metrics.build.labels(__version__, hashing.backend()).set(1)
    if fault := hashing.fault():
        metrics.hash_backend_faults.labels(fault).inc()
        log_event("hash backend failed its self-test", level="error", backend=fault)


def _counting(
    metrics: Metrics,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
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
            counters[key] = metrics.requests.labels(route, str(response.status))
        counters[key].inc()

    return count


def _answering(rows: Rows, dialects: Mapping[str, Dialect]) -> Middleware:
    """Return what turns every error into its answer."""

    @web.middleware
    async def answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
        path = request.rel_url.raw_path
        found = (it for start, it in dialects.items() if path.startswith(start))
        dialect = next(found, problem_document)
        try:
            return await handler(request)
        except TlogError as error:
            return dialect(told(error, rows))
        except web.HTTPException as error:
            problem = ROUTING.get(error.status, INTERNAL)
            allow = error.headers.get(hdrs.ALLOW)
            headers: dict[str, str] = {} if allow is None else {hdrs.ALLOW: allow}
            return dialect(Told(problem, error.reason, headers))
        except ConnectionError:
            # The client left within its body: nobody reads this.
            return dialect(told(FormatError("the body was cut short"), rows))
        except Exception as error:  # noqa: BLE001 - the top of each request: it ends here
            # The kind alone: what the error says may hold what the request said.
            log_event("a request failed", level="error", error=type(error).__name__)
            return dialect(Told(INTERNAL, INTERNAL.title, {}))

    return answer
