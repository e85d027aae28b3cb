"""POST /api/v2/log/entries: Sigstore's clients, as they are.

The entry is checked on a thread, committed, and answered with its proof against the
head of that commit: there is no interval to wait for.  An entry that the log has is
answered as if it were new, so that a retry succeeds.

Source: sigstore/architecture-docs, `rekor-v2-spec`; sigstore/protobuf-specs,
`sigstore_rekor.proto`, TransparencyLogEntry.
"""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from typing import Final, cast

from aiohttp import web

from tlog.entries.rekor import (
    DsseForm,
    leaf_of_request,
    max_body_bytes,
    parse_rekor_request,
)
from tlog.errors import CorruptError
from tlog.http.body import announced_bytes, read_body, require_form
from tlog.http.exchange import (
    Asked,
    HotRoute,
    Reply,
    Respond,
    asked_of,
    rendered,
    respond_later,
)
from tlog.http.respond import json_reply
from tlog.log.api.client import client_of
from tlog.log.api.problems import AfterTheCommit, KnownEntryError, token_of
from tlog.log.api.rekor_errors import LOG_INDEX
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.prover import Prover
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.sequencer.pool import Receipt
from tlog.log.settings import LogSettings
from tlog.log.standing import Identity
from tlog.log.submitting import Submitting
from tlogverify.errors import ProofError, TlogError
from tlogverify.merkle import verify_inclusion
from tlogverify.rekor import REKOR_START

_Read = Callable[[], Awaitable[bytes]]

_DSSE: Final = REKOR_START + b"dsse"

# Clients give up after 5 seconds; the entry is in the log by then, and a retry gets it.
_MOST_WAIT_S: Final = 4.0
# Several times a request with a certificate.
_SMALL_BODY_BYTES: Final = 16 << 10


class RekorEndpoint:
    """Answers Sigstore's clients for one log; identity: its first key names entries."""

    def __init__(
        self,
        log: Submitting,
        prover: Prover,
        identity: Identity,
        settings: LogSettings,
    ) -> None:
        self._log = log
        self._prover = prover
        self._identity = identity
        self._dsse = cast(DsseForm, settings.sigstore_dsse)
        self._refuses_known = settings.sigstore_duplicates == "conflict"
        self._body_bytes = max_body_bytes(self._dsse)

    def route(self, path: str) -> HotRoute:
        """Return the route that answers these clients at `path`."""
        return HotRoute("POST", path, self.post, self.answer, self._is_ready)

    async def post(self, request: web.Request) -> web.Response:
        """Answer what came by aiohttp."""
        await self._log.wait_writable()
        read = partial(read_body, request, self._body_bytes)
        return rendered(await self._answer(asked_of(request), read))

    def answer(self, asked: Asked, body: bytes, respond: Respond) -> None:
        """Answer what came by the lean way."""

        async def read() -> bytes:
            return body

        respond_later(self._answer(asked, read), respond)

    def _is_ready(self, _: Asked) -> bool:
        return self._log.is_writable

    async def _answer(self, asked: Asked, read: _Read) -> Reply:
        """Admit, check, wait for the commit, and prove the entry."""
        try:
            leaf = await self._checked_leaf(asked, read)
            receipt = await self._log.commit([leaf])
            is_known = receipt.start == receipt.end
            if is_known and self._refuses_known:
                raise KnownEntryError(receipt.indexes[0])
        except TlogError as error:
            self._log.count_refused(token_of(error))
            raise
        with AfterTheCommit():
            head = await self._shown_head(receipt)
            document = await self._entry_document(leaf, receipt, head)
        status, (never, json), body = json_reply(document, status=201)
        known = ((LOG_INDEX, str(receipt.indexes[0])),) if is_known else ()
        return Reply(status, (never, *known, json), body)

    async def _checked_leaf(self, asked: Asked, read: _Read) -> bytes:
        gate, checks = self._log.gate, self._log.checks
        client = client_of(asked, gate)
        require_form(asked, "JSON")
        expected = announced_bytes(asked.length, self._body_bytes)
        # Before anything that costs: a request is one entry, whatever it holds.
        gate.admit(client, 1)
        with ExitStack() as stack:
            if expected is None or expected > _SMALL_BODY_BYTES:
                # Kept from before it is read: many that come slowly must not add up.
                stack.enter_context(checks.room(expected or self._body_bytes))
                body = await read()
            else:
                body = await read()
                stack.enter_context(checks.room(len(body)))
            return await checks.run(partial(_leaf, body, self._dsse))

    async def _shown_head(self, receipt: Receipt) -> Snapshot:
        """Return a head that readers are shown and that has the entry."""
        head = await self._log.shown_with(receipt, min(self._log.wait_s, _MOST_WAIT_S))
        if head is None:
            raise NotCosignedError(
                f"the entry has index {receipt.indexes[0]}, but no cosigned head has "
                "it yet: send it again"
            )
        return head

    async def _entry_document(
        self, leaf: bytes, receipt: Receipt, head: Snapshot
    ) -> dict[str, object]:
        """Return the TransparencyLogEntry; what it proves is verified first."""
        (index,), (leaf_hash,) = receipt.indexes, receipt.leaf_hashes
        path = await self._prover.inclusion(head, index)
        try:
            verify_inclusion(index, head.size, leaf_hash, path, head.root)
        except ProofError as error:
            self._log.metrics.unproven_answers.inc()
            raise CorruptError("the tiles", f"do not prove entry {index}") from error
        kind = "dsse" if leaf.startswith(_DSSE) else "hashedrekord"
        # Protobuf's JSON has 64-bit numbers in quotes, and bytes in base64.
        return {
            "logIndex": str(index),
            "logId": {"keyId": self._identity.keys[0].key_hash},
            "kindVersion": {"kind": kind, "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionPromise": None,
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": head.root,
                "treeSize": str(head.size),
                "hashes": path,
                "checkpoint": {"envelope": head.note.decode()},
            },
            "canonicalizedBody": leaf,
        }


def _leaf(body: bytes, dsse: DsseForm) -> bytes:
    return leaf_of_request(parse_rekor_request(body), dsse)
