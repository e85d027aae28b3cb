"""POST /api/v1/entries: from a body to a durable answer.

One answer serves all entries of a request: the new ones by one range proof, those that
the log had by one path each, everything against the one checkpoint in the answer.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import hdrs, web

from tlog.api.problems import (
    MediaTypeError,
    NotAcceptableError,
    TooLargeError,
    problem_of,
)
from tlog.api.respond import (
    json_response,
    read_body,
    text_response,
    wants_text,
)
from tlog.entries.submission import (
    MAX_BODY_BYTES,
    parse_cbor_submission,
    parse_json_submission,
)
from tlog.log import Log
from tlog.sequencer.pool import Receipt, Ticket
from tlogverify.errors import TlogError
from tlogverify.hashing import Hash
from tlogverify.proof import Proof

_PARSERS: Final[Mapping[str, Callable[[bytes], list[bytes]]]] = {
    "application/json": parse_json_submission,
    "application/cbor": parse_cbor_submission,
}


class SubmitEndpoint:
    """Answers submissions to one log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    async def post(self, request: web.Request) -> web.Response:
        """Admit, parse, wait for the commit, and prove every entry."""
        try:
            entries = await self._admitted_entries(request)
            loop = asyncio.get_running_loop()
            waiting: asyncio.Future[Receipt] = loop.create_future()
            self._log.pool.put_ticket(Ticket(entries, waiting))
        except TlogError as error:
            self._log.metrics.refused_entries.labels(problem_of(error).token).inc()
            raise
        receipt = await waiting
        if wants_text(request):
            return await self._proof_file(entries[0], receipt)
        return await self._answer(receipt)

    async def _admitted_entries(self, request: web.Request) -> list[bytes]:
        gate = self._log.gate
        client = gate.client(
            request.headers.get(hdrs.AUTHORIZATION, ""),
            request.headers.getall(hdrs.X_FORWARDED_FOR, []),
            request.remote or "",
        )
        parse = _PARSERS.get(request.content_type)
        if parse is None or hdrs.CONTENT_ENCODING in request.headers:
            raise MediaTypeError(f"a body is {' or '.join(_PARSERS)}, and not encoded")
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise TooLargeError(MAX_BODY_BYTES)
        entries = parse(await read_body(request))
        if wants_text(request) and len(entries) != 1:
            raise NotAcceptableError("a proof file is for one entry")
        gate.admit(client, len(entries))
        return entries

    async def _answer(self, receipt: Receipt) -> web.Response:
        known = {index for index in receipt.indexes if not _is_new(receipt, index)}
        paths: dict[int, list[Hash]] = {}
        if known:
            prover = self._log.prover
            paths = await prover.inclusions(receipt.snapshot, sorted(known))
        seen: set[int] = set()
        placed: list[dict[str, object]] = []
        for index, leaf_hash in zip(receipt.indexes, receipt.leaf_hashes, strict=True):
            duplicate = index in known or index in seen
            seen.add(index)
            placed.append(
                {"index": index, "leaf_hash": leaf_hash.hex(), "duplicate": duplicate}
            )
        document = {
            "origin": self._log.signer.origin,
            "checkpoint": receipt.snapshot.note.decode(),
            "entries": placed,
            "range": {
                "start": receipt.start,
                "end": receipt.end,
                "left": receipt.left,
                "right": receipt.right,
            },
            "paths": {str(index): path for index, path in paths.items()},
        }
        return json_response(document, status=_status(receipt))

    async def _proof_file(self, entry: bytes, receipt: Receipt) -> web.Response:
        snapshot, index = receipt.snapshot, receipt.indexes[0]
        path = await self._log.prover.inclusion(snapshot, index)
        proof = Proof(index, tuple(path), snapshot.note, entry)
        return text_response(proof.encode(), status=_status(receipt))


def _is_new(receipt: Receipt, index: int) -> bool:
    return receipt.start <= index < receipt.end


def _status(receipt: Receipt) -> int:
    """Return 201 if anything was added, 200 if all was known."""
    return 201 if receipt.end > receipt.start else 200
