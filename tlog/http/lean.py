"""The lean way in: hot requests of the plainest form, with no request object or task.

It is a recogniser in front of aiohttp, not a second HTTP server.  A request that comes
whole and alone, in the form of `tlog.http.recogniser`, for a hot route that is ready,
is answered here: one call from its bytes to the endpoint, one write for its answer.
Everything else goes to aiohttp, with its bytes in the pieces they came in, and aiohttp
judges it.  When aiohttp has answered plain requests alone, the connection comes back.

What a client sees is the same by both ways, to the byte, except for the date's value.

Bytes that may become a plain request wait here for `_PARTIAL_S`; aiohttp's clocks bound
what takes longer.
"""

import asyncio
import socket
from typing import Final, cast

from tlog.http.connections import Bounded, Patience
from tlog.http.exchange import HotRoute, Reply, answer_now
from tlog.http.lean_door import LeanDoor
from tlog.http.recogniser import MAX_BODY_BYTES, Head, Unplain, recognise

_PARTIAL_S: Final = 0.25
_MOST_PIECES: Final = 16
_MOST_AHEAD_BYTES: Final = MAX_BODY_BYTES


class Lean(asyncio.Protocol):
    """One connection, as long as its requests are plain."""

    __slots__ = (
        "_ahead_bytes",
        "_door",
        "_head",
        "_idle_since_s",
        "_is_held",
        "_keep_alive",
        "_last",
        "_last_bytes",
        "_last_route",
        "_loop",
        "_partial",
        "_patience",
        "_pieces",
        "_remote",
        "_route",
        "_transport",
        "writing_paused",
    )

    def __init__(self, door: LeanDoor) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._remote = ""
        # What was received and belongs to no request that is answered or under way.
        self._pieces: list[bytes] = []
        self._ahead_bytes = 0
        self._is_held = False
        # Of the request that is under way.
        self._head: Head | None = None
        # Most clients send one head again and again: its bytes, and what they mean.
        self._last_bytes = b""
        self._last: Head | None = None
        # Who answers it, where that was looked up and found.
        self._last_route: HotRoute | None = None
        self._route: HotRoute | None = None
        self._partial: asyncio.TimerHandle | None = None
        self._keep_alive: asyncio.TimerHandle | None = None
        self._idle_since_s = 0.0
        self._patience = Patience(door.connections.answer_s, self.drop)
        self.writing_paused = False

    @property
    def is_open(self) -> bool:
        """Whether it was accepted and not closed since."""
        return self._transport is not None

    def connection_made(  # type: ignore[explicit-override]  # typing: from 3.12
        self, transport: asyncio.BaseTransport
    ) -> None:
        """Begin as aiohttp does: watch the other end, and wait for a request."""
        accepted = cast(asyncio.Transport, transport)
        self._transport = accepted
        made = accepted.get_extra_info("socket")
        if made is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        name = accepted.get_extra_info("peername")
        self._remote = str(name[0]) if isinstance(name, tuple) else str(name or "")
        self._wait_for_next()

    def data_received(  # type: ignore[explicit-override]  # typing: from 3.12
        self, data: bytes
    ) -> None:
        """Take bytes; they wait while a request is under way."""
        if self._door.connections.is_stopping:
            return
        if self._head is None and not (self._pieces or self.writing_paused):
            # Most requests come in one piece.
            found = self._recognise(data)
            if isinstance(found, Head) and len(data) == found.end:
                route = self._route_of(found)
                if route is not None:
                    self._answer(found, route, data[found.body_at :])
                    return
        self._pieces.append(data)
        if self._head is None and not self.writing_paused:
            self._advance()
        else:
            self._ahead_bytes += len(data)
            is_enough = len(self._pieces) >= _MOST_PIECES
            if is_enough or self._ahead_bytes > _MOST_AHEAD_BYTES:
                self._hold()

    def _advance(self) -> None:
        """Look at what was received: answer it, wait for its rest, or hand it over."""
        if self._head is not None or self.writing_paused or self._transport is None:
            return
        received = b""
        found: Head | Unplain = Unplain.PARTIAL
        for taken, piece in enumerate(self._pieces, 1):
            received = received + piece if received else piece
            found = self._recognise(received)
            if isinstance(found, Head):
                if len(received) < found.end:
                    continue
                route = self._route_of(found)
                if len(received) > found.end or route is None:
                    break
                del self._pieces[:taken]
                self._answer(found, route, received[found.body_at :])
                return
            if found is Unplain.OTHER:
                break
        else:
            self._wait_for_rest(found)
            return
        self.hand_over()

    def _recognise(self, received: bytes) -> Head | Unplain:
        """Recognise a request; one with the last one's head means the same."""
        last = self._last
        if last is not None and received.startswith(self._last_bytes):
            return last
        found = recognise(received, self._remote)
        if isinstance(found, Head):
            self._last = found
            self._last_route = None
            self._last_bytes = received[: found.body_at]
        return found

    def _route_of(self, head: Head) -> HotRoute | None:
        """Return the hot route that answers what was recognised last, if one is ready.

        Where it goes is looked up once for heads that come again; whether its route is
        ready is asked each time.
        """
        route = self._last_route
        if route is None:
            route = self._last_route = self._door.route_of(head.asked)
        elif not route.is_ready(head.asked):
            return None
        return route

    def _wait_for_rest(self, found: Head | Unplain) -> None:
        """Wait for the rest of a request, if it is worth it."""
        if not self._pieces:
            return
        is_hopeless = isinstance(found, Head) and self._route_of(found) is None
        if is_hopeless or len(self._pieces) >= _MOST_PIECES:
            self.hand_over()
        elif self._partial is None:
            self._partial = self._loop.call_later(_PARTIAL_S, self.hand_over)

    def _answer(self, head: Head, route: HotRoute, body: bytes) -> None:
        self._stop_waiting()
        self._head = head
        self._route = route
        self._door.connections.begin(self)
        answer_now(route, head.asked, body, self._respond)

    def _respond(self, outcome: Reply | Exception) -> None:
        """Write the answer of the request that is under way."""
        head, route, door = self._head, self._route, self._door
        if head is None or route is None:
            return
        if isinstance(outcome, Reply):
            reply = outcome
        else:
            reply = door.answers.told(outcome, head.asked.path)
        written = door.written(reply, head, route)
        self._head = self._route = None
        transport = self._transport
        if transport is None:
            # The client has left; what it sent is in the log all the same.
            return
        door.connections.end(self)
        if transport.is_closing():
            return
        transport.write(written)
        if head.closes or door.connections.is_stopping:
            transport.close()
            return
        self._wait_for_next()
        self._go_on()

    def _go_on(self) -> None:
        """Look at what came in the meantime, in a turn of its own."""
        if self._is_held and self._transport is not None:
            self._is_held = False
            self._transport.resume_reading()
        self._ahead_bytes = 0
        if self._pieces:
            self._loop.call_soon(self._advance)

    def _hold(self) -> None:
        """Read no more until the request that is under way is answered."""
        if not self._is_held and self._transport is not None:
            self._is_held = True
            self._transport.pause_reading()

    def hand_over(self) -> None:
        """Let aiohttp have the connection, and all that waits to be looked at."""
        transport = self._transport
        self._stop_waiting()
        if transport is None or self._head is not None or self.writing_paused:
            # It is looked at again when the answer is written and taken.
            return
        self._end_keep_alive()
        pieces, self._pieces = self._pieces, []
        self._transport = None
        door = self._door
        connection = door.connections.make(comes_back=self)
        door.connections.swap(self, connection)
        connection.connection_made(transport)
        transport.set_protocol(connection)
        connection.feed(pieces)

    def is_plain(self, received: bytes) -> bool:
        """Whether the bytes are one whole plain request."""
        found = self._recognise(received)
        return (
            isinstance(found, Head) and len(received) == found.end and not found.closes
        )

    def takes(self, received: bytes) -> bool:
        """Whether a request that begins with these bytes is taken back."""
        found = self._recognise(received)
        return (
            isinstance(found, Head)
            and len(received) <= found.end
            and self._route_of(found) is not None
        )

    def take_back(
        self, connection: Bounded, transport: asyncio.Transport, received: bytes
    ) -> None:
        """Speak for the connection from now on; `received` came last."""
        self._door.connections.swap(connection, self)
        self._transport = transport
        transport.set_protocol(self)
        self._wait_for_next()
        self.data_received(received)

    def drop(self) -> None:
        """Close the connection at once; what was not sent yet is lost."""
        # Not when the system says so: room must not be given twice.
        self._door.connections.leave(self)
        if self._transport is not None:
            self._transport.abort()

    def stop(self) -> None:
        """Take no more requests; answer the one that is under way or has begun."""
        if self._head is not None or self._transport is None:
            return
        found = recognise(b"".join(self._pieces), self._remote)
        if isinstance(found, Head):
            # aiohttp says that the log is stopping, and does not wait for the body.
            self.hand_over()
        elif not self.writing_paused:
            self._transport.close()

    def pause_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Start the clock, and answer no more: the system's buffers are full."""
        self.writing_paused = True
        # A stop waits for what was answered until it is taken.
        self._door.connections.begin(self)
        if self._transport is not None:
            self._patience.begin(self._transport)

    def resume_writing(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        """Stop the clock: the client has taken what was written."""
        self._patience.end()
        self.writing_paused = False
        if self._head is not None or self._transport is None:
            return
        self._door.connections.end(self)
        if self._door.connections.is_stopping:
            self._transport.close()
        else:
            self._go_on()

    def connection_lost(  # type: ignore[explicit-override]  # typing: from 3.12
        self, exc: BaseException | None
    ) -> None:
        """Give the room back."""
        self._transport = None
        self._pieces.clear()
        self._stop_waiting()
        self._end_keep_alive()
        self._patience.end()
        self._door.connections.leave(self)

    def _stop_waiting(self) -> None:
        if self._partial is not None:
            self._partial.cancel()
            self._partial = None

    def _wait_for_next(self) -> None:
        """Let the time begin in which the next request comes."""
        self._idle_since_s = self._loop.time()
        if self._keep_alive is None:
            at_s = self._idle_since_s + self._door.connections.keep_alive_s
            self._keep_alive = self._loop.call_at(at_s, self._end_if_idle)

    def _end_if_idle(self) -> None:
        """Close if no request came in time; the timer is not set for each request."""
        self._keep_alive = None
        ends_s = self._idle_since_s + self._door.connections.keep_alive_s
        if self._head is not None:
            # Set again when that is answered.
            return
        if self._loop.time() < ends_s:
            self._keep_alive = self._loop.call_at(ends_s, self._end_if_idle)
        elif self._transport is not None and not self._pieces:
            self._transport.close()

    def _end_keep_alive(self) -> None:
        if self._keep_alive is not None:
            self._keep_alive.cancel()
            self._keep_alive = None
