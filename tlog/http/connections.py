"""Connections of one server: bounded in number, and dropped if nobody reads.

At the bound, the connection that has had no request for longest makes room for a new
one, so that idle clients keep nobody out.  If every connection has a request under way,
the new one is told 503 and closed.

A client that does not take its answer is dropped: while more is written than the
system's buffers hold, a clock runs, and it allows `answer_s` for every 4 MiB begun.

Reading a request's head and waiting for the next request are bounded by aiohttp's
`keepalive_timeout`, a body by `tlog.http.body`.
"""

import asyncio
import resource
from collections import OrderedDict
from logging import CRITICAL, Logger
from typing import Final, cast

from aiohttp import web

from tlog.errors import BusyError
from tlog.http.problems import SHARED_ROWS, answer_to, problem_document

MOST_CONNECTIONS: Final = 4_096
ANSWER_S: Final = 60.0

_KEEP_ALIVE_S: Final = 75.0
_PIECE_BYTES: Final = 4 << 20

# For the index, the journal, the tiles that are read and the witnesses that are asked.
_OWN_DESCRIPTORS: Final = 128
_FEWEST: Final = 16

# What aiohttp cannot parse it would log as it came, tokens and all.
_QUIET: Final = Logger("tlog.http", CRITICAL + 1)


def affordable_connections(wanted: int) -> int:
    """Return how many connections, up to `wanted`, the process has descriptors for.

    Raises the process's soft limit of open files as far as is needed and allowed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + max(_OWN_DESCRIPTORS, wanted // 4)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    # Many connections come with many files: a fourth is kept, or the least.
    own = max(_OWN_DESCRIPTORS, allowed // 5)
    return max(min(wanted, allowed - own), _FEWEST)


class Connections:
    """The open connections of one server.

    limit: how many there are at most.  answer_s: the time in which a client takes 4 MiB
    of an answer.
    """

    def __init__(self, server: web.Server, limit: int, answer_s: float) -> None:
        self._server = server
        self._limit = limit
        self.answer_s = answer_s
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._busy: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._idle) + len(self._busy)

    def take(self) -> asyncio.Protocol:
        """Return the protocol of a connection that has just been accepted."""
        if len(self) >= self._limit and not self._make_room():
            return Refusal()
        connection = Connection(self._server, self)
        self._idle[connection] = None
        return connection

    def begin(self, connection: "Connection") -> None:
        """Note that a request is under way: the connection is not dropped for room."""
        if connection in self._idle:
            del self._idle[connection]
            self._busy.add(connection)

    def end(self, connection: "Connection") -> None:
        """Note that the request is answered."""
        if connection in self._busy:
            self._busy.remove(connection)
            self._idle[connection] = None

    def leave(self, connection: "Connection") -> None:
        """Forget a connection that is closed."""
        self._idle.pop(connection, None)
        self._busy.discard(connection)

    def _make_room(self) -> bool:
        """Drop the connection that is idle for longest; tell whether there was one."""
        for connection in self._idle:
            # Who still takes an answer is not idle; the clock runs for those.
            if connection.is_open and not connection.writing_paused:
                connection.drop()
                return True
        return False


class Connection(web.RequestHandler):
    """One connection, which says when it is closed and whether it is read."""

    __slots__ = ("_connections", "_unread")

    def __init__(self, server: web.Server, connections: Connections) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None turns it off
            logger=_QUIET,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_S,
        )
        self._connections = connections
        self._unread: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was accepted and not closed since."""
        return self.transport is not None

    def begin(self) -> None:
        """Note that a request is under way."""
        self._connections.begin(self)

    def end(self) -> None:
        """Note that the request is answered."""
        self._connections.end(self)

    def drop(self) -> None:
        """Close the connection at once; what was not sent yet is lost."""
        # Not when the system says so: room must not be given twice.
        self._connections.leave(self)
        if self.transport is not None:
            self.transport.abort()

    def pause_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Start the clock: the system's buffers are full."""
        super().pause_writing()
        unsent = cast(asyncio.Transport, self.transport).get_write_buffer_size()
        pieces = unsent // _PIECE_BYTES + 1
        allowed_s = self._connections.answer_s * pieces
        self._unread = asyncio.get_running_loop().call_later(allowed_s, self.drop)

    def resume_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Stop the clock: the client has taken what was written."""
        self._stop_clock()
        super().resume_writing()

    def connection_lost(  # type: ignore[explicit-override]  # typing: from 3.12
        self, exc: BaseException | None
    ) -> None:
        """Give the room back."""
        self._stop_clock()
        self._connections.leave(self)
        super().connection_lost(exc)

    def _stop_clock(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class Refusal(asyncio.Protocol):
    """Tells a client that every connection is busy, and closes."""

    def connection_made(  # type: ignore[explicit-override]  # typing: from 3.12
        self, transport: asyncio.BaseTransport
    ) -> None:
        """Answer before anything is asked."""
        accepted = cast(asyncio.Transport, transport)
        accepted.write(_REFUSAL)
        accepted.close()


def _refusal() -> bytes:
    """Return the whole answer to a client for whom there is no room."""
    answer = problem_document(
        answer_to(BusyError("every connection of this server is busy"), SHARED_ROWS)
    )
    body = cast(bytes, answer.body)
    headers = {**answer.headers, "Connection": "close"}
    headers["Content-Length"] = str(len(body))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"HTTP/1.1 {answer.status} {answer.reason}", *lines, "", ""])
    return head.encode() + body


_REFUSAL: Final = _refusal()
