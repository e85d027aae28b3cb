"""An HTTP/1.1 client that costs little: keep-alive, one request at a time each.

Requests are whole byte strings, made before the clock starts; answers are kept as
bytes and read after it has stopped.  Only what this project's server and
its peers send is understood: a status line, then a body of Content-Length, or in chunks
of which the last is empty.
"""

import asyncio
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Final, NamedTuple, cast
from urllib.parse import urlsplit

_STATUS: Final = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: chunked\r\n", re.IGNORECASE)
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n", re.IGNORECASE)


class Answer(NamedTuple):
    """One answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Timing:
    """What a loop saw: all answers in the order of the requests.

    seconds: from the first request to the last answer.  latencies_s: one for each
    request, from the moment it was sent or was due.
    """

    answers: list[Answer]
    seconds: float
    latencies_s: list[float]


class _Connection:
    """An `asyncio.Protocol` in all but name: `override` came after Python 3.11."""

    def __init__(self, on_answer: "Callable[[_Connection, bytes], None]") -> None:
        self.on_answer = on_answer
        self._received = bytearray()
        self._expected = 0
        self._transport: asyncio.Transport | None = None
        self._is_closing = False
        self.nth = -1

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._expected:
            head_bytes = received.find(b"\r\n\r\n") + 4
            if head_bytes < 4:
                return
            length = _LENGTH.search(received, 0, head_bytes)
            if length is not None:
                self._expected = head_bytes + int(length[1])
            else:
                assert _CHUNKED.search(received, 0, head_bytes), bytes(received)
                if not received.endswith(_LAST_CHUNK):
                    return
                self._expected = len(received)
        if len(received) == self._expected:
            answer = bytes(received)
            received.clear()
            self._expected = 0
            self.on_answer(self, answer)

    def eof_received(self) -> None:
        self.connection_lost(None)

    def pause_writing(self) -> None:
        """Hold nothing back: requests are one at a time."""

    def resume_writing(self) -> None:
        """Do nothing, as `pause_writing`."""

    def connection_lost(self, error: Exception | None) -> None:
        if not self._is_closing:
            # Raised in a callback it would be logged, and the loop would wait for ever.
            print(f"the server closed a connection: {error}", file=sys.stderr)
            os._exit(1)

    def send(self, nth: int, request: bytes) -> None:
        self.nth = nth
        assert self._transport is not None
        self._transport.write(request)

    def close(self) -> None:
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()


class _Exchange:
    """One run of requests over open connections: what waits, what came back."""

    def __init__(self, requests: Sequence[bytes], done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._done = done
        self._left = len(requests)
        self.waiting: deque[int] = deque()
        self.idle: list[_Connection] = []
        self.answers = [b""] * len(requests)
        self.begun_s = [0.0] * len(requests)
        self.ended_s = [0.0] * len(requests)

    def send(self, connection: _Connection, nth: int) -> None:
        # In an open loop it was begun when it was due.
        self.begun_s[nth] = self.begun_s[nth] or perf_counter()
        connection.send(nth, self._requests[nth])

    def answered(self, connection: _Connection, answer: bytes) -> None:
        self.ended_s[connection.nth] = perf_counter()
        self.answers[connection.nth] = answer
        self._left -= 1
        if self.waiting:
            self.send(connection, self.waiting.popleft())
        else:
            self.idle.append(connection)
        if not self._left:
            self._done.set_result(None)

    async def timing(self, start_s: float) -> Timing:
        await self._done
        both = zip(self.begun_s, self.ended_s, strict=True)
        return Timing(
            answers=[_parse(answer) for answer in self.answers],
            seconds=max(self.ended_s) - start_s,
            latencies_s=[end - begin for begin, end in both],
        )


class Client:
    """Open connections to one server."""

    def __init__(
        self, host: str, port: int, connections: int, *, at_once: bool = False
    ) -> None:
        self._address = host, port
        self._count = connections
        self._at_once = at_once
        self._open: list[_Connection] = []
        self.opening_s = 0.0

    @classmethod
    def to(cls, url: str, connections: int, *, at_once: bool = False) -> "Client":
        """Return a client of the server at `url`.

        at_once: open all connections at the same time, and not one after the other.
        """
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        return cls(parts.hostname, parts.port, connections, at_once=at_once)

    async def __aenter__(self) -> "Client":
        begun_s = perf_counter()
        if self._at_once:
            dialled = await asyncio.gather(*(self._dial() for _ in range(self._count)))
            self._open += dialled
        else:
            for _ in range(self._count):
                self._open.append(await self._dial())
        self.opening_s = perf_counter() - begun_s
        return self

    async def _dial(self) -> _Connection:
        connection = _Connection(lambda *_: None)
        await asyncio.get_running_loop().create_connection(
            partial(cast, asyncio.Protocol, connection), *self._address
        )
        return connection

    async def __aexit__(self, *_: object) -> None:
        for connection in self._open:
            connection.close()

    async def closed_loop(self, requests: Sequence[bytes]) -> Timing:
        """Send `requests`: each connection its next when the last is answered."""
        exchange = self._exchange(requests)
        exchange.waiting.extend(range(len(requests)))
        start_s = perf_counter()
        for connection in self._open[: len(requests)]:
            exchange.send(connection, exchange.waiting.popleft())
        return await exchange.timing(start_s)

    async def open_loop(
        self, requests: Sequence[bytes], due_s: Sequence[float]
    ) -> Timing:
        """Send each request when it is due, in seconds from the start.

        One that finds no free connection waits, and its latency counts that.
        """
        exchange = self._exchange(requests)
        exchange.idle += self._open
        start_s = perf_counter()
        exchange.begun_s = [start_s + due for due in due_s]
        for nth, begin_s in enumerate(exchange.begun_s):
            if (pause_s := begin_s - perf_counter()) > 0:
                await asyncio.sleep(pause_s)
            if exchange.idle:
                exchange.send(exchange.idle.pop(), nth)
            else:
                exchange.waiting.append(nth)
        return await exchange.timing(start_s)

    def _exchange(self, requests: Sequence[bytes]) -> _Exchange:
        exchange = _Exchange(requests, asyncio.get_running_loop().create_future())
        for connection in self._open:
            connection.on_answer = exchange.answered
        return exchange


def _parse(answer: bytes) -> Answer:
    status = _STATUS.match(answer)
    assert status is not None, answer[:100]
    head, _, body = answer.partition(b"\r\n\r\n")
    if _CHUNKED.search(head + b"\r\n"):
        body = b"".join(_chunks(body))
    return Answer(int(status[1]), body)


def _chunks(body: bytes) -> Iterator[bytes]:
    at = 0
    while size := int(body[at : (start := body.index(b"\r\n", at) + 2)], 16):
        yield body[start : start + size]
        at = start + size + 2
