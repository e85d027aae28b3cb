"""HTTP by hand, on a socket: what a library would tidy up is sent as it stands."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_READ_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; the names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)


async def exchange(url: str, request: bytes) -> bytes:
    """Send bytes to the server of `url`; return all that comes until it closes."""
    return await _exchange(url, request, lambda _: False)


async def first_answer(url: str, request: bytes) -> Answer:
    """Send bytes; return the first answer, and do not wait for the server to close."""
    return parse_answer(await _exchange(url, request, _is_whole))


async def _exchange(
    url: str, request: bytes, is_enough: Callable[[bytes], bool]
) -> bytes:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(request)
    return await _read_all(reader, writer, is_enough)


async def _read_all(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    is_enough: Callable[[bytes], bool] = lambda _: False,
) -> bytes:
    """Return what comes until it is enough, or the server closes; then leave."""
    received = b""
    try:
        while not is_enough(received) and (chunk := await reader.read(_READ_BYTES)):
            received += chunk
    except ConnectionError:
        # Who is refused in the middle of a body may be cut off after the answer.
        pass
    finally:
        writer.transport.abort()
    return received


class Announced:
    """A request whose body the server has said that it waits for.

    So it is under way, whatever becomes of the server before the body is sent.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._body = body

    def send(self) -> None:
        """Send the body; nobody need be there to read it."""
        self._writer.write(self._body)

    async def answer(self) -> Answer:
        """Return the answer, once the server has closed."""
        return parse_answer(await _read_all(self._reader, self._writer))


async def announced(url: str, target: str, body: bytes) -> Announced:
    """Ask to send a JSON body, and return once the server wants it."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    lines = [
        f"POST {place.path}{target} HTTP/1.1",
        "Host: log.example",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
        "Connection: close",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    interim = await reader.readuntil(b"\r\n\r\n")
    assert interim.startswith(b"HTTP/1.1 100 ")
    return Announced(reader, writer, body)


def _is_whole(received: bytes) -> bool:
    if b"\r\n\r\n" not in received:
        return False
    answer = parse_answer(received)
    return len(answer.body) >= int(answer.headers.get("content-length", 2**63))


async def ask(
    url: str,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request; target: what stands behind `url`, sent as it is."""
    prefix = urlsplit(url).path
    sent = {"Host": "log.example", **(headers or {})}
    lines = [f"{method} {prefix}{target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in sent.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    lines += ["Connection: close", "", ""]
    head = "\r\n".join(lines).encode("utf-8", "surrogateescape")
    return parse_answer(await exchange(url, head + (body or b"")))


async def post(
    url: str,
    body: bytes,
    *,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Submit a body."""
    merged = {"Content-Type": media_type, **(headers or {})}
    return await ask(url, "/api/v1/entries", method="POST", headers=merged, body=body)


def parse_answer(received: bytes) -> Answer:
    """Cut a response into its parts."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Answer(int(status.split(" ")[1]), headers, body)
