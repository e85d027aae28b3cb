"""HTTP to one log: one request in, the bytes of its answer out, or a named failure.

Retried, with growing jittered waits or as Retry-After asks: no connection, a lost or
late answer, 202 (no proof yet), 429, 502, 503, 504.  Every request of this protocol is
safe to repeat.
Never retried: a refusal, and an answer that breaks its form.

Nothing is believed of the peer: no redirect is followed, no cookie kept, no answer
unpacked, and none read beyond the bytes that the request allows.
"""

import asyncio
import io
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import stamina

from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.problems import (
    MAX_PROBLEM_BYTES,
    PROBLEM_TYPE,
    parse_refusal,
    parse_retry_after,
)
from tlogverify.errors import FormatError, TlogError

CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_TIMEOUT_S: Final = 30.0

_USER_AGENT: Final = f"tlogclient/{version('tlog-client')}"
_RETRIED: Final = frozenset({429, 502, 503, 504})
_WAIT_FIRST_S: Final = 0.1
_WAIT_MAX_S: Final = 5.0
_JITTER_S: Final = 0.5
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": _USER_AGENT,
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; a POST of JSON if it has a body.

    path: below the log's prefix.  accept: the media type asked for; the answer must
    have it unless it is "*/*".  limit_bytes: the most that is read of the answer.
    """

    path: str
    accept: str
    limit_bytes: int
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


class NoRoomError(TlogError):
    """The log, or what stands before it, had no room for one attempt.

    retry_after_s: what it asked for, or None.
    """

    def __init__(self, refusal: RefusedError, retry_after_s: float | None) -> None:
        self.refusal = refusal
        self.retry_after_s = retry_after_s
        super().__init__(str(refusal))


def plan_retry(error: Exception, left_s: float) -> bool | float:
    """Tell whether to try again: False; True for the next wait; or seconds to wait.

    left_s: of the time for the whole request.  The log's wish is met and spread, not
    shortened: if there is no time for it, there is no retry.
    """
    match error:
        case NoRoomError(retry_after_s=float(asked_s)):
            wait_s = asked_s * random.uniform(1, 1.25)  # noqa: S311 - spreads load, hides nothing
            return wait_s if wait_s < left_s else False
        case aiohttp.ClientConnectorCertificateError():
            return False
        case NoRoomError() | TimeoutError():
            return True
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError():
            return True
        case _:
            return False


class Transport:
    """A connection pool to one log.

    token: sent as bearer, and shown nowhere.  attempts, timeout_s: the bounds of one
    request with all its retries.  Raises ValueError for settings that cannot work.
    """

    def __init__(
        self, url: str, *, token: str | None, attempts: int, timeout_s: float
    ) -> None:
        self._url = require_url(url)
        self._headers = dict(HEADERS)
        if token is not None:
            if _BEARER.fullmatch(token) is None:
                raise ValueError("a bearer token has letters, digits and ._~+/-=")
            self._headers["Authorization"] = f"Bearer {token}"
        if attempts < 1 or timeout_s <= 0:
            raise ValueError("a request has at least one attempt and some time")
        self._timeout_s = timeout_s
        self._retry = stamina.AsyncRetryingCaller(
            attempts=attempts,
            timeout=None,  # `fetch` bounds the waits too, which stamina does not
            wait_initial=_WAIT_FIRST_S,
            wait_max=_WAIT_MAX_S,
            wait_jitter=_JITTER_S,
        )
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; it belongs to the running event loop."""
        self._session = new_session(self._headers)

    async def close(self) -> None:
        """Close the pool; requests under way end with UnavailableError.  Idempotent."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def fetch(self, request: Request) -> bytes:
        """Return the answer's body: a success of the type and size asked for.

        Raises RefusedError, UnavailableError, or FormatError for any other answer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        failures: list[Exception] = []

        def plan(error: Exception) -> bool | float:
            verdict = plan_retry(error, deadline - loop.time())
            if verdict is not False:
                failures.append(error)
            return verdict

        try:
            async with asyncio.timeout_at(deadline):
                return await self._retry(plan, self._attempt, request)
        except (RefusedError, UnavailableError, FormatError):
            raise
        except (TlogError, aiohttp.ClientError, TimeoutError) as error:
            cause = last_failure(error, failures)
            said = str(cause) or type(cause).__name__
            what = "no proof yet" if is_accepted(cause) else "no answer from the log"
            raise UnavailableError(f"{what}: {said}") from cause

    async def _attempt(self, request: Request) -> bytes:
        if self._session is None:
            raise UnavailableError("the client is not open")
        broken = "the log's HTTP cannot be read"
        try:
            async with self._session.request(
                "GET" if request.body is None else "POST",
                self._url + request.path,
                params=request.query,
                headers=_headers_of(request),
                # A stream, new for each attempt: a large body is written in pieces.
                data=None if request.body is None else io.BytesIO(request.body),
                allow_redirects=False,
            ) as response:
                return await _read_answer(response, request)
        except aiohttp.ClientResponseError as error:
            broken = f"{broken}: {error.message}"
        # Raised out here, without a context: that error shows the request's headers.
        raise FormatError(broken)


def new_session(headers: Mapping[str, str]) -> aiohttp.ClientSession:
    """Return a pool that believes nothing of its peer; for the running event loop."""
    return aiohttp.ClientSession(
        headers=headers,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def _read_answer(response: aiohttp.ClientResponse, request: Request) -> bytes:
    if response.status >= 400:
        raise await read_refusal(response)
    if response.status == 202:
        # It is in, and its cosigned proof is to come: the same request again gives it.
        said = "the entries are in; submit them again later for their cosigned proofs"
        waiting = RefusedError("not-cosigned", said, status=202)
        raise NoRoomError(
            waiting, parse_retry_after(response.headers.get("Retry-After"))
        )
    if response.status not in (200, 201):
        raise FormatError("an answer's status is 200 or 201", response.status)
    if request.accept not in ("*/*", response.content_type):
        raise FormatError(f"an answer is {request.accept}", response.content_type)
    return await read_bounded(response, request.limit_bytes)


async def read_refusal(response: aiohttp.ClientResponse) -> RefusedError | NoRoomError:
    """Return what an answer of 400 or more means."""
    body = b""
    if response.content_type == PROBLEM_TYPE:
        try:
            body = await read_bounded(response, MAX_PROBLEM_BYTES)
        except FormatError:
            body = b""
    refusal = parse_refusal(response.status, body)
    if response.status not in _RETRIED:
        return refusal
    return NoRoomError(refusal, parse_retry_after(response.headers.get("Retry-After")))


async def read_bounded(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Return an answer's body; FormatError above `limit_bytes`, read no further."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FormatError("an answer is not compressed unless asked for")
    return await read_raw(response, limit_bytes)


async def read_raw(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """Return an answer's body as it came, however encoded; bounded likewise."""
    body = bytearray()
    if (response.content_length or 0) <= limit_bytes:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > limit_bytes:
                break
        else:
            return bytes(body)
    response.close()  # what is left of it is not worth a connection
    raise FormatError(f"an answer has at most {limit_bytes} bytes")


def _headers_of(request: Request) -> dict[str, str]:
    headers = {"Accept": request.accept}
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def require_url(url: str) -> str:
    """Return a server's URL without a last slash; ValueError unless it is plain."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL starts with http:// or https:// and a host")
    try:
        parts.hostname.encode("idna")
    except UnicodeError:
        raise ValueError("a URL's host is a name that can be looked up") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a URL has no user, query or fragment")
    return url.rstrip("/")


def is_accepted(error: Exception) -> bool:
    """Whether the log has what was sent, and no proof to give for it yet."""
    return isinstance(error, RefusedError) and error.status == 202


def last_failure(error: Exception, retried: list[Exception]) -> Exception:
    """Return what to blame for a request that ended with `error`.

    Where the time ran out while retrying, what was retried last says more.
    """
    last = retried[-1] if retried and isinstance(error, TimeoutError) else error
    return last.refusal if isinstance(last, NoRoomError) else last
