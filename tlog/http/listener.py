"""An application that counts and answers every error, and a server that drains it."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, cast

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from prometheus_client import CONTENT_TYPE_LATEST

from tlog import __version__, hashing
from tlog.config import listen_address
from tlog.http.accepting import Accepting
from tlog.http.answers import Answers, open_and_bound
from tlog.http.body import STOPPING
from tlog.http.connections import (
    ANSWER_S,
    MOST_CONNECTIONS,
    Connection,
    Connections,
    affordable_connections,
)
from tlog.http.exchange import HotRoute, rendered
from tlog.http.lean import Lean
from tlog.http.lean_door import LeanDoor
from tlog.http.problems import (
    INTERNAL,
    NEVER,
    ROUTING,
    Dialect,
    ErrorAnswer,
    Rows,
)
from tlog.log_lines import log_event
from tlog.metrics import Metrics

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ANSWERS: Final = web.AppKey("answers", Answers)
_HOT: Final[web.AppKey[Sequence[HotRoute]]] = web.AppKey("hot")

_DRAIN_S: Final = 30.0
# The system shortens it to what it allows (net.core.somaxconn on Linux).
_ACCEPT_QUEUE: Final = 4_096


def new_app(
    routes: Iterable[web.RouteDef],
    metrics: Metrics,
    *,
    rows: Rows,
    dialects: Mapping[str, Dialect] = {},
    hot: Sequence[HotRoute] = (),
) -> web.Application:
    """Return an application of `routes`; its metrics tell what runs here.

    rows: how errors are answered.  dialects: the form of an error's answer, by the
    start of a path; below all other paths it is a problem document.  hot: further
    routes, which have both ways in.
    """
    answers = Answers(metrics, rows, dialects)
    app = web.Application(middlewares=[_answering(answers)])
    app[STOPPING] = asyncio.Event()
    app[_ANSWERS] = answers
    app[_HOT] = tuple(hot)
    app.on_response_prepare.append(_counting(answers))
    app.add_routes(routes)
    app.add_routes([_registered(it) for it in hot])
    _tell_build(metrics)
    return app


class Listener:
    """Serves one application until it is stopped.

    most: connections at once, as far as the process may open files.  answer_s: the
    time in which a client takes 4 MiB of an answer.  is_lean: whether hot routes have
    both ways in, or aiohttp's alone.  url: where the application is reached, once
    `start` has returned.
    """

    def __init__(
        self,
        app: web.Application,
        listen: str,
        prefix: str,
        *,
        most: int = MOST_CONNECTIONS,
        answer_s: float = ANSWER_S,
        is_lean: bool = True,
    ) -> None:
        self._app = app
        self._tls: ssl.SSLContext | None = None
        self._listening: socket.socket | None = None
        self._listen = listen
        self._prefix = prefix
        self._most = most
        self._answer_s = answer_s
        self._is_lean = is_lean
        self._runner = web.AppRunner(app, shutdown_timeout=_DRAIN_S)
        self._server: asyncio.AbstractServer | None = None
        self.url = ""

    def adopt(self, listening: socket.socket) -> None:
        """Take the connections of this socket, from `start` on; it is copied."""
        self._listening = listening.dup()

    def encrypt(self, tls: ssl.SSLContext) -> None:
        """Serve https in place of http, from `start` on."""
        self._tls = tls

    async def start(self) -> None:
        """Listen; OSError, which says what to do, if the address cannot be had."""
        await self._runner.setup()
        host, port = listen_address(self._listen)
        most = affordable_connections(self._most)
        made = cast(web.Server, self._runner.server)
        self.connections = Connections(made, most, self._answer_s)
        make = way_in(self._app, self.connections, is_lean=self._is_lean)
        accepting = Accepting(make, lambda: self.connections.room, self._tls)
        self._accepting = accepting
        try:
            server = await self._listen_for(accepting.take, host, port)
        except OSError as error:
            raise _not_listening(error, self._listen) from error
        self._server = server
        accepting.watch(server.sockets)
        if server.sockets[0].family == socket.AF_UNIX:
            # Who asks there knows where.
            return
        # With port 0, only the socket knows.
        bound = server.sockets[0].getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        scheme = "http" if self._tls is None else "https"
        self.url = f"{scheme}://{shown}:{bound}{self._prefix}"

    async def _listen_for(
        self, take: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> asyncio.Server:
        loop, queue = asyncio.get_running_loop(), _ACCEPT_QUEUE
        if self._listening is None:
            return await loop.create_server(
                take, host, port, backlog=queue, ssl=self._tls
            )
        if self._listening.family == socket.AF_UNIX:
            return await loop.create_unix_server(
                take, sock=self._listening, backlog=queue
            )
        return await loop.create_server(
            take, sock=self._listening, backlog=queue, ssl=self._tls
        )

    def retire(self) -> None:
        """Accept no more: another listener does; what is connected is answered."""
        self._accepting.close()
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Take no more requests, and answer those that are under way."""
        self._app[STOPPING].set()
        if self._server is None:
            await self._runner.cleanup()
            return
        self._accepting.close()
        self._server.close()
        self.connections.stop()
        await asyncio.gather(self.connections.drain(_DRAIN_S), self._runner.cleanup())


def bound_to(listen: str, *, is_shared: bool = False) -> socket.socket:
    """Return a socket that has HOST:PORT and takes nothing until a listener starts.

    is_shared: other processes of this user have it too, each with a socket of its own,
    and the system gives each connection to one of those that listen.

    OSError as `Listener.start`.
    """
    host, port = listen_address(listen)
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise _not_listening(error, listen) from error
    return bound


def way_in(
    app: web.Application, connections: Connections, *, is_lean: bool
) -> Callable[[], asyncio.Protocol]:
    """Return what makes the protocol of each connection that is accepted."""
    hot = app[_HOT]
    if not (is_lean and hot):
        return lambda: connections.take(connections.make)
    door = LeanDoor(hot, app[_ANSWERS], connections)
    return lambda: connections.take(lambda: Lean(door))


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
    answers: Answers,
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what is called when the status of an answer is final."""

    async def count(request: web.Request, response: web.StreamResponse) -> None:
        open_and_bound(request.method, response.status, response.headers)
        resource = request.match_info.route.resource
        route = "unknown" if resource is None else resource.canonical
        answers.count(route, response.status)

    return count


def _answering(answers: Answers) -> Middleware:
    """Return what turns every error into its answer."""

    @web.middleware
    async def answer(request: web.Request, handler: _Handler) -> web.StreamResponse:
        path = request.rel_url.raw_path
        connection = request.protocol
        if isinstance(connection, Connection):
            connection.begin()
        try:
            return await handler(request)
        except web.HTTPException as error:
            problem = ROUTING.get(error.status, INTERNAL)
            allow = error.headers.get(hdrs.ALLOW)
            headers: dict[str, str] = {} if allow is None else {hdrs.ALLOW: allow}
            told = ErrorAnswer(problem, error.reason, headers)
            return rendered(answers.in_dialect(told, path))
        except Exception as error:  # noqa: BLE001 - the top of each request: it ends here
            return rendered(answers.told(error, path))
        finally:
            if isinstance(connection, Connection):
                connection.end()

    return answer


def _registered(route: HotRoute) -> web.RouteDef:
    """Return a hot route as aiohttp registers it; what takes GET takes HEAD too."""
    if route.method == hdrs.METH_GET:
        return web.get(route.path, route.slow)
    return web.post(route.path, route.slow)
