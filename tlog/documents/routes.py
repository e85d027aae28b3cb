"""Which door answers which path of a store."""

from collections.abc import Callable

from aiohttp import web

from tlog.documents.attestations import AttestationEndpoints
from tlog.documents.door import DocumentEndpoints
from tlog.documents.github import GitHubEndpoints
from tlog.documents.holdings import HoldingEndpoints
from tlog.documents.naming import Naming
from tlog.documents.opening import OpenDocuments
from tlog.documents.upkeep import Upkeep
from tlogverify.keys import VerifierKey


def document_places(prefix: str) -> list[tuple[str, str]]:
    """Return method and path of each route of `document_routes`."""
    owners = (f"{prefix}/orgs/{{owner}}", f"{prefix}/users/{{owner}}")
    return [
        ("GET", f"{prefix}/api/v1/components"),
        ("PUT", f"{prefix}/api/v1/documents/{{digest}}"),
        ("GET", f"{prefix}/api/v1/documents/{{digest}}"),
        ("GET", f"{prefix}/api/v1/attestations/{{digest}}"),
        *(("POST", f"{it}/attestations/bulk-list") for it in owners),
        *(
            ("GET", f"{it}/attestations/{{digest}}")
            for it in (f"{prefix}/repos/{{owner}}/{{repo}}", *owners)
        ),
    ]


def document_routes(
    documents: OpenDocuments,
    naming: Naming,
    authorize: Callable[[web.Request], object],
    key: VerifierKey,
    prefix: str,
) -> list[web.RouteDef]:
    """Return the routes of a store, below a prefix.

    authorize: raises unless a request may store a document.  key: the log's.
    """
    door = DocumentEndpoints(documents, naming, authorize)
    attestations = AttestationEndpoints(documents, naming, prefix)
    github = GitHubEndpoints(documents, naming, key)
    places = ("/repos/{owner}/{repo}", "/orgs/{owner}", "/users/{owner}")
    holdings = HoldingEndpoints(documents, naming, attestations)
    return [
        web.get(f"{prefix}/api/v1/components", holdings.get),
        web.put(f"{prefix}/api/v1/documents/{{digest}}", door.put),
        web.get(f"{prefix}/api/v1/documents/{{digest}}", door.get),
        web.get(f"{prefix}/api/v1/attestations/{{digest}}", attestations.get),
        *(
            web.post(f"{prefix}{it}/attestations/bulk-list", github.bulk)
            for it in places[1:]
        ),
        *(
            web.get(f"{prefix}{it}/attestations/{{digest}}", github.get)
            for it in places
        ),
    ]


def look_after(app: web.Application, documents: OpenDocuments, naming: Naming) -> None:
    """Look after a store as long as an application runs."""
    app.cleanup_ctx.append(Upkeep(documents, naming).run)
