"""HTTP for one document: PUT it where an entry names it, GET it by its digest.

A body is written to a draft and hashed while it comes, and never held as a whole.  What
is answered is read and checked piece by piece; no byte of a document leaves that does
not have its digest.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from aiohttp import hdrs, web

from tlog.documents.checked import PIECE_BYTES, OpenDocument
from tlog.documents.facts import Facts, require_environment
from tlog.documents.indexing import read_sbom
from tlog.documents.naming import Naming, named_by
from tlog.documents.opening import OpenDocuments
from tlog.documents.refusals import (
    DamagedDocumentError,
    GoneError,
    NoDocumentError,
    UnnamedError,
    WrongDigestError,
)
from tlog.documents.shelf import Draft
from tlog.documents.store import Kept
from tlog.documents.tombstones import parse_digest, show_digest
from tlog.errors import BusyError
from tlog.http.body import announced_bytes, read_pieces, require_form
from tlog.http.exchange import asked_of
from tlog.http.problems import NEVER, Problem, Rows
from tlog.http.respond import json_response, plan_reply, query, query_number
from tlogclient.sboms import is_sbom_type
from tlogverify.kinds import digest_key

DOCUMENT_ROWS: Final[Rows] = {
    NoDocumentError: Problem(404, "no-document", "No such document here"),
    GoneError: Problem(410, "gone", "The document was removed"),
    WrongDigestError: Problem(422, "wrong-digest", "The bytes have another digest"),
    UnnamedError: Problem(422, "unnamed", "No entry names the document"),
}
"""How the doors of a store tell its errors."""

_AT_ONCE: Final = 32
"""Uploads at once; each has a draft on the disk."""

_PAGE_HITS: Final = 100
_MOST_PAGES: Final = 10

# A redacted document may stay in caches for that long.
_CACHED: Final = "public, max-age=3600, immutable"
_STATUS: Final[Mapping[Kept, int]] = {"new": 201, "known": 200, "pending": 202}
_STATE: Final[Mapping[Kept, str]] = {
    "new": "stored",
    "known": "stored",
    "pending": "pending",
}


class DocumentEndpoints:
    """Takes and serves the documents of one store.

    authorize: raises unless a request may store a document.
    """

    def __init__(
        self,
        documents: OpenDocuments,
        naming: Naming,
        authorize: Callable[[web.Request], object],
    ) -> None:
        self._store = documents.store
        self._settings = documents.settings
        self._metrics = documents.metrics
        self._threads = documents.threads
        self._clock = documents.clock
        self._follows = documents.follows
        self._naming = naming
        self._authorize = authorize
        self._uploads = 0

    async def put(self, request: web.Request) -> web.Response:
        """PUT /api/v1/documents/{digest}."""
        digest = _digest_of(request)
        parameters = query(asked_of(request), set(), {"entry", "environment"})
        environments = tuple(
            require_environment(it)
            for name, it in parameters.items()
            if name == "environment"
        )
        self._authorize(request)
        require_form(asked_of(request), "a document")
        announced = announced_bytes(
            request.content_length, self._settings.document_bytes
        )
        named = await self._entry_that_names(digest, parameters)
        if named is None and not self._settings.document_pending_bytes:
            raise UnnamedError("this log takes a document after its entry: ?entry=")
        if self._uploads >= _AT_ONCE:
            raise BusyError(f"{_AT_ONCE} documents are being stored")
        self._uploads += 1
        entries = () if named is None else (named,)
        facts = Facts(self._clock.now_s(), 0, entries, environments)
        try:
            kept, size = await self._receive(request, digest, announced or 0, facts)
        except GoneError as error:
            return gone_response(error)
        finally:
            self._uploads -= 1
        if kept != "known":
            self._metrics.received_bytes.inc(size)
        if kept == "new" and named is not None and is_sbom_type(named[1]):
            await self._threads.run(
                read_sbom, self._store, digest, self._settings.document_index_bytes
            )
        document = {
            "digest": show_digest(digest),
            "state": _STATE[kept],
            "size": size,
            "entry": None if named is None else named[0],
        }
        return json_response(document, status=_STATUS[kept])

    async def get(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/documents/{digest}."""
        digest = _digest_of(request)
        query(asked_of(request), set(), set())
        with self._metrics.seconds.labels("get").time():
            try:
                document = await self._open(digest)
            except GoneError as error:
                return gone_response(error)
        with document:
            try:
                return await self._send(request, document)
            except DamagedDocumentError:
                if request.transport is None or request.transport.is_closing():
                    raise
        # Nothing was sent so far: another tier may have it as it was.
        with await self._open(digest) as document:
            return await self._send(request, document)

    async def _receive(
        self, request: web.Request, digest: bytes, announced: int, facts: Facts
    ) -> tuple[Kept, int]:
        limit = self._settings.document_bytes
        with await self._threads.run(self._store.begin, announced) as draft:
            async for piece in read_pieces(request, limit, PIECE_BYTES):
                await self._threads.run(draft.write, piece)
            if draft.digest != digest:
                raise WrongDigestError(f"the bytes are {show_digest(draft.digest)}")
            known = replace(facts, size=draft.size)
            with self._metrics.seconds.labels("put").time():
                return await self._threads.run(self._keep, draft, known), draft.size

    def _keep(self, draft: Draft, facts: Facts) -> Kept:
        if facts.named:
            return self._store.keep(draft, facts)
        most_bytes = self._settings.document_pending_bytes
        return self._store.keep_pending(draft, facts, most_bytes)

    async def _entry_that_names(
        self, digest: bytes, parameters: Mapping[str, str]
    ) -> tuple[int, str] | None:
        """Return index and predicate type of an entry that names the document.

        None if this node knows no such entry so far.  Raises UnnamedError if
        the entry that a request states is another one.
        """
        if "entry" not in parameters:
            return await find_naming_entry(self._naming, digest)
        index = query_number(dict(parameters), "entry", 0)
        entry = await self._naming.committed(index)
        if entry is None and self._follows:
            # Another node may have committed it: the document waits until it is here.
            if not self._settings.document_pending_bytes:
                raise BusyError(
                    "this node does not have the entry yet", retry_after_s=1
                )
            return None
        if entry is None or (named := named_by(entry)).document != digest:
            raise UnnamedError(f"entry {index} does not name {show_digest(digest)}")
        return index, named.predicate_type or ""

    async def _open(self, digest: bytes) -> OpenDocument:
        try:
            return await self._threads.run(self._store.open, digest)
        except NoDocumentError:
            if not await self._threads.run(self._store.is_pending, digest):
                raise
        named = await find_naming_entry(self._naming, digest)
        if named is None:
            raise NoDocumentError("no entry names this document so far")
        await self._threads.run(self._store.promote, digest, named)
        return await self._threads.run(self._store.open, digest)

    async def _send(
        self, request: web.Request, document: OpenDocument
    ) -> web.StreamResponse:
        headers: dict[str, str] = {
            hdrs.CACHE_CONTROL: _CACHED,
            hdrs.CONTENT_TYPE: "application/octet-stream",
            hdrs.CONTENT_DISPOSITION: (
                f'attachment; filename="{document.digest.hex()}"'
            ),
            hdrs.X_CONTENT_TYPE_OPTIONS: "nosniff",
        }
        etag = f'"{document.digest.hex()}"'
        reply = plan_reply(asked_of(request), etag, document.size, headers)
        if reply.status not in (200, 206):
            return web.Response(status=reply.status, headers=reply.headers)
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = reply.end - reply.start
        if request.method == hdrs.METH_HEAD:
            await response.prepare(request)
            return response
        await self._stream(request, response, document, range(reply.start, reply.end))
        return response

    async def _stream(
        self,
        request: web.Request,
        response: web.StreamResponse,
        document: OpenDocument,
        span: range,
    ) -> None:
        """Send the bytes of a span; where they have changed, the connection is cut."""
        for number in range(span.start // PIECE_BYTES, -(-span.stop // PIECE_BYTES)):
            at = number * PIECE_BYTES
            try:
                piece = await self._threads.run(document.read, number)
            except (DamagedDocumentError, OSError):
                try:
                    await self._threads.run(self._store.verify_all, document.digest)
                finally:
                    if response.prepared and request.transport is not None:
                        # Its length was told: cut short, nobody takes it for whole.
                        request.transport.abort()
                raise
            piece = piece[max(span.start - at, 0) : span.stop - at]
            if not response.prepared:
                await response.prepare(request)
            await response.write(piece)
            self._metrics.sent_bytes.inc(len(piece))
        if not response.prepared:
            await response.prepare(request)
        await response.write_eof()


def gone_response(error: GoneError) -> web.Response:
    """Return a problem document that is the tombstone too."""
    problem = DOCUMENT_ROWS[GoneError]
    document: dict[str, object] = {
        "type": problem.token,
        "title": problem.title,
        "status": problem.status,
        "detail": str(error),
        **error.tombstone.members(),
    }
    response = json_response(document, status=problem.status)
    response.content_type = "application/problem+json"
    response.headers[hdrs.CACHE_CONTROL] = NEVER
    return response


async def find_naming_entry(naming: Naming, digest: bytes) -> tuple[int, str] | None:
    """Return index and predicate type of the first entry that names a document.

    An entry that names the digest for another purpose is passed over, 1,000 at most.
    """
    start: int | None = 0
    for _ in range(_MOST_PAGES):
        if start is None:
            break
        page = await naming.find_named(digest_key(digest), start, _PAGE_HITS)
        for hit in page.hits:
            named = named_by(hit.entry)
            if named.document == digest:
                return hit.index, named.predicate_type or ""
        start = page.next
    return None


def _digest_of(request: web.Request) -> bytes:
    return parse_digest(request.match_info["digest"])
