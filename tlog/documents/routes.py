"""Which door answers which path of a store."""

from collections.abc import Callable

from aiohttp import web

from tlog.documents.attestations import AttestationEndpoints
from tlog.documents.door import DocumentEndpoints
from tlog.documents.naming import Naming
from tlog.documents.opening import OpenDocuments
from tlog.documents.upkeep import Upkeep


def document_routes(
    documents: OpenDocuments,
    naming: Naming,
    authorize: Callable[[web.Request], object],
    prefix: str,
) -> list[web.RouteDef]:
    """Return the routes of a store, below a prefix.

    authorize: raises unless a request may store a document.
    """
    store, settings, metrics = documents.store, documents.settings, documents.metrics
    clock = documents.clock
    door = DocumentEndpoints(store, settings, metrics, naming, authorize, clock)
    attestations = AttestationEndpoints(store, metrics, naming, prefix)
    return [
        web.put(f"{prefix}/api/v1/documents/{{digest}}", door.put),
        web.get(f"{prefix}/api/v1/documents/{{digest}}", door.get),
        web.get(f"{prefix}/api/v1/attestations/{{digest}}", attestations.get),
    ]


def look_after(app: web.Application, documents: OpenDocuments, naming: Naming) -> None:
    """Look after a store as long as an application runs."""
    store, settings, metrics = documents.store, documents.settings, documents.metrics
    upkeep = Upkeep(store, settings, metrics, naming, documents.clock)
    app.cleanup_ctx.append(upkeep.run)
