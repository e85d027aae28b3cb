"""A request's body: bounded in bytes and in time, and never encoded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Container
from typing import Final

from aiohttp import StreamReader, hdrs, web

from tlog.errors import BusyError, RejectedError
from tlog.http.exchange import Asked

STOPPING: Final = web.AppKey("stopping", asyncio.Event)
"""Set when a server takes no more requests."""

_BODY_S: Final = 60.0
_TIMED_BYTES: Final = 4 << 20
_STOPPING_RETRY_S: Final = 5


class TooLargeError(RejectedError):
    """A body above its bound."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"a body has at most {limit_bytes} bytes")


class SlowBodyError(RejectedError):
    """A body that did not come in time."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"a body comes within {limit_s:.0f} seconds")


class MediaTypeError(RejectedError):
    """A body of a type or coding that is not taken."""


def require_form(
    asked: Asked, form: str, media_types: Container[str] | None = None
) -> None:
    """Raise MediaTypeError if a body is encoded, or of none of `media_types`.

    form: what a body is, in words.  media_types: None takes any.
    """
    is_taken = media_types is None or asked.media_type in media_types
    if not is_taken or hdrs.CONTENT_ENCODING in asked.headers:
        raise MediaTypeError(f"a body is {form}, and not encoded")


def announced_bytes(length: int | None, limit_bytes: int) -> int | None:
    """Return the length that a request says its body has; None if it does not say.

    Raises TooLargeError above `limit_bytes`: such a body is not read at all.
    """
    if (length or 0) > limit_bytes:
        raise TooLargeError(limit_bytes)
    return length


async def read_body(request: web.Request, limit_bytes: int) -> bytes:
    """Return a request's body, which has at most `limit_bytes`.

    Raises TooLargeError, SlowBodyError if it does not come in time, and BusyError if
    the server stops before it has come.
    """
    announced_bytes(request.content_length, limit_bytes)
    content = request.content
    if content.is_eof():
        return await _read(content, limit_bytes)
    return await _before(request, _read(content, limit_bytes), _BODY_S)


async def read_pieces(
    request: web.Request, limit_bytes: int, piece_bytes: int
) -> AsyncIterator[bytes]:
    """Return a request's body piece by piece; it has at most `limit_bytes`.

    A body may take a minute for each 4 MiB of it that have begun to come.

    Raises as `read_body`.
    """
    announced_bytes(request.content_length, limit_bytes)
    now_s = asyncio.get_running_loop().time
    begun_s, received = now_s(), 0
    while True:
        allowed_s = _BODY_S * (received // _TIMED_BYTES + 1)
        left_s = max(begun_s + allowed_s - now_s(), 0.0)
        piece = await _before(request, _fill(request.content, piece_bytes), left_s)
        if not piece:
            return
        received += len(piece)
        if received > limit_bytes:
            raise TooLargeError(limit_bytes)
        yield piece


async def _before(
    request: web.Request, reading: Awaitable[bytes], limit_s: float
) -> bytes:
    """Return what is read, if that comes in time and before the server stops."""
    stopping = request.app[STOPPING]
    read = asyncio.ensure_future(reading)
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait(
            {read, stopped},
            timeout=limit_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if read.done():
            return read.result()
        if stopped.done():
            # The rest of the body is not read any more, because aiohttp is closing.
            raise BusyError("the log is stopping", retry_after_s=_STOPPING_RETRY_S)
        raise SlowBodyError(_BODY_S)
    finally:
        read.cancel()
        stopped.cancel()


async def _fill(content: StreamReader, piece_bytes: int) -> bytes:
    """Return about so many bytes; fewer at the end, and nothing behind it."""
    piece = bytearray()
    while len(piece) < piece_bytes and (some := await content.readany()):
        piece += some
    return bytes(piece)


async def _read(content: StreamReader, limit_bytes: int) -> bytes:
    # The bound on what is buffered: a large body comes in few large pieces.
    content.set_read_chunk_size(limit_bytes)
    body = bytearray()
    while piece := await content.readany():
        body += piece
        if len(body) > limit_bytes:
            raise TooLargeError(limit_bytes)
    return bytes(body)
