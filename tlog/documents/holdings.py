"""HTTP: from a package to the artifacts whose stored SBOMs hold it.

Each hit is an entry that names an SBOM, with its path in the tree of the one
checkpoint and what became of the document.  The index is this store's word: `unread`
says how many of its SBOMs it knows nothing of.
"""

from itertools import islice
from typing import Final

from aiohttp import web

from tlog.documents.attestations import AttestationEndpoints
from tlog.documents.components import Holding
from tlog.documents.naming import Hit, Named, Naming, named_by
from tlog.documents.opening import OpenDocuments
from tlog.errors import BusyError
from tlog.http.exchange import asked_of
from tlog.http.respond import json_response, query, query_number
from tlogclient.purls import Purl, parse_question
from tlogclient.sboms import is_sbom_type

PAGE_HOLDINGS: Final = 100

_RETRY_S: Final = 30


class HoldingEndpoints:
    """Answers which artifacts hold a package; attestations: tell of their documents."""

    def __init__(
        self,
        documents: OpenDocuments,
        naming: Naming,
        attestations: AttestationEndpoints,
    ) -> None:
        self._store = documents.store
        self._metrics = documents.metrics
        self._threads = documents.threads
        self._naming = naming
        self._attestations = attestations

    async def get(self, request: web.Request) -> web.Response:
        """GET /api/v1/components."""
        parameters = query(asked_of(request), {"purl"}, {"start"})
        question = parse_question(parameters["purl"])
        start = query_number(parameters, "start", 0)
        with self._metrics.seconds.labels("components").time():
            found, unread = await self._threads.run(self._find, question, start)
            page = await self._naming.find_at([*found][:PAGE_HOLDINGS])
            about = [
                (hit, named)
                for hit in page.hits
                if _is_about(named := named_by(hit.entry), hit, found)
            ]
            told = await self._threads.run(
                self._attestations.tell, about, is_inline=False
            )
        document = {
            "checkpoint": page.note.decode(),
            "unread": unread,
            "hits": told,
            "next": next(islice(found, PAGE_HOLDINGS, None), None),
        }
        return json_response(document)

    def _find(
        self, question: Purl, start: int
    ) -> tuple[dict[int, tuple[bytes, frozenset[bytes]]], int]:
        """Return documents and their artifacts by entry; one more than a page has."""
        index = self._store.components
        if not index.is_listed:
            raise BusyError(
                "the components of stored SBOMs are being listed",
                retry_after_s=_RETRY_S,
            )
        self._store.catch_up()
        found = self._present(index.find(question, start, PAGE_HOLDINGS + 1))
        return {it.entry: (it.document, it.artifacts) for it in found}, index.unread()

    def _present(self, found: list[Holding]) -> list[Holding]:
        """Return those that are not removed; another node may have been told to."""
        stones = self._store.many(self._store.tombstone, [it.document for it in found])
        present: list[Holding] = []
        for it, stone in zip(found, stones, strict=True):
            if stone is None:
                present.append(it)
            else:
                self._store.components.forget(it.document)
        return present


def _is_about(
    named: Named, hit: Hit, found: dict[int, tuple[bytes, frozenset[bytes]]]
) -> bool:
    """Whether the entry names this document as an SBOM of one of its own subjects."""
    document, artifacts = found[hit.index]
    is_of_these = not artifacts or not artifacts.isdisjoint(named.subjects)
    return (
        named.document == document
        and is_sbom_type(named.predicate_type)
        and is_of_these
    )
