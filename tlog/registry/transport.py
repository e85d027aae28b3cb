"""HTTP to one registry: a request in, its answer or a named failure out.

Retried, with growing jittered waits or as Retry-After asks: no connection, a lost or
late answer, 429, and 500 and more.  Every request here is safe to repeat.  401 is
answered once with credentials.  A GET is led on where the registry sends it, to another
server without a word of who asks.

Nothing is believed of the peer: what is read is bounded, no cookie is kept, and secrets
stand in no error.
"""

import asyncio
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urljoin

import aiohttp

from tlog.registry.authorization import Authorization
from tlog.registry.challenges import parse_challenges, require_target, same_origin
from tlog.registry.credentials import Keyring
from tlog.registry.errors import UnreachedError
from tlog.registry.exchange import Exchange, Incoming, Outgoing, ProxyRefusalError
from tlog.registry.refusals import refusal_of
from tlogclient.errors import RefusedError
from tlogclient.network import Network
from tlogclient.retries import Course, NoRoomError, last_failure, unavailable
from tlogclient.transport import new_retries
from tlogverify.errors import FormatError

ATTEMPTS: Final = 8
DEFAULT_TIMEOUT_S: Final = 120.0
MAX_REDIRECTS: Final = 5

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Way:
    """How a registry is reached.

    timeout_s: for one request, pauses and retries included.  tls: checks certificates;
    None takes the system's authorities.  plain_http: speak it to any host.
    """

    keyring: Keyring
    timeout_s: float = DEFAULT_TIMEOUT_S
    tls: ssl.SSLContext | None = None
    plain_http: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A request with what is made of its answer.

    what: is asked for, in a few words.  expected: the statuses that are no failure.
    scope: of the token that it needs.
    """

    outgoing: Outgoing
    what: str
    expected: Collection[int]
    scope: str


class Transport:
    """The connections to one registry; origin: its URL, without a path."""

    def __init__(self, origin: str, way: Way) -> None:
        self.origin = origin
        self._timeout_s = way.timeout_s
        self._exchange = Exchange(way.tls)
        self._authorization = Authorization(self._exchange, way.keyring, origin)
        self._retry = new_retries()

    async def close(self) -> None:
        """Close all connections."""
        await self._exchange.close()

    async def ask(self, question: Question) -> Incoming:
        """Return an answer of an expected status, led on to where it is.

        Raises UnreachedError without an answer, what `refusal_of` says of another
        status, and FormatError for what breaks a form.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout_s
        course = Course(ATTEMPTS, deadline, loop.time, Network())
        try:
            async with asyncio.timeout_at(deadline):
                return await self._retry(course.plan, self._attempt, question)
        except (aiohttp.ClientError, TimeoutError, NoRoomError) as error:
            cause = last_failure(error, course.failures)
            said = f"{question.what}: {unavailable(error, cause, 'registry')}"
            if isinstance(cause, RefusedError):
                said = f"no answer in the time for it: {cause.detail}"
            raise UnreachedError(said) from None
        except ProxyRefusalError as error:
            raise UnreachedError(f"{question.what}: {error}") from None

    async def _attempt(self, question: Question) -> Incoming:
        answer = await self._send(question.outgoing, question.scope)
        for _ in range(MAX_REDIRECTS):
            place = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or question.outgoing.method != "GET":
                break
            url = require_target(self.origin, urljoin(answer.url, place))
            moved = replace(question.outgoing, url=url)
            answer = await self._send(moved, question.scope)
        if answer.status not in question.expected:
            raise refusal_of(answer, question.what)
        return answer

    async def _send(self, outgoing: Outgoing, scope: str) -> Incoming:
        """Send a request: to the registry itself twice, if it asks who we are."""
        if not same_origin(self.origin, outgoing.url):
            return await self._exchange.send(outgoing)
        known = self._authorization.known(scope)
        answer = await self._exchange.send(_with(outgoing, known))
        if answer.status != 401:
            return answer
        challenges = parse_challenges(answer.headers.get("www-authenticate", ""))
        if not await self._authorization.renew(scope, challenges):
            return answer
        known = self._authorization.known(scope)
        return await self._exchange.send(_with(outgoing, known))


def _with(outgoing: Outgoing, headers: Mapping[str, str]) -> Outgoing:
    return replace(outgoing, headers={**outgoing.headers, **headers})


def require_location(answer: Incoming, origin: str) -> str:
    """Return where an answer says that the request goes on; FormatError if nowhere."""
    place = answer.headers.get("location")
    if not place:
        raise FormatError("an upload has a Location")
    return require_target(origin, urljoin(answer.url, place))
