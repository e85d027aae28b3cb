"""One HTTP request and its answer, bounded: no retry, no redirect, no secret shown.

Each server has a pool of its own, with the proxy that the environment names for it.
"""

import io
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from tlogclient.network import Network, find_proxy
from tlogclient.transport import HEADERS, new_session, read_bounded, read_raw
from tlogverify.errors import FormatError, TlogError

MAX_REFUSAL_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request; limit_bytes: the most that is read of an answer that is no refusal."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    limit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer; headers: by names in lower case, lines of one name joined by ", "."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The Content-Type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()


class ProxyRefusalError(TlogError):
    """A proxy did not let a request through."""


class Exchange:
    """Connection pools; tls: checks certificates, None takes those of the system."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close all pools."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def send(self, outgoing: Outgoing) -> Incoming:
        """Send one request and return its answer, whatever its status.

        Raises FormatError for an answer that cannot be read or is too large, and
        aiohttp.ClientError or TimeoutError without one.
        """
        ended: TlogError
        try:
            async with self._session(outgoing.url).request(
                outgoing.method,
                URL(outgoing.url, encoded=True),
                headers=outgoing.headers,
                data=None if outgoing.body is None else io.BytesIO(outgoing.body),
                allow_redirects=False,
            ) as response:
                return await _read(response, outgoing)
        except aiohttp.ClientHttpProxyError as error:
            ended = ProxyRefusalError(f"the proxy says {error.status}")
        except aiohttp.ClientResponseError as error:
            ended = FormatError(
                f"a registry's HTTP cannot be read: {error.message:.99}"
            )
        # Raised out here, without a context: that error shows the request's headers.
        raise ended

    def _session(self, url: str) -> aiohttp.ClientSession:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._sessions:
            network = Network(find_proxy(url), self._tls)
            self._sessions[origin] = new_session(HEADERS, network)
        return self._sessions[origin]


async def _read(response: aiohttp.ClientResponse, outgoing: Outgoing) -> Incoming:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    body = b""
    if response.status >= 300:
        try:
            body = await read_raw(response, MAX_REFUSAL_BYTES)
        except FormatError:
            body = b""
    elif outgoing.method != "HEAD":
        body = await read_bounded(response, outgoing.limit_bytes)
    return Incoming(response.status, outgoing.url, headers, body)
