"""Requests that a front end passes on to the process that writes, and its answers.

What is passed on is about the whole log, or about its documents, which that process
has.  Bodies go through piece by piece, both ways.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, hdrs, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from tlog.errors import MachineError
from tlog.http.exchange import REMOTE, asked_of

_REMOTE: Final = "Tlog-Remote"
_PIECE_BYTES: Final = 64 << 10
_CONNECT_S: Final = 5.0
_HEALTH_S: Final = 5.0

# Of one conversation alone (RFC 9110, 7.6.1), and what each server sets anew.
_OWN: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer"}
    | {"transfer-encoding", "upgrade", "expect", _REMOTE.lower()}
)

_NOT_ADDED: Final = (
    *(hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING),
    hdrs.CONTENT_TYPE,
)


class Passing:
    """Passes requests on to a Unix socket.

    address: of the socket.  health: the paths that are answered soon or not at all.
    """

    def __init__(self, address: str, health: frozenset[str]) -> None:
        self._address = address
        self._health = health
        self._session: ClientSession | None = None

    async def run(self, _: web.Application) -> AsyncIterator[None]:
        """Have connections as long as an application runs."""
        self._session = ClientSession(
            connector=UnixConnector(self._address, limit=0),
            auto_decompress=False,
            skip_auto_headers=_NOT_ADDED,
        )
        yield
        await self._session.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer as the process that writes does; MachineError if it does not."""
        if self._session is None:
            raise MachineError("the front end is about to end")
        headers = _passed_on(request.headers)
        headers[_REMOTE] = asked_of(request).remote
        body = request.content if request.body_exists else None
        is_health = request.path in self._health
        total_s = _HEALTH_S if is_health else None
        response: web.StreamResponse | None = None
        try:
            async with self._session.request(
                request.method,
                # As it came: an escaped path is another resource.
                URL(f"http://leader{request.raw_path}", encoded=True),
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=ClientTimeout(total_s, sock_connect=_CONNECT_S),
            ) as answer:
                response = web.StreamResponse(
                    status=answer.status, headers=_passed_on(answer.headers)
                )
                await response.prepare(request)
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    await response.write(piece)
                await response.write_eof()
        except (ClientError, TimeoutError) as error:
            if response is not None and response.prepared:
                # A part was sent: who asked must not take it for the whole.
                if request.transport is not None:
                    request.transport.abort()
                return response
            if request.transport is None or request.transport.is_closing():
                raise ConnectionResetError("who asked has left") from error
            raise MachineError("the process that writes does not answer") from error
        return response


@web.middleware
async def with_remote(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Let endpoints know who has asked the front end that passed a request on."""
    request[REMOTE] = request.headers.get(_REMOTE, "")
    return await handler(request)


def _passed_on(headers: "CIMultiDictProxy[str]") -> "CIMultiDict[str]":
    pairs = ((name, it) for name, it in headers.items() if name.lower() not in _OWN)
    return CIMultiDict(pairs)
