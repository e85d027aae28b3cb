"""What a log that keeps documents is asked: about an artifact, a package, a digest.

For `LogClient`, whose verbs say what comes back and what is raised.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tlogclient.attested import (
    Artifact,
    Attestation,
    AttestationPage,
    AttestationResult,
    open_attestations,
    open_document,
    parse_document_digest,
)
from tlogclient.errors import RefusedError
from tlogclient.findings import one_origin
from tlogclient.holdings import (
    Holding,
    HoldingResult,
    open_holding,
    open_holdings,
)
from tlogclient.purls import Purl
from tlogclient.transport import Request, Transport
from tlogverify import Policy
from tlogverify.files import sha256_file

MAX_DOCUMENT_BYTES: Final = 64 << 20
PAGE_JSON_BYTES: Final = 16 << 20

_JSON: Final = "application/json"
_BYTES: Final = "application/octet-stream"
_STORED_JSON_BYTES: Final = 1 << 16
_NO_DOCUMENTS: Final = "this log keeps no documents"


async def collect_attestations(
    fetch: Callable[[int], Awaitable[AttestationPage]], start: int, limit: int
) -> AttestationResult:
    """Return pages as one result; fetch: returns the page from an index on.

    Raises VerificationError if the pages are of several logs.
    """
    found: list[Attestation] = []
    claims: list[int] = []
    origins: list[str] = []
    after: int | None = start
    while after is not None and len(found) < limit:
        page = await fetch(after)
        claims.append(page.complete_to)
        origins.append(page.origin)
        taken = page.attestations[: limit - len(found)]
        found += taken
        left = page.attestations[len(taken) :]
        after = left[0].index if left else page.next
    # Each page has its own head: the least claim covers all.
    return AttestationResult(
        min(claims, default=0), tuple(found), after, origin=one_origin(origins)
    )


class KeptDocuments:
    """The documents of one log; transport: to it, opened and closed by its owner."""

    def __init__(self, transport: Transport, policy: Policy) -> None:
        self._transport = transport
        self._policy = policy

    async def attestations(
        self, artifact: Artifact, start: int, limit: int
    ) -> AttestationResult:
        """Return the entries about an artifact, each proven."""

        async def fetch(after: int) -> AttestationPage:
            return await self._fetch_attestations(artifact, after)

        return await collect_attestations(fetch, start, limit)

    async def holdings(self, question: Purl, start: int, limit: int) -> HoldingResult:
        """Return the SBOMs that hold a package, each proven."""
        holdings: list[Holding] = []
        withheld: list[Attestation] = []
        unread = 0
        after: int | None = start
        while after is not None and len(holdings) + len(withheld) < limit:
            query = {"purl": question.encode()}
            if after:
                query["start"] = str(after)
            request = Request("/api/v1/components", _JSON, PAGE_JSON_BYTES, query)
            answer = await self._fetch(request)
            page = await asyncio.to_thread(open_holdings, answer, after, self._policy)
            room = limit - len(holdings) - len(withheld)
            for it in page.attestations[:room]:
                holding = await self._holding(it, question)
                if holding is None:
                    withheld.append(it)
                else:
                    holdings.append(holding)
            left = page.attestations[room:]
            after = left[0].index if left else page.next
            unread = max(unread, page.unread)
        return HoldingResult(tuple(holdings), tuple(withheld), unread, after)

    async def document(self, digest: str, limit_bytes: int) -> bytes:
        """Return the bytes of a document, which have the digest."""
        sha256 = parse_document_digest(digest)
        path = f"/api/v1/documents/{digest}"
        answer = await self._transport.fetch(Request(path, _BYTES, limit_bytes))
        return await asyncio.to_thread(open_document, answer, sha256)

    async def put(
        self, content: bytes | Path, entry: int | None, environment: str | None
    ) -> str:
        """Store a document, and return its digest."""
        sha256 = await asyncio.to_thread(_sha256_of, content)
        query = {} if entry is None else {"entry": str(entry)}
        if environment is not None:
            query["environment"] = environment
        request = Request(
            f"/api/v1/documents/sha256:{sha256}",
            _JSON,
            _STORED_JSON_BYTES,
            query,
            content,
            is_put=True,
        )
        await self._fetch(request)
        return f"sha256:{sha256}"

    async def _holding(self, it: Attestation, question: Purl) -> Holding | None:
        """Return what an SBOM proves; None if the log does not give it."""
        if it.document is None or it.document.disposition != "stored":
            return None
        name = f"sha256:{it.document.sha256.hex()}"
        try:
            content = await self.document(name, MAX_DOCUMENT_BYTES)
        except RefusedError:
            return None
        return await asyncio.to_thread(open_holding, it, content, question)

    async def _fetch_attestations(
        self, artifact: Artifact, start: int
    ) -> AttestationPage:
        query = {"start": str(start)} if start else {}
        if artifact.predicate_type is not None:
            query["predicate_type"] = artifact.predicate_type
        path = f"/api/v1/attestations/{artifact.digest.encode()}"
        answer = await self._transport.fetch(
            Request(path, _JSON, PAGE_JSON_BYTES, query)
        )
        return await asyncio.to_thread(
            open_attestations, answer, start, artifact, self._policy
        )

    async def _fetch(self, request: Request) -> bytes:
        """Fetch from where a log without documents has nothing."""
        try:
            return await self._transport.fetch(request)
        except RefusedError as error:
            if error.type in ("not-found", "method-not-allowed"):
                raise RefusedError(
                    error.type, _NO_DOCUMENTS, status=error.status
                ) from None
            raise


def _sha256_of(content: bytes | Path) -> str:
    if isinstance(content, Path):
        return sha256_file(content).hex()
    return hashlib.sha256(content).hexdigest()
