"""The log's routes, and how it is served: what was accepted is answered at the end."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from tlog.http.listener import Listener, new_app
from tlog.log.api.lookup import LookupEndpoints
from tlog.log.api.operation import OperationEndpoints
from tlog.log.api.problems import LOG_ROWS
from tlog.log.api.rekor import RekorEndpoint
from tlog.log.api.rekor_errors import rekor_answer
from tlog.log.api.submit import SubmitEndpoint
from tlog.log.api.tiles import TileEndpoints
from tlog.log.life import Log
from tlog.log.sequencer.pool import Settled, settle
from tlog.witness.door import WITNESS_ROWS, witness_answer, witness_routes

REKOR_ENTRIES: Final = "/api/v2/log/entries"

_DIALECTS: Final = {"/api/v2/log/": rekor_answer, "//api/v2/log/": rekor_answer}


def build_app(log: Log) -> web.Application:
    """Return the application that serves `log` below its prefix."""
    prefix = log.settings.prefix
    submit, lookup = SubmitEndpoint(log), LookupEndpoints(log)
    tiles, operation = TileEndpoints(log), OperationEndpoints(log)
    routes = [
        web.post(f"{prefix}/api/v1/entries", submit.post),
        web.get(f"{prefix}/api/v1/entries", lookup.entries),
        web.get(f"{prefix}/api/v1/entries/{{index}}", lookup.entry),
        web.get(f"{prefix}/api/v1/proof/inclusion", lookup.inclusion),
        web.get(f"{prefix}/api/v1/proof/consistency", lookup.consistency),
        web.get(f"{prefix}/api/v1/search", lookup.search),
        web.get(f"{prefix}/api/v1/log", operation.log),
        web.get(f"{prefix}/checkpoint", tiles.checkpoint),
        web.get(f"{prefix}/tile/{{path:.+}}", tiles.tile),
        web.get(f"{prefix}/healthz", operation.health),
        web.get(f"{prefix}/readyz", operation.readiness),
        web.get(f"{prefix}/metrics", operation.metrics),
        web.get(f"{prefix}/openapi.json", operation.openapi),
    ]
    if log.settings.sigstore:
        rekor = RekorEndpoint(log)
        routes += [
            web.post(REKOR_ENTRIES, rekor.post),
            # Clients join a URL with a slash at its end and a path by plain addition.
            web.post(f"/{REKOR_ENTRIES}", rekor.post),
            web.get("/api/v2/checkpoint", tiles.checkpoint),
            web.get("/api/v2/tile/{path:.+}", tiles.tile),
        ]
    if log.demo is not None:
        routes += witness_routes(log.demo, f"{prefix}/demo-witness")
    rows, dialects = LOG_ROWS, dict(_DIALECTS)
    if log.demo is not None:
        rows = {**LOG_ROWS, **WITNESS_ROWS}
        dialects[f"{prefix}/demo-witness/"] = witness_answer
    return new_app(routes, log.metrics, rows=rows, dialects=dialects)


async def serve(log: Log, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Serve `log` until `stop` is set or the log stops by itself; then close it.

    ready: called with the URL when the first request can be answered.
    Raises the FatalError that stopped the log, if one did.
    """
    loop = asyncio.get_running_loop()
    collector = log.collector

    def deliver(settled: Settled) -> None:
        settle(settled)
        if collector is not None:
            collector.wake()

    listener = Listener(build_app(log), log.settings.listen, log.settings.prefix)
    log.start(
        on_stop=lambda: loop.call_soon_threadsafe(stop.set),
        # One wake-up of the loop for all waiters of a batch.
        deliver=lambda settled: loop.call_soon_threadsafe(deliver, settled),
    )
    if collector is not None and log.guard.seen is None:
        collector.on_stop = stop.set
        collector.start()
    try:
        await listener.start()
        ready(listener.url)
        await stop.wait()
        if collector is not None:
            collector.end_waiting()
    finally:
        await listener.stop()
        if collector is not None:
            await collector.close()
        if log.demo is not None:
            await log.demo.close()
        await asyncio.to_thread(log.close)
    if log.failure is not None:
        raise log.failure
