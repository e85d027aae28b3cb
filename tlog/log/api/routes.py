"""The log's routes: which door answers which path."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from aiohttp import web

from tlog import tracing
from tlog.documents.routes import document_places, document_routes, look_after
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

Elsewhere = Callable[[web.Request], Awaitable[web.StreamResponse]]
"""Answers what another process of this log is asked."""

_DIALECTS: Final = {"/api/v2/log/": rekor_answer, "//api/v2/log/": rekor_answer}


def build_app(
    log: Served,
    further: Sequence[web.RouteDef] = (),
    elsewhere: Elsewhere | None = None,
) -> web.Application:
    """Return the application that serves `log` below its prefix.

    further: routes that other nodes of the log ask.  elsewhere: answers for the whole
    log and its documents, if this process does not.
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
        web.get(f"{prefix}/openapi.json", operation.openapi),
        *_about_the_whole(operation, elsewhere, prefix),
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
    routes += _about_documents(log, elsewhere)
    app = new_app(routes, log.metrics, rows=LOG_ROWS, dialects=_DIALECTS, hot=hot)
    if log.documents is not None:
        look_after(app, log.documents, log.reading)
    return app


def _about_the_whole(
    operation: OperationEndpoints, elsewhere: Elsewhere | None, prefix: str
) -> list[web.RouteDef]:
    """Return the routes whose answers are of all processes of a log."""
    answers = {
        "/api/v1/log": operation.log,
        "/healthz": operation.health,
        "/readyz": operation.readiness,
        "/metrics": operation.metrics,
        "/status": operation.status,
    }
    return [web.get(f"{prefix}{it}", elsewhere or answers[it]) for it in answers]


def _about_documents(log: Served, elsewhere: Elsewhere | None) -> list[web.RouteDef]:
    """Return the routes of the store, which one process of a log has."""
    settings, prefix = log.settings, log.settings.prefix
    if log.documents is not None:
        admit = partial(admit_document, gate=log.submitting.gate)
        return document_routes(log.documents, log.reading, admit, log.keys[0], prefix)
    if elsewhere is None or settings.documents is False:
        return []
    return [_at(*place, elsewhere) for place in document_places(prefix)]


def _at(method: str, path: str, answer: Elsewhere) -> web.RouteDef:
    return web.get(path, answer) if method == "GET" else web.route(method, path, answer)
