"""The log's routes: which door answers which path."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from aiohttp import web

from tlog import tracing
from tlog.documents.routes import document_routes, look_after
from tlog.explorer.door import explorer_routes
from tlog.http.exchange import hot_read
from tlog.http.listener import new_app
from tlog.log.api.client import admit_document
from tlog.log.api.events import EventEndpoint
from tlog.log.api.lookup import LookupEndpoints
from tlog.log.api.operation import OperationEndpoints
from tlog.log.api.problems import LOG_ROWS
from tlog.log.api.rekor import RekorEndpoint
from tlog.log.api.rekor_errors import rekor_answer
from tlog.log.api.submit import SubmitEndpoint
from tlog.log.api.tiles import TileEndpoints
from tlog.log.api.traced import traced
from tlog.log.life import Served

REKOR_ENTRIES: Final = "/api/v2/log/entries"

_DIALECTS: Final = {"/api/v2/log/": rekor_answer, "//api/v2/log/": rekor_answer}


def build_app(log: Served, further: Sequence[web.RouteDef] = ()) -> web.Application:
    """Return the application that serves `log` below its prefix.

    further: routes that other nodes of the log ask.
    """
    settings, prefix = log.settings, log.settings.prefix
    prover = log.reading.prover
    is_closed = settings.sigstore and not settings.sigstore_native
    submit = SubmitEndpoint(log.submitting, prover, prefix, is_closed=is_closed)
    lookup = LookupEndpoints(log.reading)
    tiles = TileEndpoints(log.reading, f"{prefix}/")
    events = EventEndpoint(log.reading, log.metrics, settings.event_listeners)
    operation = OperationEndpoints(log.standing, log.metrics)
    hot = [
        submit.route(f"{prefix}/api/v1/entries"),
        hot_read(f"{prefix}/api/v1/proof/inclusion", lookup.inclusion),
        hot_read(f"{prefix}/api/v1/proof/consistency", lookup.consistency),
        hot_read(f"{prefix}/checkpoint", tiles.checkpoint),
        hot_read(f"{prefix}/tile/{{path:.+}}", tiles.tile),
    ]
    routes = [
        web.get(f"{prefix}/api/v1/entries", lookup.entries),
        web.get(f"{prefix}/api/v1/entries/{{index}}", lookup.entry),
        web.get(f"{prefix}/api/v1/search", lookup.search),
        web.get(f"{prefix}/api/v1/events", events.events),
        web.get(f"{prefix}/api/v1/log", operation.log),
        web.get(f"{prefix}/healthz", operation.health),
        web.get(f"{prefix}/readyz", operation.readiness),
        web.get(f"{prefix}/metrics", operation.metrics),
        web.get(f"{prefix}/status", operation.status),
        web.get(f"{prefix}/openapi.json", operation.openapi),
        *further,
    ]
    if settings.sigstore:
        rekor = RekorEndpoint(log.submitting, prover, log.standing, settings)
        beside = TileEndpoints(log.reading, "/api/v2/")
        hot += [
            rekor.route(REKOR_ENTRIES),
            # Clients join a URL with a slash at its end and a path by plain addition.
            rekor.route(f"/{REKOR_ENTRIES}"),
            hot_read("/api/v2/checkpoint", beside.checkpoint),
            hot_read("/api/v2/tile/{path:.+}", beside.tile),
        ]
    if tracing.is_told():
        hot = [traced(it) if it.method == "POST" else it for it in hot]
    if settings.explorer:
        routes += explorer_routes(prefix)
    if log.documents is not None:
        admit = partial(admit_document, gate=log.submitting.gate)
        routes += document_routes(
            log.documents, log.reading, admit, log.keys[0], prefix
        )
    app = new_app(routes, log.metrics, rows=LOG_ROWS, dialects=_DIALECTS, hot=hot)
    if log.documents is not None:
        look_after(app, log.documents, log.reading)
    return app
