"""Requests of the plainest form, told from all others; it parses nothing else.

    POST /api/v1/entries HTTP/1.1
    Host: log.example.org
    Content-Type: application/json
    Content-Length: 295

One spelling: a target without escapes, header lines of known names with one space
behind the colon, none of them twice, a body of known length, no coding, no condition
but one ETag.  Whatever is not of this form is OTHER, right or wrong, and aiohttp judges
it.  So this must never take what aiohttp would refuse or read in another way;
`tests/tlog/http/test_both_ways.py` holds that.

Source: RFC 9112, 2 to 6; RFC 9110, 5.
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from aiohttp import ETag, hdrs

from tlog.http.exchange import Asked

MAX_HEAD_BYTES: Final = 4 << 10
MAX_BODY_BYTES: Final = 64 << 10

_END: Final = b"\r\n\r\n"
_STARTS: Final = (b"GET /", b"POST /")
# Two hyphens are no part of a known name, and nothing here can match in two ways.
_HEAD: Final = re.compile(
    r"(GET|POST) (/[A-Za-z0-9/._~-]*)(?:\?([a-z0-9_]+=[A-Za-z0-9._:-]*"
    r"(?:&[a-z0-9_]+=[A-Za-z0-9._:-]*)*))? HTTP/1\.1\r\n"
    r"((?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)"
)
_FIELD: Final = re.compile(r"([A-Za-z0-9-]+): ([^\r]+)\r\n")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,7}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_ETAG: Final = re.compile(r'(W/)?"([!#-~]*)"')

# What aiohttp and the endpoints read, and what both pass over.
_KNOWN: Final = (
    *(hdrs.HOST, hdrs.CONNECTION, hdrs.CONTENT_LENGTH, hdrs.CONTENT_TYPE),
    *(hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.AUTHORIZATION, hdrs.IF_NONE_MATCH),
    *(hdrs.X_FORWARDED_FOR, hdrs.X_FORWARDED_HOST, hdrs.X_FORWARDED_PROTO),
    *(hdrs.USER_AGENT, hdrs.ACCEPT_LANGUAGE, hdrs.CACHE_CONTROL, hdrs.PRAGMA),
    *(hdrs.FORWARDED, hdrs.VIA, hdrs.ORIGIN, hdrs.REFERER),
    *("X-Forwarded-Port", "X-Real-Ip", "X-Request-Id", "Traceparent", "Tracestate"),
)
_NAMES: Final = {
    spelling: str(name) for name in _KNOWN for spelling in (str(name), name.lower())
}


class Unplain(Enum):
    """Why bytes are no plain request: they may become one, or never."""

    PARTIAL = 1
    OTHER = 2


class Head(NamedTuple):
    """The head of a plain request.

    body_at, end: where its body begins and ends in the bytes, which may be shorter.
    closes: whether the connection ends with the answer.
    """

    asked: Asked
    body_at: int
    end: int
    closes: bool


def recognise(received: bytes, remote: str) -> Head | Unplain:
    """Return the plain head that the bytes of one connection begin with.

    received: from where a request begins.  remote: the address of the other end.
    """
    at = received.find(_END, 0, MAX_HEAD_BYTES)
    if at < 0:
        is_begun = received.startswith(_STARTS) or any(
            start.startswith(received) for start in _STARTS
        )
        is_partial = is_begun and len(received) < MAX_HEAD_BYTES
        return Unplain.PARTIAL if is_partial else Unplain.OTHER
    match = _HEAD.fullmatch(received[: at + 2].decode("latin-1"))
    if match is None:
        return Unplain.OTHER
    method, path, query, lines = match.groups("")
    pairs = _FIELD.findall(lines)
    headers = {_known_name(name): value for name, value in pairs}
    length = _body_length(method, headers)
    if len(headers) < len(pairs) or "" in headers or length is None:
        return Unplain.OTHER
    return _head(_Line(method, path, query), headers, length, at + len(_END), remote)


class _Line(NamedTuple):
    """The first line of a request."""

    method: str
    path: str
    query: str


def _known_name(name: str) -> str:
    """Return the usual spelling of a header's name, "" of one that is not known."""
    return _NAMES.get(name) or _NAMES.get(name.lower(), "")


def _body_length(method: str, headers: dict[str, str]) -> int | None:
    """Return how long the body is; None where that is not plain."""
    length = headers.get(hdrs.CONTENT_LENGTH)
    if method == hdrs.METH_GET:
        return 0 if length is None else None
    if length is None or _LENGTH.fullmatch(length) is None:
        return None
    return int(length) if int(length) <= MAX_BODY_BYTES else None


def _head(
    line: _Line, headers: dict[str, str], length: int, body_at: int, remote: str
) -> Head | Unplain:
    """Return the head, unless a header has a value that is not plain."""
    connection = headers.get(hdrs.CONNECTION, "keep-alive")
    media_type = headers.get(hdrs.CONTENT_TYPE, "application/octet-stream")
    etag = _ETAG.fullmatch(headers.get(hdrs.IF_NONE_MATCH, '""'))
    if (
        connection not in {"keep-alive", "Keep-Alive", "close"}
        or _MEDIA_TYPE.fullmatch(media_type) is None
        or _HOST.fullmatch(headers.get(hdrs.HOST, "")) is None
        or etag is None
    ):
        return Unplain.OTHER
    known = None
    if hdrs.IF_NONE_MATCH in headers:
        known = (ETag(etag[2], is_weak=etag[1] is not None),)
    forwarded_for = headers.get(hdrs.X_FORWARDED_FOR)
    asked = Asked(
        line.method,
        line.path,
        line.query,
        [_pair(it) for it in line.query.split("&")] if line.query else (),
        headers,
        () if forwarded_for is None else (forwarded_for,),
        media_type,
        None if line.method == hdrs.METH_GET else length,
        None,
        known,
        remote,
    )
    return Head(asked, body_at, body_at + length, connection == "close")


def _pair(parameter: str) -> tuple[str, str]:
    name, _, value = parameter.partition("=")
    return name, value
