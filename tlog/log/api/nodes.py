"""What the other nodes ask of the one that writes: where it stands, and to commit.

Who asks knows the secret of this writer, which the database holds.
"""

import asyncio
from hmac import compare_digest
from typing import Final

from aiohttp import hdrs, web

from tlog.clock import Clock
from tlog.http.body import STOPPING, read_body
from tlog.http.exchange import asked_of
from tlog.http.problems import NEVER
from tlog.http.respond import query
from tlog.log.admission.gate import UnauthorizedError
from tlog.log.life import Log
from tlog.log.nodes.wire import (
    ENTRIES,
    HEADS,
    MAX_BUNCH_BYTES,
    Outcome,
    Told,
    digest_of,
    encode,
    outcome_of,
    parse_bunch,
)
from tlog.log.nodes.witnesses import told_of
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.sequencer.pool import Receipt
from tlogverify.errors import TlogError

_LOOK_S: Final = 0.25
_COSIGNED_S: Final = 0.05


class NodeEndpoints:
    """Answers the other nodes of one log, which this process writes.

    secret: of this writer.
    """

    def __init__(self, log: Log, secret: bytes, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._head: bytes | None = None
        self._committed_s = 0.0
        self._expected = f"Bearer {secret.hex()}".encode()
        self._committed = asyncio.Event()

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the routes of both."""
        return [
            web.get(f"{prefix}{HEADS}", self.heads),
            web.post(f"{prefix}{ENTRIES}", self.entries),
        ]

    def wake(self) -> None:
        """Tell those that wait: there is a newer head."""
        note = self._log.heads.signed.note
        if note != self._head:
            self._head, self._committed_s = note, self._clock.monotonic_s()
        self._committed.set()
        self._committed = asyncio.Event()

    @property
    def quiet_s(self) -> float | None:
        """For how long nothing has been committed; None if nothing ever was."""
        if self._head is None:
            return None
        return round(self._clock.monotonic_s() - self._committed_s, 3)

    async def heads(self, request: web.Request) -> web.Response:
        """GET /nodes/v1/heads: what is not known at once, else a moment later."""
        self._require_node(request)
        known = query(asked_of(request), set(), {"known"}).get("known", "")
        committed = self._committed
        body = encode(self._told())
        if digest_of(body) == known and not request.app[STOPPING].is_set():
            heads = self._log.heads
            is_shown = self._log.submitting.shows_at_once
            pause_s = _LOOK_S if is_shown or not heads.signed.size else _COSIGNED_S
            try:
                async with asyncio.timeout(pause_s):
                    await committed.wait()
            except TimeoutError:
                pass
            body = encode(self._told())
        return _packed(body)

    async def entries(self, request: web.Request) -> web.Response:
        """POST /nodes/v1/entries: an outcome for each request of a bunch."""
        self._require_node(request)
        requests = parse_bunch(await read_body(request, MAX_BUNCH_BYTES))
        submitting = self._log.submitting
        try:
            await submitting.wait_writable()
        except TlogError as error:
            return _packed(encode([outcome_of(error)] * len(requests)))
        gathering = _Gathering(len(requests))
        for nth, entries in enumerate(requests):
            receiver = _Receiver(gathering, nth)
            try:
                submitting.commit_for(receiver, entries)
            except TlogError as error:
                receiver.set_exception(error)
        return _packed(encode(await gathering.outcomes))

    def _told(self) -> Told:
        log = self._log
        try:
            shown = log.heads.shown.note
        except NotCosignedError:
            shown = b""
        publisher = log.publisher
        # In this order: what is stored was signed before.
        stored, public = publisher.stored_size, publisher.public_note
        signed = log.heads.signed.note
        witnesses = told_of(log.standing.witnessing, log.standing.guard)
        term = log.stores.tenure.term
        return Told(term, signed, shown, public, stored, witnesses)

    def _require_node(self, request: web.Request) -> None:
        given = request.headers.get(hdrs.AUTHORIZATION, "").encode()
        if not compare_digest(given, self._expected):
            raise UnauthorizedError("this is for the nodes of the log")


class _Gathering:
    """The outcomes of one bunch's requests.

    outcomes: set when the last of them is there.
    """

    def __init__(self, count: int) -> None:
        self._found: list[Outcome | None] = [None] * count
        self._left = count
        self.outcomes: asyncio.Future[list[Outcome | None]] = (
            asyncio.get_running_loop().create_future()
        )

    def put(self, nth: int, outcome: Outcome) -> None:
        self._found[nth] = outcome
        self._left -= 1
        if not self._left and not self.outcomes.done():
            self.outcomes.set_result(self._found)


class _Receiver:
    """Who waits for one request's receipt: no future and no task for each."""

    __slots__ = ("_gathering", "_nth")

    def __init__(self, gathering: _Gathering, nth: int) -> None:
        self._gathering = gathering
        self._nth = nth

    def done(self) -> bool:
        """Whether nobody waits any more: who has left has still submitted."""
        return False

    def set_result(self, result: Receipt, /) -> None:
        self._gathering.put(self._nth, outcome_of(result))

    def set_exception(self, exception: TlogError, /) -> None:
        self._gathering.put(self._nth, outcome_of(exception))


def _packed(body: bytes) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: NEVER}
    return web.Response(body=body, content_type="application/msgpack", headers=headers)
