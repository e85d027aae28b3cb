"""Requests taken apart; answers in bytes: JSON, conditional requests, ranges.

What ends in `_reply` serves both ways in; what ends in `_response` is the same for
those endpoints that aiohttp alone serves.
"""

import hashlib
import re
from collections.abc import Mapping, Set
from typing import Final, NamedTuple, Self
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import hdrs, web

from tlog.http.exchange import Asked, Headers, Reply, asked_of, rendered
from tlog.http.problems import NEVER
from tlogverify.errors import FormatError
from tlogverify.lines import parse_decimal

IMMUTABLE: Final = "public, max-age=604800, immutable"
SECONDS: Final = "public, max-age=2"

JSON_HEADERS: Final = (
    (hdrs.CACHE_CONTROL, NEVER),
    (hdrs.CONTENT_TYPE, "application/json"),
)
"""Of a JSON answer that is true at this moment alone."""

_TEXT_HEADERS: Final = (
    (hdrs.CACHE_CONTROL, NEVER),
    (hdrs.CONTENT_TYPE, "text/plain; charset=utf-8"),
)
_RANGE: Final = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")


def json_reply(document: object, *, status: int = 200) -> Reply:
    """Return a JSON answer that is true at this moment alone.

    Hashes and entries are `bytes` in it, and base64 in the answer (RFC 4648, 4).
    """
    return Reply(status, JSON_HEADERS, msgspec.json.encode(document))


def json_response(document: object, *, status: int = 200) -> web.Response:
    """Return a JSON answer that is true at this moment alone; see `json_reply`."""
    return rendered(json_reply(document, status=status))


class Content(NamedTuple):
    """Bytes and their strong validator, an ETag in its quotes."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes) -> Self:
        """Hash `body`; of many MiB in a thread, because that takes a while."""
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Whole(NamedTuple):
    """Bytes that are answered whole; their headers are made once.

    known: those of a 304.  headers: those of a 200.
    """

    content: Content
    known: Headers
    headers: Headers

    @classmethod
    def of(cls, body: bytes, content_type: str, cache_control: str) -> Self:
        """Hash `body`."""
        content = Content.of(body)
        known = ((hdrs.CACHE_CONTROL, cache_control), (hdrs.ETAG, content.etag))
        return cls(content, known, (*known, (hdrs.CONTENT_TYPE, content_type)))

    def reply(self, asked: Asked) -> Reply:
        """Return the bytes, or 304 if the request's ETag says that they are known."""
        if _is_known(asked, self.content.etag):
            return Reply(304, self.known)
        return Reply(200, self.headers, self.content.body)


def bytes_response(
    request: web.Request, body: bytes, content_type: str, cache_control: str
) -> web.Response:
    """Return `body`, or 304 if the request's ETag says that it is known."""
    whole = Whole.of(body, content_type, cache_control)
    return rendered(whole.reply(asked_of(request)))


class Plan(NamedTuple):
    """How a resource is answered: with its bytes from `start` to `end`, or without."""

    status: int
    headers: Mapping[str, str]
    start: int = 0
    end: int = 0


def ranged_reply(asked: Asked, content: Content, headers: Mapping[str, str]) -> Reply:
    """Return bytes or the range of them that is asked for; 304, 412 or 416.

    headers: those of a 200; the ETag is added.
    """
    body, etag = content
    plan = plan_reply(asked, etag, len(body), headers)
    return Reply(plan.status, tuple(plan.headers.items()), body[plan.start : plan.end])


def plan_reply(asked: Asked, etag: str, size: int, headers: Mapping[str, str]) -> Plan:
    """Return how a resource of `size` bytes is answered; its bytes are not needed.

    headers: those of a 200; the ETag is added.

    Source: RFC 9110, 13.2.2 (the order of preconditions), 14.2 (Range, of a GET alone).
    """
    if asked.if_match is not None and not any(
        it.value == "*" or (f'"{it.value}"' == etag and not it.is_weak)
        for it in asked.if_match
    ):
        return Plan(412, {hdrs.CACHE_CONTROL: NEVER})
    shown = {**headers, hdrs.ETAG: etag, hdrs.ACCEPT_RANGES: "bytes"}
    if _is_known(asked, etag):
        del shown[hdrs.CONTENT_TYPE]
        return Plan(304, shown)
    wanted = asked.headers.get(hdrs.RANGE)
    # A date in If-Range matches nothing: this resource has no date.
    is_current = asked.headers.get(hdrs.IF_RANGE, etag) == etag
    if wanted is None or asked.method != hdrs.METH_GET or not is_current:
        return Plan(200, shown, 0, size)
    try:
        found = _parse_range(wanted, size)
    except FormatError:
        unsatisfied: dict[str, str] = {
            hdrs.CONTENT_RANGE: f"bytes */{size}",
            hdrs.CACHE_CONTROL: NEVER,
        }
        return Plan(416, unsatisfied)
    if found is None:
        return Plan(200, shown, 0, size)
    start, end = found
    shown[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{size}"
    return Plan(206, shown, start, end)


def _is_known(asked: Asked, etag: str) -> bool:
    """Whether If-None-Match names the ETag; the comparison is weak."""
    known = asked.if_none_match
    if known is None:
        return False
    return any(it.value == "*" or f'"{it.value}"' == etag for it in known)


def _parse_range(wanted: str, size: int) -> tuple[int, int] | None:
    """Return [start, end) of a resource of `size` bytes; None for another unit.

    Raises FormatError for more than one range, and for one that is empty.
    """
    unit, _, text = wanted.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise FormatError("a range is first-last, first- or -count", wanted)
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1, size) if last else size
    else:
        start, end = max(size - int(last or "0"), 0), size
    if start >= end:
        raise FormatError("the range is empty", wanted)
    return start, end


def text_reply(body: bytes, *, status: int = 200) -> Reply:
    """Return a proof file or another text that is true at this moment alone."""
    return Reply(status, _TEXT_HEADERS, body)


def text_response(body: bytes) -> web.Response:
    """Return a text that is true at this moment alone."""
    return rendered(text_reply(body))


def wants_text(asked: Asked) -> bool:
    """Whether the answer is asked for as `text/plain`."""
    accept = asked.headers.get(hdrs.ACCEPT)
    if accept is None:
        return False
    return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/plain"


def query(asked: Asked, required: Set[str], optional: Set[str]) -> dict[str, str]:
    """Return the parameters of the query string.

    Raises FormatError for one that is missing, unknown or given twice, and for a query
    that is no UTF-8.
    """
    found: dict[str, str] = {}
    if "%" in asked.query or not asked.query.isascii():
        try:
            # Such bytes would be taken for the text of their escapes otherwise.
            unquote_to_bytes(asked.query).decode()
        except UnicodeError:
            raise FormatError("a query is UTF-8", asked.query) from None
    for name, value in asked.parameters:
        if name not in required and name not in optional:
            raise FormatError("an unknown query parameter", name)
        if name in found:
            raise FormatError("a query parameter stands here twice", name)
        found[name] = value
    if required:
        for name in sorted(required):
            if name not in found:
                raise FormatError(f"the query parameter {name} is missing")
    return found


def query_number(parameters: dict[str, str], name: str, default: int) -> int:
    """Return a parameter as a decimal; FormatError for every other spelling."""
    if name not in parameters:
        return default
    return parse_decimal(name, parameters[name].encode("utf-8", "replace"))
