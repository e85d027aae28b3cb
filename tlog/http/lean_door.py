"""What the lean connections of one server share: the hot routes, and answers as bytes.

An answer has the same headers in the same order as aiohttp writes them.
"""

from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time
from typing import Final

from aiohttp import hdrs
from aiohttp.http import SERVER_SOFTWARE

from tlog.http.answers import Answers, open_and_bound
from tlog.http.connections import Connections
from tlog.http.exchange import Asked, Headers, HotRoute, Reply
from tlog.http.recogniser import Head

_REST: Final = "{path:.+}"


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
        self._dated = ""

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
        self.answers.count(route.path.replace(_REST, "{path}"), status)
        second = int(time())
        if second != self._second:
            self._second = second
            self._dated = (
                f"\r\nDate: {formatdate(second, usegmt=True)}\r\n"
                f"Server: {SERVER_SOFTWARE}\r\n"
            )
        before, behind = _lines(route.method, status, headers)
        # A 304 has the headers of what it stands for, and no length.
        length = (
            ""
            if status == HTTPStatus.NOT_MODIFIED
            else (f"\r\nContent-Length: {len(body)}")
        )
        closing = "Connection: close\r\n" if head.closes else ""
        text = f"{before}{length}{self._dated}{closing}{behind}"
        return text.encode() + body


@lru_cache(maxsize=256)
def _lines(method: str, status: int, headers: Headers) -> tuple[str, str]:
    """Return what of an answer's head stands before its length, and behind the date."""
    shown = dict(headers)
    added: dict[str, str] = {}
    open_and_bound(method, status, added)
    if hdrs.CACHE_CONTROL in added:
        shown[hdrs.CACHE_CONTROL] = added.pop(hdrs.CACHE_CONTROL)
    first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    before = "\r\n".join([first, *(f"{name}: {it}" for name, it in shown.items())])
    behind = "".join(f"{name}: {it}\r\n" for name, it in added.items())
    return before, f"{behind}\r\n"
