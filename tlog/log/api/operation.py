"""What operators and their tools ask: the log's facts, health, metrics, OpenAPI."""

from importlib.resources import files

from aiohttp import web

from tlog import __version__
from tlog.entries.submission import MAX_BODY_BYTES, MAX_ENTRIES
from tlog.http.listener import metrics_response
from tlog.http.respond import json_response
from tlog.log.api.lookup import PAGE_ENTRIES, PAGE_HITS
from tlog.log.life import Log
from tlogverify.bundles import MAX_ENTRY_BYTES


class OperationEndpoints:
    """Answers for one log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._openapi = files("tlog.log.api").joinpath("openapi.json").read_bytes()

    async def log(self, _: web.Request) -> web.Response:
        """GET /api/v1/log."""
        signer = self._log.signer
        document: dict[str, object] = {
            "origin": signer.origin,
            "verifier_keys": [key.encode() for key in signer.verifiers],
            "size": self._log.snapshot.size,
            "limits": {
                "entries_per_request": MAX_ENTRIES,
                "body_bytes": MAX_BODY_BYTES,
                "entry_bytes": MAX_ENTRY_BYTES,
                "entries_per_page": PAGE_ENTRIES,
                "hits_per_page": PAGE_HITS,
            },
            "version": __version__,
            "policy": self._log.policy,
        }
        if self._log.collector is not None:
            document["cosigned_size"] = self._log.collector.cosigned_size
            document["witnesses"] = [
                {
                    "name": link.name,
                    "url": link.url,
                    "outcome": link.state.outcome,
                    "known_size": link.state.known_size,
                    "latency_ms": link.state.latency_ms,
                    "last_success": link.state.last_success_s,
                }
                for link in self._log.collector.links
            ]
        return json_response(document)

    async def health(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return json_response({"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """GET /readyz: submissions are taken; 503 says which claim does not hold."""
        log = self._log
        claims = {
            "lock_held": log.folder.is_locked,
            "journal_writable": log.failure is None and log.journal.has_room,
            "head_signed": bool(log.publisher.published_note),
            "queue_not_full": not log.pool.is_full,
        }
        if log.collector is not None:
            claims["not_rolled_back"] = log.guard.seen is None
        return json_response(claims, status=200 if all(claims.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return metrics_response(self._log.metrics)

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return web.Response(body=self._openapi, content_type="application/json")
