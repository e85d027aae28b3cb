"""An application that counts and answers every error, and a server that drains it."""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable, Mapping
from errno import errorcode
from typing import Final, cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST, Counter

from tlog import __version__, hashing
from tlog.config import listen_address
from tlog.errors import FatalError, MachineError
from tlog.http.body import STOPPING
from tlog.http.connections import (
    ANSWER_S,
    MOST_CONNECTIONS,
    Connection,
    Connections,
    affordable_connections,
)
from tlog.http.problems import (
    INTERNAL,
    NEVER,
    ROUTING,
    Dialect,
    ErrorAnswer,
    Rows,
    answer_to,
    problem_document,
)
from tlog.log_lines import log_event
from tlog.metrics import Metrics
from tlogverify.errors import FormatError, TlogError

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Of every other status a cache must know nothing: it would show a moment's trouble for
# as long as the resource may be kept.
_CACHED: Final = frozenset({200, 206, 304})

_DRAIN_S: Final = 30.0
# The system shortens it to what it allows (net.core.somaxconn on Linux).
_ACCEPT_QUEUE: Final = 4_096


def new_app(
    routes: Iterable[web.RouteDef],
    metrics: Metrics,
    *,
    rows: Rows,
    dialects: Mapping[str, Dialect] = {},
) -> web.Application:
    """Return an application of `routes`; its metrics tell what runs here.

    rows: how errors are answered.  dialects: the form of an error's answer, by the
    start of a path; below all other paths it is a problem document.
    """
    app = web.Application(middlewares=[_answering(rows, dialects)])
    app[STOPPING] = asyncio.Event()
    app.on_response_prepare.append(_counting(metrics))
    app.add_routes(routes)
    _tell_build(metrics)
    return app


class Listener:
    """Serves one application until it is stopped.

    most: connections at once, as far as the process may open files.  answer_s: the
    time in which a client takes 4 MiB of an answer.  url: where the application is
    reached, once `start` has returned.
    """

    def __init__(
        self,
        app: web.Application,
        listen: str,
        prefix: str,
        *,
        most: int = MOST_CONNECTIONS,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._app = app
        self._listen = listen
        self._prefix = prefix
        self._most = most
        self._answer_s = answer_s
        self._runner = web.AppRunner(app, shutdown_timeout=_DRAIN_S)
        self._server: asyncio.AbstractServer | None = None
        self.url = ""

    async def start(self) -> None:
        """Listen; OSError, which says what to do, if the address cannot be had."""
        await self._runner.setup()
        host, port = listen_address(self._listen)
        most = affordable_connections(self._most)
        made = cast(web.Server, self._runner.server)
        self.connections = Connections(made, most, self._answer_s)
        try:
            server = await asyncio.get_running_loop().create_server(
                self.connections.take, host, port, backlog=_ACCEPT_QUEUE
            )
        except OSError as error:
            raise _not_listening(error, self._listen) from error
        self._server = server
        # With port 0, only the socket knows.
        bound = server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{bound}{self._prefix}"

    async def stop(self) -> None:
        """Take no more requests, and answer those that are under way."""
        self._app[STOPPING].set()
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()


def _not_listening(error: OSError, listen: str) -> OSError:
    ahead = {
        errno.EADDRINUSE: "address already in use: end the process that listens there, "
        "or choose another --listen; port 0 takes a free one",
        errno.EADDRNOTAVAIL: "no address of this machine: choose another --listen",
        errno.EACCES: "this user may not listen there: choose a port above 1023",
    }
    why = ahead.get(error.errno or 0, error.strerror or str(error))
    return OSError(error.errno, why, listen)


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
    """Return what counts an answer, opens reads to all web origins, and bounds caching.

    Called when the status is final.
    """
    counters: dict[tuple[str, int], Counter] = {}

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        if response.status not in _CACHED:
            response.headers[hdrs.CACHE_CONTROL] = NEVER
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
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.begin()
        try:
            return await handler(request)
        except web.HTTPException as error:
            problem = ROUTING.get(error.status, INTERNAL)
            allow = error.headers.get(hdrs.ALLOW)
            headers: dict[str, str] = {} if allow is None else {hdrs.ALLOW: allow}
            return dialect(ErrorAnswer(problem, error.reason, headers))
        except Exception as error:  # noqa: BLE001 - the top of each request: it ends here
            return dialect(_answer_to(error, rows))
        finally:
            if isinstance(connection, Connection):
                connection.end()

    return answer


def _answer_to(error: Exception, rows: Rows) -> ErrorAnswer:
    """Return the answer to an error; log the error if this server must mend it."""
    if isinstance(error, TlogError):
        found = answer_to(error, rows)
    elif isinstance(error, ConnectionError):
        # The client left within its body: nobody reads this.
        found = answer_to(FormatError("the body was cut short"), rows)
    elif isinstance(error, OSError | MemoryError):
        found = answer_to(MachineError(str(error)), rows)
    else:
        found = ErrorAnswer(INTERNAL, INTERNAL.title, {})
    # What ends the process is told once, where it ends.
    if found.problem.is_ours and not isinstance(error, FatalError):
        # The kinds alone: what an error says may hold what the request said.
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        name = errorcode.get(number or 0, type(cause).__name__)
        kind = type(error).__name__
        log_event("a request failed", level="error", error=kind, cause=name)
    return found
