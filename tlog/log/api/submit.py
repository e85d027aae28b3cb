"""POST /api/v1/entries: from a body to a durable answer.

One answer serves all entries of a request: the new ones by one range proof, those that
the log had by one path each, everything against the one checkpoint in the answer.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from aiohttp import hdrs, web

from tlog.entries.packed import Packed
from tlog.entries.scanning import read_cbor_submission, read_json_submission
from tlog.entries.submission import MAX_BODY_BYTES
from tlog.http.body import read_body, require_form
from tlog.http.respond import json_response, query, text_response, wants_text
from tlog.log.api.client import client_of
from tlog.log.api.problems import (
    NativeClosedError,
    NotAcceptableError,
    after_the_commit,
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


class SubmitEndpoint:
    """Answers submissions to one log; is_closed: it takes none by this door."""

    def __init__(
        self, log: Submitting, prover: Prover, prefix: str, *, is_closed: bool
    ) -> None:
        self._log = log
        self._is_closed = is_closed
        self._prover = prover
        self._proofs_url = f"{prefix}/api/v1/proof/inclusion?index="

    async def post(self, request: web.Request) -> web.Response:
        """Admit, parse, wait for the commit, and prove every entry."""
        if self._is_closed:
            closed = NativeClosedError()
            self._log.count_refused(token_of(closed))
            raise closed
        await self._log.wait_writable()
        try:
            waits = self._waits(request)
            entries = await self._admitted_entries(request)
            waiting = self._log.commit(entries)
        except TlogError as error:
            self._log.count_refused(token_of(error))
            raise
        receipt = await waiting
        with after_the_commit():
            head: Snapshot | None
            if waits:
                head = await self._log.shown_with(receipt, self._log.wait_s)
            else:
                head = self._log.signed_with(receipt)
            if head is None:
                return self._accepted(receipt)
            if wants_text(request):
                return await self._proof_file(entries[0], receipt, head)
            return await self._answer(receipt, head)

    def _waits(self, request: web.Request) -> bool:
        """Return whether the answer waits for a head that readers are shown."""
        wait = query(request, set(), {"wait"}).get("wait")
        if wait not in {None, "signed"}:
            raise FormatError("wait is signed, or left out", wait)
        return wait is None

    def _accepted(self, receipt: Receipt) -> web.Response:
        """Say where the entries are, and that their proofs will come."""
        proof = self._proofs_url
        document = {
            "origin": self._log.origin,
            "entries": msgspec.Raw(encode_places(receipt)),
            "proofs": [f"{proof}{index}" for index in receipt.indexes],
        }
        response = json_response(document, status=202)
        response.headers[hdrs.LOCATION] = f"{proof}{receipt.indexes[0]}"
        response.headers[hdrs.RETRY_AFTER] = "1"
        return response

    async def _admitted_entries(self, request: web.Request) -> Packed:
        gate = self._log.gate
        client = client_of(request, gate)
        require_form(request, " or ".join(_PARSERS), _PARSERS)
        parse = _PARSERS[request.content_type]
        entries = parse(await read_body(request, MAX_BODY_BYTES))
        if wants_text(request) and len(entries) != 1:
            raise NotAcceptableError("a proof file is for one entry")
        gate.admit(client, len(entries))
        return entries

    async def _answer(self, receipt: Receipt, head: Snapshot) -> web.Response:
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
            "origin": self._log.origin,
            "checkpoint": head.note.decode(),
            "entries": msgspec.Raw(encode_places(receipt)),
            "range": {"start": start, "end": end, "left": left, "right": right},
            "paths": {str(index): path for index, path in paths.items()},
        }
        return json_response(document, status=_status(receipt))

    async def _proof_file(
        self, entry: bytes, receipt: Receipt, head: Snapshot
    ) -> web.Response:
        index = receipt.indexes[0]
        path = await self._prover.inclusion(head, index)
        proof = Proof(index, tuple(path), head.note, entry)
        return text_response(proof.encode(), status=_status(receipt))


def _is_new(receipt: Receipt, index: int) -> bool:
    return receipt.start <= index < receipt.end


def _status(receipt: Receipt) -> int:
    """Return 201 if anything was added, 200 if all was known."""
    return 201 if receipt.end > receipt.start else 200
