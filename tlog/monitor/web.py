"""HTTP that believes nothing of its peer: bounded bytes in bounded time, or an error.

No redirect is followed, no cookie is kept, and no proxy is taken from the environment.
A body is whole and of the length that was announced; it comes as identity or gzip, and
is never larger than was asked for, packed or unpacked.  A refused connection, a lost
answer, 429 and 5xx are tried again: every request here is safe to repeat.
"""

import ipaddress
import zlib
from collections.abc import Mapping
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
import stamina

from tlogclient.transport import read_raw
from tlogverify.errors import FormatError, TlogError

_ATTEMPTS: Final = 4
_CONNECT_TIMEOUT_S: Final = 10.0
_LOST: Final = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)
_GZIP_WINDOW: Final = 31
# What cannot be packed grows a little: a stored block of 65,535 bytes has 5 more.
_PACKED_EXTRA_BYTES: Final = 1 << 16


class SourceError(TlogError):
    """The peer has given nothing, this time."""


class MissingError(SourceError):
    """The peer says that it has no such thing."""


class RetriedError(SourceError):
    """The peer had no answer for one attempt."""


class Web:
    """A pool of connections; use it as `async with`."""

    def __init__(self, *, connections: int, timeout_s: float) -> None:
        self._connections = connections
        self._timeout_s = timeout_s
        self._retry = stamina.AsyncRetryingCaller(
            attempts=_ATTEMPTS,
            timeout=None,
            wait_initial=0.1,
            wait_max=5.0,
            wait_jitter=0.1,
        ).on((RetriedError, *_LOST))
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Make the pool; it belongs to the running event loop."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(
                total=self._timeout_s,
                sock_connect=min(_CONNECT_TIMEOUT_S, self._timeout_s),
            ),
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "tlog-monitor"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str, limit_bytes: int) -> bytes:
        """Return the body of a 200.

        Raises MissingError for 404 and 410, SourceError for no answer or for a status
        other than 200, and FormatError for an answer that breaks its form.
        """
        headers = {"Accept-Encoding": _accepted_encodings(url)}
        try:
            return await self._retry(self._get, url, headers, limit_bytes)
        except (*_LOST, TimeoutError, OSError) as error:
            said = str(error) or type(error).__name__
            raise SourceError(f"no answer from {_shown(url)}: {said}") from error
        except aiohttp.ClientError as error:
            said = type(error).__name__
            raise FormatError(f"the HTTP of {_shown(url)} is broken: {said}") from error

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a body; SourceError unless the answer is a 2xx."""
        try:
            await self._retry(self._post, url, body, headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = type(error).__name__
            raise SourceError(f"no answer from {_shown(url)}: {said}") from error

    async def _get(self, url: str, headers: Mapping[str, str], limit: int) -> bytes:
        async with self._open.get(
            url, headers=headers, allow_redirects=False
        ) as response:
            status = response.status
            if 200 < status < 400:
                response.close()  # a redirect is not followed
                raise SourceError(f"{_shown(url)} answers {status}, which is no file")
            _require_success(response, url)
            return await _read(response, limit)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        async with self._open.post(
            url, data=body, headers=headers, allow_redirects=False
        ) as response:
            _require_success(response, url)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise SourceError("the connections are not open")
        return self._session


def _require_success(response: aiohttp.ClientResponse, url: str) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    said = f"{_shown(url)} answers {status}"
    response.close()  # what it says besides is not read
    if status in {404, 410}:
        raise MissingError(said)
    if status == 429 or status >= 500:
        raise RetriedError(said)
    raise SourceError(said)


async def _read(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding not in {"identity", "gzip"}:
        raise FormatError("an answer comes as identity or gzip", encoding)
    packed_limit = limit_bytes + (_PACKED_EXTRA_BYTES if encoding == "gzip" else 0)
    announced = response.content_length
    if announced is not None and announced <= packed_limit:
        body = await response.read()
    else:
        body = await read_raw(response, packed_limit)
    return body if encoding == "identity" else _unpack(body, limit_bytes)


def _unpack(packed: bytes, limit_bytes: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = unpacking.decompress(packed, limit_bytes + 1)
    except zlib.error as error:
        raise FormatError(f"an answer is broken gzip: {error}") from error
    if len(body) > limit_bytes:
        raise FormatError(f"an answer has at most {limit_bytes} bytes unpacked")
    if not unpacking.eof or unpacking.unused_data:
        raise FormatError("an answer is one whole gzip stream")
    return body


def _accepted_encodings(url: str) -> str:
    """Return what to ask for: on one machine, packing costs more than it saves."""
    host = urlsplit(url).hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    return "identity" if is_here else "gzip, identity"


def _shown(url: str) -> str:
    # A query may hold a secret.
    return url.partition("?")[0]
