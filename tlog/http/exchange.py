"""One request and its answer, whichever way it came in.

A hot route is written once, for aiohttp and for `tlog.http.lean`: it is given an
`Asked` and a body, and calls back with a `Reply`, at once or later on the event loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from aiohttp import ETag, hdrs, web

Headers = tuple[tuple[str, str], ...]


REMOTE: Final = "tlog.remote"
"""Where a request has the address of who asked another process, which passed it on."""


class Asked(NamedTuple):
    """What an endpoint may know of a request besides its body.

    path, query: as they were sent.  parameters: the query taken apart.  forwarded_for:
    all values of X-Forwarded-For, in order.  media_type: of the body, without its
    parameters.  length: of the body in bytes, or None if it was not announced.
    if_match, if_none_match: None where the header is missing.  remote: the address of
    the other end, or "".
    """

    method: str
    path: str
    query: str
    parameters: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    forwarded_for: Sequence[str]
    media_type: str
    length: int | None
    if_match: Sequence[ETag] | None
    if_none_match: Sequence[ETag] | None
    remote: str


class Reply(NamedTuple):
    """An answer without what the server adds to each: length, date and the like."""

    status: int
    headers: Headers
    body: bytes = b""


Respond = Callable[[Reply | Exception], None]
"""Takes the outcome of one request; called once, on the event loop."""


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A route that has both ways in.

    path: as aiohttp registers it; a last part `{path:.+}` stands for all that follows.
    slow: answers what came by aiohttp.  answer: answers what came by the lean way, with
    its whole body.  is_ready: whether `answer` would do; if not, nothing was done yet,
    and the request goes to aiohttp.
    """

    method: Literal["GET", "POST"]
    path: str
    slow: Callable[[web.Request], Awaitable[web.StreamResponse]]
    answer: Callable[[Asked, bytes, Respond], None]
    is_ready: Callable[[Asked], bool]


def hot_read(path: str, answer: Callable[[Asked, Respond], None]) -> HotRoute:
    """Return the route of a GET that answers the same by both ways."""

    async def slow(request: web.Request) -> web.Response:
        waiting = OneReply()
        answer(asked_of(request), waiting.take)
        return rendered(await waiting.reply)

    def at_once(asked: Asked, _: bytes, respond: Respond) -> None:
        answer(asked, respond)

    return HotRoute("GET", path, slow, at_once, _always)


def _always(_: Asked) -> bool:
    return True


class OneReply:
    """Lets a coroutine wait for what a hot route calls back with.

    reply: ends with the error if there is one.
    """

    def __init__(self) -> None:
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def take(self, outcome: Reply | Exception) -> None:
        """Take the outcome, unless nobody waits any more."""
        if self.reply.done():
            return
        if isinstance(outcome, Reply):
            self.reply.set_result(outcome)
        else:
            self.reply.set_exception(outcome)


def answer_now(route: HotRoute, asked: Asked, body: bytes, respond: Respond) -> None:
    """Let a hot route answer; what it raises is its answer too."""
    try:
        route.answer(asked, body, respond)
    except Exception as error:  # noqa: BLE001 - the top of each request: it ends here
        respond(error)


_under_way: Final[set[asyncio.Task[Reply]]] = set()


def respond_later(answer: Coroutine[Any, Any, Reply], respond: Respond) -> None:
    """Let `answer` run as a task, and call back with its outcome."""
    task = asyncio.get_running_loop().create_task(answer)
    # The loop itself keeps no task from being collected.
    _under_way.add(task)

    def ended(it: asyncio.Task[Reply]) -> None:
        _under_way.discard(it)
        if it.cancelled():
            # Only the end of the loop does that: nobody is left to be answered.
            return
        error = it.exception()
        if error is None:
            respond(it.result())
        elif isinstance(error, Exception):
            respond(error)

    task.add_done_callback(ended)


def asked_of(request: web.Request) -> Asked:
    """Return what an endpoint may know of a request that came by aiohttp."""
    url = request.rel_url
    return Asked(
        request.method,
        url.raw_path,
        url.raw_query_string,
        tuple(request.query.items()),
        request.headers,
        request.headers.getall(hdrs.X_FORWARDED_FOR, []),
        request.content_type,
        request.content_length,
        request.if_match,
        request.if_none_match,
        request.get(REMOTE, request.remote or ""),
    )


def rendered(reply: Reply) -> web.Response:
    """Return a reply as aiohttp sends it."""
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
