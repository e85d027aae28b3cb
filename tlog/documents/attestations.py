"""HTTP: from an artifact's digest to every entry about it, each with its document.

Each entry comes with its path in the tree of the one checkpoint, and with its document,
a link to it, or what became of it.  `complete_to` says up to where these are all.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from aiohttp import web

from tlog.documents.door import find_naming_entry
from tlog.documents.naming import Hit, Named, Naming, named_by
from tlog.documents.opening import OpenDocuments
from tlog.documents.refusals import (
    DamagedDocumentError,
    GoneError,
    NoDocumentError,
)
from tlog.documents.store import Status
from tlog.documents.tombstones import show_digest
from tlog.http.exchange import asked_of
from tlog.http.respond import json_response, query, query_number
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES
from tlogverify.kinds import digest_key

PAGE_ATTESTATIONS: Final = 100
INLINE_BYTES: Final = 64 << 10
"""The most bytes of a document that stands in the answer itself."""

_MOST_INLINE_BYTES: Final = 2 << 20
_HEX: Final = re.compile(r"[0-9a-f]*")
_MAX_TYPE_CHARS: Final = 256

_Told = TypeVar("_Told")


class AttestationEndpoints:
    """Answers what is said of an artifact; prefix: of the URLs of documents."""

    def __init__(self, documents: OpenDocuments, naming: Naming, prefix: str) -> None:
        self._store = documents.store
        self._metrics = documents.metrics
        self._threads = documents.threads
        self._naming = naming
        self._documents_url = f"{prefix}/api/v1/documents/"

    async def get(self, request: web.Request) -> web.Response:
        """GET /api/v1/attestations/{digest}."""
        artifact = artifact_of(request.match_info["digest"])
        parameters = query(
            asked_of(request), set(), {"predicate_type", "start", "documents"}
        )
        start = query_number(parameters, "start", 0)
        wanted = predicate_type_of(parameters)
        is_inline = _is_inline(parameters)
        with self._metrics.seconds.labels("attestations").time():
            page = await self._naming.find_named(
                digest_key(artifact), start, PAGE_ATTESTATIONS
            )
            about = [
                (hit, named)
                for hit in page.hits
                if artifact in (named := named_by(hit.entry)).subjects
                and wanted in (None, named.predicate_type)
            ]
            await self._promote([named for _, named in about])
            told = await self._threads.run(self.tell, about, is_inline=is_inline)
        document = {
            "checkpoint": page.note.decode(),
            "complete_to": page.complete_to,
            "attestations": told,
            "next": page.next,
        }
        return json_response(document)

    async def _promote(self, named: Sequence[Named]) -> None:
        """Store what waited for the entries that were found."""
        waiting = await self._threads.run(self._waiting, named)
        for digest in waiting:
            if (by := await find_naming_entry(self._naming, digest)) is not None:
                await self._threads.run(self._store.promote, digest, by)

    def _waiting(self, named: Sequence[Named]) -> set[bytes]:
        found = [*{it.document for it in named if it.document is not None}]
        waiting = self._store.many(self._store.is_pending, found)
        return {digest for digest, it in zip(found, waiting, strict=True) if it}

    def tell(
        self, about: Sequence[tuple[Hit, Named]], *, is_inline: bool
    ) -> list[dict[str, object]]:
        """Return what is told of entries and their documents; it blocks."""
        digests = [named.document for _, named in about]
        found = self._ask(self._store.status, digests)
        inline = _inline_of(digests, found) if is_inline else set[int]()
        read = self._ask(self._read, [digests[it] for it in sorted(inline)])
        told: list[dict[str, object]] = []
        for position, (hit, named) in enumerate(about):
            document: dict[str, object] | None = None
            if named.document is not None:
                status, content = found[named.document], None
                if position in inline:
                    status, content = read[named.document]
                document = self._tell_document(named.document, status, content)
            told.append(
                {
                    "index": hit.index,
                    "entry": hit.entry,
                    "path": hit.path,
                    "document": document,
                }
            )
        return told

    def _ask(
        self, ask: Callable[[bytes], _Told], digests: Sequence[bytes | None]
    ) -> dict[bytes, _Told]:
        """Ask the store for each document once."""
        asked = [*dict.fromkeys(it for it in digests if it is not None)]
        return dict(zip(asked, self._store.many(ask, asked), strict=True))

    def _tell_document(
        self, digest: bytes, status: Status, content: bytes | None
    ) -> dict[str, object]:
        """Return what is told of a document; content: what stands in it."""
        told: dict[str, object] = {
            "digest": show_digest(digest),
            "disposition": status.state,
        }
        if status.state == "stored":
            told["size"] = status.size
            told["url"] = f"{self._documents_url}{show_digest(digest)}"
        if content is not None:
            told["content"] = content
        if status.tombstone is not None:
            told["tombstone"] = status.tombstone.members()
        return told

    def _read(self, digest: bytes) -> tuple[Status, bytes | None]:
        try:
            with self._store.open(digest) as document:
                if document.size <= INLINE_BYTES:
                    return Status("stored", document.size), document.read(0)
        except (DamagedDocumentError, GoneError, NoDocumentError):
            # It has changed, or has gone this moment: what became of it is asked anew.
            pass
        return self._store.status(digest), None


def _inline_of(
    digests: Sequence[bytes | None], found: Mapping[bytes, Status]
) -> set[int]:
    """Return the places of the documents that stand in the answer, as room is left."""
    left, inline = _MOST_INLINE_BYTES, set[int]()
    for place, digest in enumerate(digests):
        size = None if digest is None else found[digest].size
        if size is not None and size <= min(INLINE_BYTES, left):
            inline.add(place)
            left -= size
    return inline


def artifact_of(text: str) -> bytes:
    """Return the digest of an artifact as a path spells it; raises FormatError."""
    algorithm, _, digits = text.partition(":")
    size = DIGEST_BYTES.get(algorithm, 0)
    if not size or len(digits) != 2 * size or _HEX.fullmatch(digits) is None:
        raise FormatError("an artifact is sha256:, sha384: or sha512: and hex", text)
    return bytes.fromhex(digits)


def predicate_type_of(parameters: dict[str, str]) -> str | None:
    """Return the type that is asked for; FormatError if it can be none."""
    wanted = parameters.get("predicate_type")
    if wanted is not None and not 0 < len(wanted) <= _MAX_TYPE_CHARS:
        raise FormatError(f"predicate_type has 1 to {_MAX_TYPE_CHARS} characters")
    return wanted


def _is_inline(parameters: dict[str, str]) -> bool:
    documents = parameters.get("documents", "inline")
    if documents not in {"inline", "link"}:
        raise FormatError("documents is inline or link", documents)
    return documents == "inline"
