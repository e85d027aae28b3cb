"""HTTP: from an artifact's digest to every entry about it, each with its document.

Each entry comes with its path in the tree of the one checkpoint, and with its document,
a link to it, or what became of it.  `complete_to` says up to where these are all.
"""

import re
from collections.abc import Sequence
from typing import Final

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
        found = {it.document for it in named if it.document is not None}
        return {digest for digest in found if self._store.is_pending(digest)}

    def tell(
        self, about: Sequence[tuple[Hit, Named]], *, is_inline: bool
    ) -> list[dict[str, object]]:
        """Return what is told of entries and their documents; it blocks."""
        left = _MOST_INLINE_BYTES if is_inline else 0
        told: list[dict[str, object]] = []
        for hit, named in about:
            document: dict[str, object] | None = None
            if named.document is not None:
                document, content = self._tell_document(named.document, left)
                left -= len(content)
            told.append(
                {
                    "index": hit.index,
                    "entry": hit.entry,
                    "path": hit.path,
                    "document": document,
                }
            )
        return told

    def _tell_document(
        self, digest: bytes, left: int
    ) -> tuple[dict[str, object], bytes]:
        """Return what is told of a document, and the bytes that stand in it."""
        status, content = self._read(digest, left)
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
        return told, content or b""

    def _read(self, digest: bytes, left: int) -> tuple[Status, bytes | None]:
        status = self._store.status(digest)
        size = status.size
        if status.state != "stored" or size is None or size > min(INLINE_BYTES, left):
            return status, None
        try:
            return status, self._store.read_small(digest, INLINE_BYTES)
        except (DamagedDocumentError, GoneError, NoDocumentError):
            # It has changed, or has gone this moment: what became of it is asked anew.
            return self._store.status(digest), None


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
