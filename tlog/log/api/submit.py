"""POST /api/v1/entries: from a body to a durable answer.

One answer serves all entries of a request: the new ones by one range proof, those that
the log had by one path each, everything against the one checkpoint in the answer.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from tlog.entries.packed import Packed
from tlog.entries.scanning import read_cbor_submission, read_json_submission
from tlog.entries.submission import MAX_BODY_BYTES
from tlog.http.body import read_body, require_form
from tlog.http.exchange import (
    Asked,
    HotRoute,
    OneReply,
    Reply,
    Respond,
    asked_of,
    rendered,
    respond_later,
)
from tlog.http.respond import JSON_HEADERS, json_reply, query, text_reply, wants_text
from tlog.log.api.client import client_of, may_redact, require_no_disposition
from tlog.log.api.problems import (
    AfterTheCommit,
    NativeClosedError,
    NotAcceptableError,
    token_of,
)
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.prover import Prover
from tlog.log.sequencer.places import encode_places
from tlog.log.sequencer.pool import Receipt
from tlog.log.submitting import Submitting
from tlogverify.errors import FormatError, TlogError
from tlogverify.hashing import Hash
from tlogverify.proof import Proof

_PARSERS: Final[Mapping[str, Callable[[bytes], Packed]]] = {
    "application/json": read_json_submission,
    "application/cbor": read_cbor_submission,
}
_NO_PARAMETER: Final = frozenset[str]()
_PARAMETERS: Final = frozenset({"wait"})


class _Form(NamedTuple):
    """What the head of a request asks for, whoever sends it.

    waits: for a head that readers are shown.
    """

    asked: Asked
    parse: Callable[[bytes], Packed]
    waits: bool
    wants_text: bool


class _Admitted(NamedTuple):
    """A request that may submit, before its body is read.

    client: whose bucket it draws from.  may_redact: whether its entries may say that
    documents went.
    """

    client: str
    may_redact: bool
    form: _Form


class _Opening(NamedTuple):
    """What the answers of one head begin with: encoded once, for a whole batch."""

    head: Snapshot
    encoded: bytes


class SubmitEndpoint:
    """Answers submissions to one log; is_closed: it takes none by this door."""

    def __init__(
        self, log: Submitting, prover: Prover, prefix: str, *, is_closed: bool
    ) -> None:
        self._log = log
        self._is_closed = is_closed
        self._prover = prover
        self._proofs_url = f"{prefix}/api/v1/proof/inclusion?index="
        self._opening: _Opening | None = None
        self._form: _Form | None = None

    def route(self, path: str) -> HotRoute:
        """Return the route that answers submissions at `path`."""
        return HotRoute("POST", path, self.post, self.answer, self._is_ready)

    async def post(self, request: web.Request) -> web.Response:
        """Answer what came by aiohttp: admit it, then read its body."""
        self._require_open()
        await self._log.wait_writable()
        waiting = OneReply()
        try:
            admitted = self._admitted(asked_of(request))
            body = await read_body(request, MAX_BODY_BYTES)
            self._commit(admitted, body, waiting.take)
        except TlogError as error:
            self._log.count_refused(token_of(error))
            raise
        return rendered(await waiting.reply)

    def answer(self, asked: Asked, body: bytes, respond: Respond) -> None:
        """Answer what came by the lean way."""
        self._require_open()
        try:
            self._commit(self._admitted(asked), body, respond)
        except TlogError as error:
            self._log.count_refused(token_of(error))
            raise

    def _is_ready(self, asked: Asked) -> bool:
        """Whether nothing has to be waited for, except the commit."""
        is_waiting = not (self._log.shows_at_once or asked.query == "wait=signed")
        return self._is_closed or (self._log.is_writable and not is_waiting)

    def _require_open(self) -> None:
        if self._is_closed:
            closed = NativeClosedError()
            self._log.count_refused(token_of(closed))
            raise closed

    def _admitted(self, asked: Asked) -> _Admitted:
        """Return what may be submitted; raises before anything of a body is read."""
        gate, form = self._log.gate, self._form
        if form is not None and form.asked is asked:
            # The same head was read before; whether its client may is asked each time.
            return _Admitted(client_of(asked, gate), may_redact(asked, gate), form)
        wait = query(asked, _NO_PARAMETER, _PARAMETERS).get("wait")
        if wait not in {None, "signed"}:
            raise FormatError("wait is signed, or left out", wait)
        client = client_of(asked, gate)
        redacts = may_redact(asked, gate)
        require_form(asked, " or ".join(_PARSERS), _PARSERS)
        parse = _PARSERS[asked.media_type]
        form = self._form = _Form(asked, parse, wait is None, wants_text(asked))
        return _Admitted(client, redacts, form)

    def _commit(self, admitted: _Admitted, body: bytes, respond: Respond) -> None:
        """Let the entries of a body wait for their commit, which answers."""
        form = admitted.form
        entries = form.parse(body)
        if form.wants_text and len(entries) != 1:
            raise NotAcceptableError("a proof file is for one entry")
        if not admitted.may_redact:
            require_no_disposition(entries)
        self._log.gate.admit(admitted.client, len(entries))
        first = entries[0] if form.wants_text else b""
        receiver = _Receiver(self, form, first, respond)
        self._log.commit_for(receiver, entries)

    def settle(self, it: "_Receiver", receipt: Receipt) -> None:
        """Answer entries that are durable."""
        is_shown = self._log.shows_at_once or not it.form.waits
        if is_shown and receipt.is_all_new and not it.form.wants_text:
            try:
                outcome: Reply | Exception = self._plain_reply(receipt)
            except Exception as error:  # noqa: BLE001 - the top of a request ends here
                outcome = error
            it.respond(outcome)
        else:
            respond_later(self._proven(it, receipt), it.respond)

    def _plain_reply(self, receipt: Receipt) -> Reply:
        """Answer new entries against the head of their commit; waits for nothing."""
        with AfterTheCommit():
            opening = self._opening
            head = self._log.signed_with(receipt)
            if opening is None or opening.head is not head:
                start = msgspec.json.encode(self._start(head))
                opening = self._opening = _Opening(head, start[:-1])
            proven = msgspec.json.encode(
                _range(receipt.start, receipt.end, receipt.left, receipt.right)
            )
            body = b'%b,"entries":%b,"range":%b,"paths":{}}' % (
                opening.encoded,
                encode_places(receipt),
                proven,
            )
            return Reply(201, JSON_HEADERS, body)

    async def _proven(self, it: "_Receiver", receipt: Receipt) -> Reply:
        """Answer entries that may be known, or wait for a head, or are sent as text."""
        with AfterTheCommit():
            head: Snapshot | None
            if it.form.waits:
                head = await self._log.shown_with(receipt, self._log.wait_s)
            else:
                head = self._log.signed_with(receipt)
            if head is None:
                return self._accepted(receipt)
            if it.form.wants_text:
                return await self._proof_file(it.first, receipt, head)
            return await self._answer(receipt, head)

    def _accepted(self, receipt: Receipt) -> Reply:
        """Say where the entries are, and that their proofs will come."""
        proof = self._proofs_url
        document = {
            "origin": self._log.origin,
            "entries": msgspec.Raw(encode_places(receipt)),
            "proofs": [f"{proof}{index}" for index in receipt.indexes],
        }
        status, headers, body = json_reply(document, status=202)
        later = (
            (hdrs.LOCATION, f"{proof}{receipt.indexes[0]}"),
            (hdrs.RETRY_AFTER, "1"),
        )
        return Reply(status, (*headers, *later), body)

    def _start(self, head: Snapshot) -> dict[str, object]:
        return {"origin": self._log.origin, "checkpoint": head.note.decode()}

    async def _answer(self, receipt: Receipt, head: Snapshot) -> Reply:
        paths: dict[int, list[Hash]] = {}
        if not receipt.is_all_new:
            known = {index for index in receipt.indexes if not _is_new(receipt, index)}
            paths = await self._prover.inclusions(head, sorted(known))
        left, right = receipt.left, receipt.right
        start, end = receipt.start, receipt.end
        if head.size != receipt.snapshot.size:
            if start == end:
                start = end = head.size
            else:
                left, right = map(tuple, await self._prover.range(head, start, end))
        document = {
            **self._start(head),
            "entries": msgspec.Raw(encode_places(receipt)),
            "range": _range(start, end, left, right),
            "paths": {str(index): path for index, path in paths.items()},
        }
        return json_reply(document, status=_status(receipt))

    async def _proof_file(
        self, entry: bytes, receipt: Receipt, head: Snapshot
    ) -> Reply:
        index = receipt.indexes[0]
        path = await self._prover.inclusion(head, index)
        proof = Proof(index, tuple(path), head.note, entry)
        return text_reply(proof.encode(), status=_status(receipt))


class _Receiver:
    """Who waits for one request's receipt: no future, and no task until one is needed.

    first: the first of the entries, if it is to be answered as text.
    """

    __slots__ = ("_endpoint", "first", "form", "respond")

    def __init__(
        self,
        endpoint: SubmitEndpoint,
        form: _Form,
        first: bytes,
        respond: Respond,
    ) -> None:
        self._endpoint = endpoint
        self.form = form
        self.first = first
        self.respond = respond

    def done(self) -> bool:
        """Whether nobody waits any more: who has left has still submitted."""
        return False

    def set_result(self, result: Receipt, /) -> None:
        """Answer with the receipt."""
        self._endpoint.settle(self, result)

    def set_exception(self, exception: TlogError, /) -> None:
        """Answer with the reason why there is no receipt."""
        self.respond(exception)


def _range(
    start: int, end: int, left: tuple[Hash, ...], right: tuple[Hash, ...]
) -> dict[str, object]:
    return {"start": start, "end": end, "left": left, "right": right}


def _is_new(receipt: Receipt, index: int) -> bool:
    return receipt.start <= index < receipt.end


def _status(receipt: Receipt) -> int:
    """Return 201 if anything was added, 200 if all was known."""
    return 201 if receipt.end > receipt.start else 200
