"""LogClient: the verbs of a log; each returns only values that have been proven.

Each verb asks the log, and hands the bytes of the answer to `answers` or `findings`.
Nothing is returned that has not passed them.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tlogclient.answers import (
    open_extension,
    open_head,
    open_logged_entry,
    open_proof,
    open_submitted,
)
from tlogclient.attested import Artifact, AttestationResult
from tlogclient.batches import (
    encode_body,
    encode_entries,
    encode_entry,
    encode_rekor_request,
    split_entries,
)
from tlogclient.coalesce import Coalescer
from tlogclient.comparing import compare_attestations
from tlogclient.errors import RefusedError
from tlogclient.findings import (
    Hit,
    Page,
    SearchResult,
    Sought,
    UnprovenHit,
    one_origin,
    open_hit,
    open_page,
    parse_digest,
    parse_sought,
)
from tlogclient.histories import EMPTY, History, Tree, open_history, unproven_tree
from tlogclient.holdings import HoldingResult
from tlogclient.kept import MAX_DOCUMENT_BYTES, KeptDocuments
from tlogclient.mirrors import lying_in, recount, served_by
from tlogclient.monitors import (
    DEFAULT_ATTEMPTS,
    DEFAULT_TIMEOUT_S,
    Bounds,
    MonitorClient,
)
from tlogclient.network import DIRECT, Network
from tlogclient.purls import parse_question
from tlogclient.transport import Request, Transport
from tlogverify import Checkpoint, Policy, Proof, Record
from tlogverify.attestation.dsse import Envelope
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Witnessed
from tlogverify.proof import MAX_PROOF_BYTES
from tlogverify.rekor import RekorEntry
from tlogverify.sigstore.entries import MAX_ANSWER_BYTES, LogEntry

DEFAULT_HITS: Final = 1000

_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_BYTES: Final = "application/octet-stream"
_ANY: Final = "*/*"

# A note in JSON is a little longer than a note; an entry's answer has a path of at
# most 63 hashes.  10,000 entries may be answered in 64 MiB, one in 2 MiB.
_NOTE_JSON_BYTES: Final = 2 * MAX_NOTE_BYTES
_ENTRY_JSON_BYTES: Final = 6500
_PAGE_JSON_BYTES: Final = 16 << 20
_FETCHED_AT_ONCE: Final = 16


class LogClient:
    """One log and the policy that it must satisfy; an async context manager, used once.

    url: the log's prefix.  token: a bearer token, if the log asks for one.
    attempts, timeout_s: the bounds of one request with all its retries; a pause that
    the log asks for is no attempt.  network: proxy, authorities, who learns of waits.

    All verbs raise FormatError and VerificationError for an answer that does not hold,
    RefusedError, and UnavailableError.  Submits that still wait when the client is
    closed fail with UnavailableError.
    """

    def __init__(
        self,
        url: str,
        policy: Policy,
        *,
        token: str | None = None,
        attempts: int = DEFAULT_ATTEMPTS,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        network: Network = DIRECT,
    ) -> None:
        self._policy = policy
        self._transport = Transport(
            url,
            token=token,
            attempts=attempts,
            timeout_s=timeout_s,
            network=network,
        )
        self._bounds = Bounds(attempts, timeout_s, network)
        self._kept = KeptDocuments(self._transport, policy)
        self._singles: Coalescer[Proof] = Coalescer(self._submit_batch)

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._singles.close()
        finally:
            await self._transport.close()

    async def submit(
        self, records: Iterable[Record | bytes], *, wait: bool = True
    ) -> list[Proof]:
        """Submit `records` and return their proofs, in order.

        records: values, or canonical entry bytes.  If one request cannot hold them,
        they are sent in several, one after the other.  If a later request fails, the
        entries of the earlier ones are in the log, and submitting all again gives the
        same indexes.
        wait: for the cosignatures that the log's own policy asks for.  Otherwise the
        proofs have the log's signature alone.  A policy with a quorum refuses them, and
        submitting again later gives proofs that it takes.
        """
        proofs: list[Proof] = []
        for batch in split_entries(encode_entries(records)):
            try:
                proofs += await self._submit_batch(batch, wait=wait)
            except RefusedError as error:
                if error.position is None or not proofs:
                    raise
                raise error.at(len(proofs) + error.position) from None
        return proofs

    async def submit_signature(
        self, *forms: RekorEntry, envelope: Envelope | None = None
    ) -> LogEntry:
        """Submit a signature as Sigstore's clients do; return the log's proven entry.

        forms: what it may be logged as: a hashedrekord; of an `envelope`, which goes
        in the place of its hash, also a dsse.  RefusedError if the log takes no such.
        """
        request = Request(
            "/api/v2/log/entries",
            _JSON,
            MAX_ANSWER_BYTES,
            body=encode_rekor_request(forms[0], envelope),
        )
        answer = await self._transport.fetch(request)
        encoded = [it.encode() for it in forms]
        return open_logged_entry(answer, encoded, self._policy)

    async def submit_one(self, record: Record | bytes) -> Proof:
        """Submit one record and return its proof.

        Concurrent calls share requests: those that wait while one is under way go
        together in the next.
        """
        return await self._singles.submit(encode_entry(record))

    async def search(
        self,
        digest: str | None = None,
        *,
        key: str | None = None,
        identity: str | None = None,
        issuer: str | None = None,
        start: int = 0,
        limit: int = DEFAULT_HITS,
    ) -> SearchResult:
        """Return the entries from index `start` on that name one thing, each proven.

        digest: "sha256:" and lower-case hex.  key: the same, of a public key's or
        certificate's DER.  identity, issuer: as certificates spell them.  limit: the
        most hits to fetch; where there are more, the result's `next` says where to go
        on.

        Raises FormatError unless exactly one of digest, key, identity and issuer is
        given.
        """
        wanted = parse_sought(digest, key, identity, issuer)
        hits: list[Hit] = []
        claims: list[int] = []
        origins: list[str] = []
        after: int | None = start
        while after is not None and len(hits) < limit:
            page = await self._fetch_page(wanted, after)
            claims.append(page.complete_to)
            origins.append(page.origin)
            taken = page.unproven_hits[: limit - len(hits)]
            hits += await self._fetch_hits(page, taken, wanted)
            left = page.unproven_hits[len(taken) :]
            after = left[0].index if left else page.next
        # Each page is searched under its own head: the least claim covers all.
        least = min(claims, default=0)
        return SearchResult(least, tuple(hits), after, one_origin(origins))

    async def prove(self, index: int) -> Proof:
        """Return the proof of the entry at `index`; its extra is the entry."""
        request = Request(
            "/api/v1/proof/inclusion", _TEXT, MAX_PROOF_BYTES, {"index": str(index)}
        )
        answer = await self._transport.fetch(request)
        return open_proof(answer, index, self._policy)

    async def attestations(
        self,
        digest: str,
        *,
        predicate_type: str | None = None,
        start: int = 0,
        limit: int = DEFAULT_HITS,
        prove: MonitorClient | str | Path | bool | None = None,
    ) -> AttestationResult:
        """Return the entries from index `start` on about an artifact, each proven.

        digest: of the artifact, "sha256:" and lower-case hex (or sha384, sha512).
        limit: the most entries to fetch.  A short document comes along; `document`
        fetches another one.
        prove: who else is asked.  True: every entry of the log, which is read for it;
        a path: every entry in a folder that mirrors the log's tiles; a monitor, or the
        URL of one.  The result's `compared_to` says up to where both agree.

        Raises IncompleteError or TwoHistoriesError, with the proofs, if they do not,
        and FormatError if the other one answers for another log.
        """
        artifact = Artifact(parse_digest(digest), predicate_type)
        if prove is None or prove is False:
            return await self._kept.attestations(artifact, start, limit)
        # Read first: what the log answers later covers at least as much.
        if isinstance(prove, str | MonitorClient):
            seen = await self._said(prove, artifact, start, limit)
        else:
            own = served_by(self._transport)
            read = lying_in(prove) if isinstance(prove, Path) else own
            seen = await recount(read, self._policy, artifact, start, limit)
        result = await self._kept.attestations(artifact, start, limit)
        return replace(result, compared_to=compare_attestations(result, seen))

    async def _said(
        self, by: MonitorClient | str, artifact: Artifact, start: int, limit: int
    ) -> AttestationResult:
        if isinstance(by, MonitorClient):
            return await by.about(artifact, start, limit)
        async with MonitorClient(by, self._policy, bounds=self._bounds) as monitor:
            return await monitor.about(artifact, start, limit)

    async def holdings(
        self, purl: str, *, start: int = 0, limit: int = DEFAULT_HITS
    ) -> HoldingResult:
        """Return the SBOMs that hold a package, each proven; from entry `start` on.

        purl: "pkg:type/name", and "@version" for one version alone.  limit: the most
        documents to fetch.  The log must keep documents.
        """
        return await self._kept.holdings(parse_question(purl), start, limit)

    async def document(
        self, digest: str, *, limit_bytes: int = MAX_DOCUMENT_BYTES
    ) -> bytes:
        """Return the bytes of a document, which have the digest "sha256:" and hex.

        RefusedError of status 404 says that the log does not keep it, of 410 why it
        was removed.
        """
        return await self._kept.document(digest, limit_bytes)

    async def put_document(
        self,
        content: bytes | Path,
        *,
        entry: int | None = None,
        environment: str | None = None,
    ) -> str:
        """Store a document, and return its digest.

        content: the bytes, or a file that is read while it is sent.  entry: the index
        of an entry that names it; without one the document may wait for its entry.
        environment: for the log's rules of retention.

        Raises RefusedError if the log keeps no documents, or no entry names this one.
        """
        return await self._kept.put(content, entry, environment)

    async def checkpoint(self, *, extending: Checkpoint | None = None) -> Witnessed:
        """Return the log's head, as the policy proves it.

        extending: an older head of the same log; then the new one is proven to be
        consistent with it.
        """
        if extending is None:
            return open_head(await self.note(), self._policy)
        answer = await self._consistency(extending.size)
        return open_extension(answer, extending, self._policy)

    async def note(self) -> bytes:
        """Return the log's head as its signed note, which satisfies the policy."""
        note = await self._transport.fetch(Request("/checkpoint", _ANY, MAX_NOTE_BYTES))
        open_head(note, self._policy)
        return note

    async def history(self, old: int, new: int | None = None) -> History:
        """Return the proof that the tree of `new` leaves extends that of `old` leaves.

        new: without, the newest head's.  Both roots are proven by that head.
        """
        present = (await self.checkpoint()).checkpoint
        later = await self._unproven_tree(present.size if new is None else new)
        head = await self.checkpoint(extending=Checkpoint(present.origin, *later))
        answer = await self._consistency(old, later.size)
        return open_history(answer, await self._unproven_tree(old), later, head)

    async def _unproven_tree(self, size: int) -> Tree:
        if not size:
            return EMPTY
        request = Request(f"/api/v1/entries/{size - 1}", _BYTES, MAX_ENTRY_BYTES)
        entry = await self._transport.fetch(request)
        request = Request(
            "/api/v1/proof/inclusion",
            _JSON,
            _NOTE_JSON_BYTES + _ENTRY_JSON_BYTES,
            {"index": str(size - 1), "size": str(size)},
        )
        return unproven_tree(size, entry, await self._transport.fetch(request))

    async def _consistency(self, old: int, new: int | None = None) -> bytes:
        query = {"old": str(old)} | ({} if new is None else {"new": str(new)})
        return await self._transport.fetch(
            Request("/api/v1/proof/consistency", _JSON, _NOTE_JSON_BYTES, query)
        )

    async def _submit_batch(
        self, entries: Sequence[bytes], *, wait: bool = True
    ) -> list[Proof]:
        limit_bytes = _NOTE_JSON_BYTES + _ENTRY_JSON_BYTES * len(entries)
        request = Request(
            "/api/v1/entries",
            _JSON,
            limit_bytes,
            {} if wait else {"wait": "signed"},
            encode_body(entries),
            is_everywhere=True,
        )
        answer = await self._transport.fetch(request)
        # Ten thousand proofs take a while: off the event loop.
        return await asyncio.to_thread(open_submitted, answer, entries, self._policy)

    async def _fetch_page(self, sought: Sought, start: int) -> Page:
        query = dict([sought.query()])
        if start:
            query["start"] = str(start)
        request = Request(
            "/api/v1/search", _JSON, _PAGE_JSON_BYTES, query, is_everywhere=True
        )
        answer = await self._transport.fetch(request)
        return open_page(answer, start, self._policy)

    async def _fetch_hits(
        self, page: Page, unproven_hits: Iterable[UnprovenHit], sought: Sought
    ) -> list[Hit]:
        rest, hits = iter(unproven_hits), list[Hit]()
        while some := list(islice(rest, _FETCHED_AT_ONCE)):
            try:
                async with asyncio.TaskGroup() as group:
                    tasks = [
                        group.create_task(self._fetch_hit(page, hit, sought))
                        for hit in some
                    ]
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
            hits += [task.result() for task in tasks]
        return hits

    async def _fetch_hit(self, page: Page, hit: UnprovenHit, sought: Sought) -> Hit:
        request = Request(f"/api/v1/entries/{hit.index}", _BYTES, MAX_ENTRY_BYTES)
        entry = await self._transport.fetch(request)
        return open_hit(page, hit, entry, sought)
