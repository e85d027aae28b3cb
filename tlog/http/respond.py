"""Requests taken apart, and answers in bytes: JSON, conditional requests, caching."""

import hashlib
from typing import Final

import msgspec
from aiohttp import hdrs, web

from tlog.http.problems import NEVER
from tlogverify.errors import FormatError
from tlogverify.lines import parse_decimal

IMMUTABLE: Final = "public, max-age=604800, immutable"
SECONDS: Final = "public, max-age=2"


def json_response(document: object, *, status: int = 200) -> web.Response:
    """Return a JSON answer that is true at this moment alone.

    Hashes and entries are `bytes` in it, and base64 in the answer (RFC 4648, 4).
    """
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: NEVER},
    )


def bytes_response(
    request: web.Request, body: bytes, content_type: str, cache_control: str
) -> web.Response:
    """Return `body`, or 304 if the request's ETag says that it is known."""
    etag = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        hdrs.CACHE_CONTROL: cache_control,
        hdrs.ETAG: f'"{etag}"',
        hdrs.CONTENT_TYPE: content_type,
    }
    if any(known.value in {etag, "*"} for known in request.if_none_match or ()):
        del headers[hdrs.CONTENT_TYPE]
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, headers=headers)


def text_response(body: bytes, *, status: int = 200) -> web.Response:
    """Return a proof file or another text that is true at this moment alone."""
    headers = {
        hdrs.CACHE_CONTROL: NEVER,
        hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
    }
    return web.Response(status=status, body=body, headers=headers)


def wants_text(request: web.Request) -> bool:
    """Whether the answer is asked for as `text/plain`."""
    accept = request.headers.get(hdrs.ACCEPT, "")
    return accept.partition(",")[0].partition(";")[0].strip().lower() == "text/plain"


def query(
    request: web.Request, required: set[str], optional: set[str]
) -> dict[str, str]:
    """Return the parameters of the query string.

    Raises FormatError for one that is missing, unknown or given twice.
    """
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in required | optional:
            raise FormatError("an unknown query parameter", name)
        if name in found:
            raise FormatError("a query parameter stands here twice", name)
        found[name] = value
    if missing := sorted(required - set(found)):
        raise FormatError(f"the query parameter {missing[0]} is missing")
    return found


def query_number(parameters: dict[str, str], name: str, default: int) -> int:
    """Return a parameter as a decimal; FormatError for every other spelling."""
    if name not in parameters:
        return default
    return parse_decimal(name, parameters[name].encode("utf-8", "replace"))
