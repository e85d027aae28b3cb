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
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from logging import CRITICAL, Logger
from typing import Final, Protocol, TypeVar, cast

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


_Made = TypeVar("_Made", bound="Bounded")


class Bounded(Protocol):
    """One open connection, as the bound on their number sees it."""

    @property
    def is_open(self) -> bool:
        """Whether it was accepted and not closed since."""
        ...

    @property
    def writing_paused(self) -> bool:
        """Whether the client has yet to take what was written."""
        ...

    def drop(self) -> None:
        """Close it at once; what was not sent yet is lost."""
        ...

    def stop(self) -> None:
        """Take no more requests; close unless one is under way."""
        ...


class Connections:
    """The open connections of one server.

    limit: how many there are at most.  answer_s: the time in which a client takes 4 MiB
    of an answer.  keep_alive_s: how long one is kept that asks nothing.  is_stopping:
    no request is taken any more.
    """

    def __init__(
        self,
        server: web.Server,
        limit: int,
        answer_s: float,
        *,
        keep_alive_s: float = _KEEP_ALIVE_S,
    ) -> None:
        self._server = server
        self._limit = limit
        self.answer_s = answer_s
        self.keep_alive_s = keep_alive_s
        self._idle: OrderedDict[Bounded, None] = OrderedDict()
        self._busy: set[Bounded] = set()
        self._drained = asyncio.Event()
        self.is_stopping = False

    def __len__(self) -> int:
        return len(self._idle) + len(self._busy)

    @property
    def room(self) -> int:
        """How many more there may be before one of them must go."""
        return self._limit - len(self)

    def make(self, comes_back: "ComesBack | None" = None) -> "Connection":
        """Return aiohttp's side of a connection; comes_back: who may take it back."""
        return Connection(self._server, self, comes_back)

    def take(self, make: Callable[[], _Made]) -> "_Made | Refusal":
        """Return the protocol of a connection that has just been accepted."""
        if len(self) >= self._limit and not self._make_room():
            return Refusal()
        connection = make()
        self._idle[connection] = None
        return connection

    def begin(self, connection: Bounded) -> None:
        """Note that a request is under way: the connection is not dropped for room."""
        if self._idle.pop(connection, connection) is None:
            self._busy.add(connection)

    def end(self, connection: Bounded) -> None:
        """Note that the request is answered."""
        if connection in self._busy:
            self._busy.remove(connection)
            self._idle[connection] = None
            if self.is_stopping:
                self._note_drained()

    def swap(self, old: Bounded, new: Bounded) -> None:
        """Let `new` speak for a connection in the place of `old`, which is idle."""
        if old in self._idle:
            del self._idle[old]
            self._idle[new] = None

    def leave(self, connection: Bounded) -> None:
        """Forget a connection that is closed."""
        self._idle.pop(connection, None)
        self._busy.discard(connection)
        self._note_drained()

    def stop(self) -> None:
        """Take no more requests; let all that are idle know."""
        self.is_stopping = True
        for connection in [*self._idle, *self._busy]:
            connection.stop()
        self._note_drained()

    async def drain(self, limit_s: float) -> None:
        """Wait until no request is under way, or drop those that are left."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._drained.wait()
        for connection in [*self._busy]:
            connection.drop()

    def _note_drained(self) -> None:
        if self.is_stopping and not self._busy:
            self._drained.set()

    def _make_room(self) -> bool:
        """Drop the connection that is idle for longest; tell whether there was one."""
        for connection in self._idle:
            # Who still takes an answer is not idle; the clock runs for those.
            if connection.is_open and not connection.writing_paused:
                connection.drop()
                return True
        return False


class Patience:
    """The clock of a client that does not take its answer.

    answer_s: how long it has for every 4 MiB begun.  drop: what is done then.
    """

    __slots__ = ("_answer_s", "_drop", "_timer")

    def __init__(self, answer_s: float, drop: Callable[[], None]) -> None:
        self._answer_s = answer_s
        self._drop = drop
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, transport: asyncio.WriteTransport) -> None:
        """Start the clock: the system's buffers are full."""
        pieces = transport.get_write_buffer_size() // _PIECE_BYTES + 1
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._answer_s * pieces, self._drop)

    def end(self) -> None:
        """Stop the clock: the client has taken what was written, or has left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ComesBack(Protocol):
    """Who has handed a connection to aiohttp, and may take it back."""

    def is_plain(self, received: bytes) -> bool:
        """Whether the bytes are one whole plain request, so that all know its end."""
        ...

    def takes(self, received: bytes) -> bool:
        """Whether a request that begins with these bytes is taken back."""
        ...

    def take_back(
        self, connection: Bounded, transport: asyncio.Transport, received: bytes
    ) -> None:
        """Speak for a connection from now on; `received` came last."""
        ...


class Connection(web.RequestHandler):
    """One connection, which says when it is closed and whether it is read.

    It goes back to who handed it over when all requests so far were plain ones and are
    answered.  After one that was not, aiohttp alone knows where the next one begins.
    """

    __slots__ = ("_comes_back", "_connections", "_is_asked", "_patience")

    def __init__(
        self,
        server: web.Server,
        connections: Connections,
        comes_back: ComesBack | None = None,
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # None turns it off
            logger=_QUIET,
            auto_decompress=False,
            keepalive_timeout=connections.keep_alive_s,
        )
        self._connections = connections
        self._comes_back = comes_back
        self._is_asked = False
        self._patience = Patience(connections.answer_s, self.drop)

    @property
    def is_open(self) -> bool:
        """Whether it was accepted and not closed since."""
        return self.transport is not None

    def begin(self) -> None:
        """Note that a request is under way."""
        self._connections.begin(self)

    def end(self) -> None:
        """Note that the request is answered, or will be in this turn of the loop."""
        self._is_asked = False
        self._connections.end(self)

    def drop(self) -> None:
        """Close the connection at once; what was not sent yet is lost."""
        # Not when the system says so: room must not be given twice.
        self._connections.leave(self)
        if self.transport is not None:
            self.transport.abort()

    def stop(self) -> None:
        """Do nothing: aiohttp drains its own."""

    def feed(self, received: Sequence[bytes]) -> None:
        """Take what came before this protocol did, in the pieces that it came in."""
        if len(received) == 1:
            self._note_request(received[0])
        else:
            self._comes_back = None
        for piece in received:
            super().data_received(piece)

    def data_received(  # type: ignore[explicit-override]  # typing: from 3.12
        self, data: bytes
    ) -> None:
        """Take bytes, or go back with them."""
        back = self._comes_back
        if back is not None:
            if self._is_quiet and back.takes(data):
                back.take_back(self, self._let_go(), data)
                return
            self._note_request(data)
        super().data_received(data)

    def pause_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Start the clock: the system's buffers are full."""
        super().pause_writing()
        self._patience.begin(cast(asyncio.Transport, self.transport))

    def resume_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Stop the clock: the client has taken what was written."""
        self._patience.end()
        super().resume_writing()

    def connection_lost(  # type: ignore[explicit-override]  # typing: from 3.12
        self, exc: BaseException | None
    ) -> None:
        """Give the room back."""
        self._patience.end()
        self._connections.leave(self)
        super().connection_lost(exc)

    @property
    def _is_quiet(self) -> bool:
        """Whether every request is answered, and the answers are taken."""
        return not (
            self._is_asked or self.writing_paused or self._connections.is_stopping
        )

    def _note_request(self, received: bytes) -> None:
        """Look whether the end of what was received is known without aiohttp."""
        back = self._comes_back
        if back is not None and not self._is_asked and back.is_plain(received):
            self._is_asked = True
        else:
            self._comes_back = None

    def _let_go(self) -> asyncio.Transport:
        """End aiohttp's side of the connection; return the transport, still open."""
        transport = cast(asyncio.Transport, self.transport)
        self.transport = None
        super().connection_lost(None)
        return transport


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
    headers = {**dict(answer.headers), "Connection": "close"}
    headers["Content-Length"] = str(len(answer.body))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    reason = HTTPStatus(answer.status).phrase
    head = "\r\n".join([f"HTTP/1.1 {answer.status} {reason}", *lines, "", ""])
    return head.encode() + answer.body


_REFUSAL: Final = _refusal()
