"""HTTP to one log: one request in, the bytes of its answer out, or a named failure.

Retried, with growing jittered waits or as Retry-After asks: no connection, a lost or
late answer, 202 (no proof yet), 429, 502, 503, 504.  Every request of this protocol is
safe to repeat.  A pause of a second or more that 429 or 503 asks for is no failed
attempt: the time for the request is its only bound.
A refusal is never retried, nor an answer that breaks its form.

Nothing is believed of the peer: no redirect is followed, no cookie kept, no answer
unpacked, and none read beyond the bytes that the request allows.
"""

import asyncio
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import aiohttp
import stamina

from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.network import DIRECT, Network
from tlogclient.problems import (
    MAX_PROBLEM_BYTES,
    PROBLEM_TYPE,
    parse_refusal,
    parse_retry_after,
)
from tlogclient.retries import Course, NoRoomError, last_failure, unavailable
from tlogverify.errors import FormatError, TlogError

CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_TIMEOUT_S: Final = 30.0

_USER_AGENT: Final = f"tlogclient/{version('tlog-client')}"
_RETRIED: Final = frozenset({429, 502, 503, 504})
_WAIT_FIRST_S: Final = 0.1
_WAIT_MAX_S: Final = 5.0
_JITTER_S: Final = 0.5
_SHOWN_CHARS: Final = 72
_UNSPEAKABLE: Final = re.compile(r"[\x00-\x20\x7f]")
_ABSENT: Final = frozenset({404, 405, 501})
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


HEADERS: Final[Mapping[str, str]] = {
    "User-Agent": _USER_AGENT,
    "Accept-Encoding": "identity",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; a POST of JSON if it has a body, or a PUT of other bytes.

    path: below the log's prefix.  accept: the media type asked for; the answer must
    have it unless it is "*/*".  limit_bytes: the most that is read of the answer.
    is_everywhere: every log has this path, and 404 says that no log is there.  body: a
    path stands for that file's bytes, which are read while they are sent.  is_put: the
    body is a document, and 202 is an answer.
    """

    path: str
    accept: str
    limit_bytes: int
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path | None = None
    is_everywhere: bool = False
    is_put: bool = False

    @property
    def method(self) -> str:
        """The HTTP method."""
        if self.is_put:
            return "PUT"
        return "GET" if self.body is None else "POST"


class Transport:
    """A connection pool to one log.

    token: sent as bearer, and shown nowhere.  attempts, timeout_s: the bounds of one
    request with all its retries; pauses that the log asks for are no attempts.
    Raises ValueError for settings that cannot work.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        attempts: int,
        timeout_s: float,
        network: Network = DIRECT,
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
        self._attempts = attempts
        self._network = network
        self._retry = new_retries()
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool; it belongs to the running event loop."""
        self._session = new_session(self._headers, self._network)

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
        course = Course(self._attempts, deadline, loop.time, self._network)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._retry(course.plan, self._attempt, request)
        except (RefusedError, UnavailableError, FormatError):
            raise
        except (TlogError, aiohttp.ClientError, TimeoutError) as error:
            cause = last_failure(error, course.failures)
            raise unavailable(error, cause) from cause

    async def _attempt(self, request: Request) -> bytes:
        if self._session is None:
            raise UnavailableError("the client is not open")
        ended: TlogError
        try:
            async with self._session.request(
                request.method,
                self._url + request.path,
                params=request.query,
                headers=_headers_of(request),
                # A stream, new for each attempt: a large body is written in pieces.
                data=_stream_of(request.body),
                allow_redirects=False,
            ) as response:
                return await self._read_answer(response, request)
        except aiohttp.ClientHttpProxyError as error:
            said = f"the proxy says: {error.message}"
            ended = _refused(RefusedError("about:blank", said, status=error.status))
        except aiohttp.ClientResponseError as error:
            ended = FormatError(f"the log's HTTP cannot be read: {error.message}")
        # Raised out here, without a context: that error shows the request's headers.
        raise ended

    async def _read_answer(
        self, response: aiohttp.ClientResponse, request: Request
    ) -> bytes:
        if response.status >= 400:
            raise self._placed(await read_refusal(response), request)
        if response.status == 202 and not request.is_put:
            # It is in, and its cosigned proof is to come: the same request again
            # gives it.
            said = "the entries are in; submit them again later for their proofs"
            waiting = RefusedError("not-cosigned", said, status=202)
            raise NoRoomError(waiting, _asked_pause(response))
        if 300 <= response.status < 400 and (to := response.headers.get("Location")):
            raise FormatError("an answer's status is 200 or 201, and no redirect", to)
        if response.status not in (200, 201, 202):
            raise FormatError("an answer's status is 200 or 201", response.status)
        if request.accept not in ("*/*", response.content_type):
            raise FormatError(
                f"a log's answer is {request.accept}: is there a log at {self._url}?",
                response.content_type,
            )
        return await read_bounded(response, request.limit_bytes)

    def _placed(
        self, refusal: RefusedError | NoRoomError, request: Request
    ) -> TlogError:
        """Return a refusal that says where no log is, if that is what it means."""
        if (
            isinstance(refusal, RefusedError)
            and refusal.status in _ABSENT
            and (request.is_everywhere or refusal.type == "about:blank")
        ):
            said = f"there is no log at {self._url}: is its path missing or wrong?"
            return RefusedError(refusal.type, said, status=refusal.status)
        return refusal


def new_retries() -> stamina.AsyncRetryingCaller:
    """Return what repeats attempts after growing waits, as long as its caller plans."""
    return stamina.AsyncRetryingCaller(
        # A `Course` counts the attempts, and bounds the waits too.
        attempts=None,
        timeout=None,
        wait_initial=_WAIT_FIRST_S,
        wait_max=_WAIT_MAX_S,
        wait_jitter=_JITTER_S,
    )


def new_session(
    headers: Mapping[str, str], network: Network = DIRECT
) -> aiohttp.ClientSession:
    """Return a pool that believes nothing of its peer; for the running event loop."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=network.tls or True),
        proxy=network.proxy,
        headers=headers,
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


async def read_refusal(response: aiohttp.ClientResponse) -> RefusedError | NoRoomError:
    """Return what an answer of 400 or more means."""
    body = b""
    if response.content_type in {PROBLEM_TYPE, "application/json"}:
        try:
            body = await read_bounded(response, MAX_PROBLEM_BYTES)
        except FormatError:
            body = b""
    return _refused(parse_refusal(response.status, body), _asked_pause(response))


def _refused(
    refusal: RefusedError, retry_after_s: float | None = None
) -> RefusedError | NoRoomError:
    if refusal.status not in _RETRIED:
        return refusal
    return NoRoomError(refusal, retry_after_s)


def _asked_pause(response: aiohttp.ClientResponse) -> float | None:
    headers = response.headers
    return parse_retry_after(headers.get("Retry-After"), headers.get("Date"))


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
    if request.is_put:
        headers["Content-Type"] = "application/octet-stream"
    elif request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _stream_of(body: bytes | Path | None) -> BinaryIO | None:
    """Return a stream of a body, which aiohttp closes when it is sent."""
    if isinstance(body, Path):
        return body.open("rb")
    return None if body is None else io.BytesIO(body)


def require_url(url: str) -> str:
    """Return a server's URL without a last slash; ValueError unless it is plain."""
    try:
        parts = urlsplit(url)
        host, is_port = parts.hostname or "", parts.port != 0
        host.encode("idna")
    except UnicodeError:
        raise ValueError("a URL's host is a name that can be looked up") from None
    except ValueError:
        raise ValueError(f"a URL has a host and a port: {_shown(url)}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(
            "a URL starts with http:// or https:// and a host, as "
            f"http://127.0.0.1:8080: found {_shown(url)}"
        )
    if not is_port or _UNSPEAKABLE.search(url):
        raise ValueError(f"a URL has no space and no port 0: {_shown(url)}")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a URL has no user, query or fragment")
    return url.rstrip("/")


def _shown(url: str) -> str:
    # What stands before an @ may be a password.
    return ascii(url.rpartition("@")[2][:_SHOWN_CHARS])
