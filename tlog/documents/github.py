"""HTTP in GitHub's shape: the Sigstore bundles about an artifact, for its clients.

A stored document that is a bundle is answered as it is.  A stored DSSE envelope is made
one, if the log has the entry that Sigstore's clients make of it: with that entry and
its path in this log's tree.  Owners and repositories are passed over, since a log knows
none.  Where nothing is found the answer is 404.

Source: GitHub's REST API, "artifact attestations".
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from tlog.documents.attestations import artifact_of, predicate_type_of
from tlog.documents.naming import Naming, named_by
from tlog.documents.opening import OpenDocuments
from tlog.documents.refusals import (
    DamagedDocumentError,
    GoneError,
    NoDocumentError,
)
from tlog.http.body import read_body, require_form
from tlog.http.exchange import asked_of
from tlog.http.respond import json_response, query, query_number
from tlogverify.attestation.dsse import Envelope, pae
from tlogverify.errors import FormatError
from tlogverify.hashing import to_hash
from tlogverify.keys import VerifierKey
from tlogverify.kinds import digest_key, parse_entry
from tlogverify.proof import Proof
from tlogverify.rekor import RekorEntry
from tlogverify.sigstore.bundle import Bundle
from tlogverify.sigstore.entries import LogEntry

MAX_PER_PAGE: Final = 100
MAX_SUBJECTS: Final = 100
"""Of one request of many artifacts."""

_PER_PAGE: Final = 30
_MAX_BODY_BYTES: Final = 64 << 10
_MAX_BUNDLE_BYTES: Final = 4 << 20
_MAX_PAGE_BYTES: Final = 8 << 20
_SOUGHT_HITS: Final = 20
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?|\[[0-9A-Fa-f:.]+\](?::[0-9]+)?")


class Found(NamedTuple):
    """Bundles about one artifact, in JSON; next: the index to go on from, or None."""

    bundles: list[bytes]
    next: int | None


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a request of many artifacts."""

    subject_digests: list[str]
    predicate_type: str | None = None


class GitHubEndpoints:
    """Answers for one store; key: the log's, which its entries are named by."""

    def __init__(
        self, documents: OpenDocuments, naming: Naming, key: VerifierKey
    ) -> None:
        self._store = documents.store
        self._metrics = documents.metrics
        self._threads = documents.threads
        self._naming = naming
        self._key = key

    async def get(self, request: web.Request) -> web.Response:
        """GET …/attestations/{digest}: one artifact."""
        artifact = artifact_of(request.match_info["digest"])
        parameters = query(
            asked_of(request), set(), {"per_page", "after", "predicate_type"}
        )
        most = query_number(parameters, "per_page", _PER_PAGE)
        if not 0 < most <= MAX_PER_PAGE:
            raise FormatError(f"per_page is 1 to {MAX_PER_PAGE}", most)
        wanted = predicate_type_of(parameters)
        after = query_number(parameters, "after", 0)
        with self._metrics.seconds.labels("attestations").time():
            found = await self._find(artifact, wanted, after, most)
        if not found.bundles:
            raise NoDocumentError("no bundle about this artifact is kept here")
        response = json_response({"attestations": _told(found)})
        if found.next is not None:
            url = request.rel_url.update_query(after=str(found.next))
            link = f'<{_server_of(request)}{url}>; rel="next"'
            response.headers[hdrs.LINK] = link
        return response

    async def bulk(self, request: web.Request) -> web.Response:
        """POST …/attestations/bulk-list: many artifacts, the first page of each."""
        asked = asked_of(request)
        query(asked, set(), set())
        require_form(asked, "application/json", {"application/json"})
        question = _parse(await read_body(request, _MAX_BODY_BYTES))
        told: dict[str, object] = {}
        for text in question.subject_digests:
            artifact = artifact_of(text)
            found = await self._find(artifact, question.predicate_type, 0, _PER_PAGE)
            told[text] = _told(found) or None
        page = {"has_next": False, "has_previous": False, "next": "", "previous": ""}
        return json_response({"attestations_subject_digests": told, "page_info": page})

    async def _find(
        self, artifact: bytes, wanted: str | None, start: int, most: int
    ) -> Found:
        """Return up to `most` bundles, and no more bytes than a page has."""
        bundles: list[bytes] = []
        left = _MAX_PAGE_BYTES
        page = await self._naming.find_named(digest_key(artifact), start, MAX_PER_PAGE)
        for hit in page.hits:
            if len(bundles) == most or left <= 0:
                return Found(bundles, hit.index)
            named = named_by(hit.entry)
            is_about = artifact in named.subjects
            if named.document is None or not is_about:
                continue
            if wanted not in (None, named.predicate_type):
                continue
            bundle = await self._bundle(named.document)
            if bundle is not None:
                bundles.append(bundle)
                left -= len(bundle)
        return Found(bundles, page.next)

    async def _bundle(self, document: bytes) -> bytes | None:
        """Return what a stored document is as a bundle; None if it is none."""
        content = await self._threads.run(self._read, document)
        if content is None:
            return None
        try:
            # The exact bytes: what others signed is not written anew.
            await self._threads.run(Bundle.parse, content)
        except FormatError:
            return await self._made_of(content)
        return content

    async def _made_of(self, content: bytes) -> bytes | None:
        try:
            envelope = Envelope.parse(content)
        except FormatError:
            return None
        digest = hashlib.sha256(pae(envelope.payload_type, envelope.payload)).digest()
        page = await self._naming.find_named(digest_key(digest), 0, _SOUGHT_HITS)
        for hit in page.hits:
            entry = parse_entry(hit.entry)
            if isinstance(entry, RekorEntry) and entry.digest == digest:
                path = tuple(map(to_hash, hit.path))
                proof = Proof(hit.index, path, page.note, hit.entry)
                bundle = _assemble(envelope, entry, LogEntry.of_proof(proof, self._key))
                if bundle is not None:
                    return bundle
        return None

    def _read(self, document: bytes) -> bytes | None:
        try:
            with self._store.open(document) as found:
                return found.read_whole(_MAX_BUNDLE_BYTES)
        except (DamagedDocumentError, GoneError, NoDocumentError):
            # What became of it is told by its own path.
            return None


def _assemble(envelope: Envelope, entry: RekorEntry, logged: LogEntry) -> bytes | None:
    """Return a bundle of the envelope's signature that the entry holds."""
    (signature,) = entry.signatures
    signed = [it for it in envelope.signatures if it.sig == signature.content]
    if not signed:
        return None
    content = Envelope(envelope.payload_type, envelope.payload, tuple(signed[:1]))
    if signature.is_certificate:
        bundle = Bundle(content, certificates=(signature.der,), entries=(logged,))
    else:
        bundle = Bundle(content, hint=signed[0].keyid, entries=(logged,))
    return bundle.encode()


def _server_of(request: web.Request) -> str:
    """Return the scheme and host that a client has asked; "" if it has named no host.

    GitHub's own client sets the next page's path behind its server's root, and doubles
    the slash: it follows whole URLs alone.  The client deceives only itself with a
    false header: the answer is kept by no cache.
    """
    host = request.headers.get(hdrs.HOST, "")
    if _HOST.fullmatch(host) is None:
        return ""
    is_https = request.headers.get(hdrs.X_FORWARDED_PROTO) == "https"
    return f"{'https' if is_https else request.scheme}://{host}"


def _told(found: Found) -> list[Mapping[str, object]]:
    # GitHub's own client looks at those alone that a user has initiated.
    said = {"bundle_url": None, "repository_id": 0, "initiator": "user"}
    return [{"bundle": msgspec.Raw(it.strip()), **said} for it in found.bundles]


def _parse(body: bytes) -> _Question:
    try:
        question = msgspec.json.decode(body, type=_Question)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        rule = "the body has subject_digests, and perhaps predicate_type"
        raise FormatError(rule) from None
    if not 0 < len(question.subject_digests) <= MAX_SUBJECTS:
        raise FormatError(
            f"subject_digests are 1 to {MAX_SUBJECTS}", len(question.subject_digests)
        )
    return question
