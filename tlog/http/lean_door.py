"""What the lean connections of one server share: the hot routes, and answers as bytes.

An answer has the same headers in the same order as aiohttp writes them.
"""

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Final, NamedTuple

from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from tlog.http.answers import Answers, open_and_bound
from tlog.http.connections import Connections
from tlog.http.exchange import Asked, Headers, HotRoute, Reply
from tlog.http.recogniser import Head

_REST: Final = "{path:.+}"


class _Frame(NamedTuple):
    """The heads of like answers of one route within one second, but for their lengths.

    counted: what the route is called in the metrics.  before: up to the length, if it
    has one; a 304 has not.  behind: the rest.  closing: the rest, if the connection
    ends with the answer.
    """

    route: HotRoute
    status: int
    headers: Headers
    second: int
    counted: str
    has_length: bool
    before: bytes
    behind: bytes
    closing: bytes


class LeanDoor:
    """What the lean connections of one server share.

    routes: the hot ones.  answers: told and counted as aiohttp's.
    """

    def __init__(
        self, routes: Iterable[HotRoute], answers: Answers, connections: Connections
    ) -> None:
        self._exact: dict[tuple[str, str], HotRoute] = {}
        self._starts: dict[tuple[str, str], HotRoute] = {}
        for route in routes:
            if route.path.endswith(_REST):
                start = route.path.removesuffix(_REST)
                self._starts[route.method, start] = route
            else:
                self._exact[route.method, route.path] = route
        self.answers = answers
        self.connections = connections
        self._second = -1
        self._dated = self._closing = b""
        self._frames: dict[str, _Frame] = {}

    def route_of(self, asked: Asked) -> HotRoute | None:
        """Return the hot route that answers a request; None if none is ready to."""
        route = self._exact.get((asked.method, asked.path))
        if route is None:
            for (method, start), it in self._starts.items():
                is_below = asked.path.startswith(start) and asked.path != start
                if is_below and method == asked.method:
                    route = it
        if route is None or not route.is_ready(asked):
            return None
        return route

    def written(self, reply: Reply, head: Head, route: HotRoute) -> bytes:
        """Return an answer as aiohttp would send it; it is counted."""
        status, headers, body = reply
        frame, second = self._frames.get(route.path), int(time())
        # Most answers of a route have the headers of the one before, the same object.
        if (
            frame is None
            or headers is not frame.headers
            or second != frame.second
            or status != frame.status
            or route is not frame.route
        ):
            frame = self._framed(route, status, headers, second)
            self._frames[route.path] = frame
        self.answers.count(frame.counted, status)
        behind = frame.closing if head.closes else frame.behind
        if frame.has_length:
            return b"%b%d%b%b" % (frame.before, len(body), behind, body)
        return b"%b%b%b" % (frame.before, behind, body)

    def _framed(
        self, route: HotRoute, status: int, headers: Headers, second: int
    ) -> _Frame:
        if second != self._second:
            self._second = second
            date = formatdate(second, usegmt=True)
            self._dated = f"\r\nDate: {date}\r\nServer: {SERVER_SOFTWARE}\r\n".encode()
            self._closing = self._dated + b"Connection: close\r\n"
        before, behind = _lines(route.method, status, headers)
        return _Frame(
            route,
            status,
            headers,
            second,
            route.path.replace(_REST, "{path}"),
            status != HTTPStatus.NOT_MODIFIED,
            before,
            self._dated + behind,
            self._closing + behind,
        )


# As many as there may be tiles that are kept: each has an ETag of its own.
@lru_cache(maxsize=2_048)
def _lines(method: str, status: int, headers: Headers) -> tuple[bytes, bytes]:
    """Return what of an answer's head stands before its length, and behind the date."""
    shown = dict(headers)
    added: dict[str, str] = {}
    open_and_bound(method, status, added)
    if hdrs.CACHE_CONTROL in added:
        shown[hdrs.CACHE_CONTROL] = added.pop(hdrs.CACHE_CONTROL)
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    before = "\r\n".join([first, *(f"{name}: {it}" for name, it in shown.items())])
    # A 304 has the headers of what it stands for, and no length.
    if status != HTTPStatus.NOT_MODIFIED:
        before += "\r\nContent-Length: "
    behind = "".join(f"{name}: {it}\r\n" for name, it in added.items())
    return before.encode(), f"{behind}\r\n".encode()
