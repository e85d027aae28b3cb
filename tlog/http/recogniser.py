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
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import ETag, hdrs

from tlog.http.exchange import Asked

MAX_HEAD_BYTES: Final = 4 << 10
MAX_BODY_BYTES: Final = 64 << 10

_END: Final = b"\r\n\r\n"
_STARTS: Final = (b"GET /", b"POST /")
_LINE_END: Final = b"\r\n"
# Nothing here can match in two ways.
_REQUEST_LINE: Final = re.compile(
    r"(GET|POST) (/[A-Za-z0-9/._~-]*)(?:\?([a-z0-9_]+=[A-Za-z0-9._:-]*"
    r"(?:&[a-z0-9_]+=[A-Za-z0-9._:-]*)*))? HTTP/1\.1"
)
_FIELDS: Final = re.compile(r"(?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+")
_FIELD: Final = re.compile(r"([A-Za-z0-9-]+): ([^\r]+)\r\n")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,7}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_NO_TYPE: Final = "application/octet-stream"
_CONNECTIONS: Final = frozenset({"keep-alive", "Keep-Alive", "close"})
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
    head = received[: at + len(_END)]
    # Clients submit with one head again and again, on all of their connections.
    return (_read_again if head.startswith(_STARTS[1]) else _read)(head, remote)


def _read(head: bytes, remote: str) -> Head | Unplain:
    """Return what a whole head says."""
    line_end = head.find(_LINE_END)
    match = _REQUEST_LINE.fullmatch(head[:line_end].decode("latin-1"))
    fields = _read_fields(head[line_end + len(_LINE_END) : -len(_LINE_END)])
    if match is None or fields is None:
        return Unplain.OTHER
    method, path, query = match.groups("")
    is_read = method == hdrs.METH_GET
    length = fields.length
    if is_read != (length is None):
        return Unplain.OTHER
    asked = Asked(
        method,
        path,
        query,
        [_pair(it) for it in query.split("&")] if query else (),
        fields.headers,
        fields.forwarded_for,
        fields.media_type,
        length,
        None,
        fields.etags,
        remote,
    )
    return Head(asked, len(head), len(head) + (length or 0), fields.closes)


_read_again: Final = lru_cache(maxsize=256)(_read)


class _Fields(NamedTuple):
    """What the header lines of a plain request say; length: None if they do not."""

    headers: dict[str, str]
    length: int | None
    forwarded_for: tuple[str, ...]
    media_type: str
    etags: tuple[ETag, ...] | None
    closes: bool


# A client sends the same lines again and again, and so do all others of its kind.
@lru_cache(maxsize=256)
def _read_fields(lines: bytes) -> _Fields | None:
    """Return what header lines say; None if they are not plain."""
    text = lines.decode("latin-1")
    if _FIELDS.fullmatch(text) is None:
        return None
    pairs = _FIELD.findall(text)
    headers = {
        _NAMES.get(name) or _NAMES.get(name.lower(), ""): value for name, value in pairs
    }
    if len(headers) < len(pairs) or not _are_plain(headers):
        return None
    said = headers.get(hdrs.CONTENT_LENGTH)
    forwarded_for = headers.get(hdrs.X_FORWARDED_FOR)
    return _Fields(
        headers,
        None if said is None else int(said),
        () if forwarded_for is None else (forwarded_for,),
        headers.get(hdrs.CONTENT_TYPE, _NO_TYPE),
        _known_etags(headers.get(hdrs.IF_NONE_MATCH)),
        headers.get(hdrs.CONNECTION) == "close",
    )


def _are_plain(headers: dict[str, str]) -> bool:
    """Whether all names are known, and the values that matter have one reading."""
    return (
        "" not in headers
        and headers.get(hdrs.CONNECTION, "close") in _CONNECTIONS
        and _HOST.fullmatch(headers.get(hdrs.HOST, "")) is not None
        and _MEDIA_TYPE.fullmatch(headers.get(hdrs.CONTENT_TYPE, _NO_TYPE)) is not None
        and _ETAG.fullmatch(headers.get(hdrs.IF_NONE_MATCH, '""')) is not None
        and _is_plain_length(headers.get(hdrs.CONTENT_LENGTH, "0"))
    )


def _is_plain_length(said: str) -> bool:
    return _LENGTH.fullmatch(said) is not None and int(said) <= MAX_BODY_BYTES


def _known_etags(said: str | None) -> tuple[ETag, ...] | None:
    match = None if said is None else _ETAG.fullmatch(said)
    return None if match is None else (ETag(match[2], is_weak=match[1] is not None),)


def _pair(parameter: str) -> tuple[str, str]:
    name, _, value = parameter.partition("=")
    return name, value
