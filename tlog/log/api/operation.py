"""What operators and their tools ask: the log's facts, health, metrics, OpenAPI."""

from importlib.resources import files

from aiohttp import web

from tlog import __version__
from tlog.entries.submission import MAX_BODY_BYTES, MAX_ENTRIES
from tlog.http.exchange import asked_of
from tlog.http.listener import metrics_response
from tlog.http.respond import json_response, query
from tlog.log.api.lookup import PAGE_ENTRIES, PAGE_HITS
from tlog.log.api.status import log_status
from tlog.log.standing import Standing
from tlog.metrics import Metrics
from tlogverify.bundles import MAX_ENTRY_BYTES


class OperationEndpoints:
    """Answers for one log."""

    def __init__(self, log: Standing, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._openapi = files("tlog.log.api").joinpath("openapi.json").read_bytes()

    async def log(self, request: web.Request) -> web.Response:
        """GET /api/v1/log."""
        query(asked_of(request), set(), set())
        log = self._log
        document: dict[str, object] = {
            "origin": log.origin,
            "verifier_keys": [key.encode() for key in log.keys],
            "size": log.heads.signed.size,
            "doors": dict(log.doors),
            "limits": {
                "entries_per_request": MAX_ENTRIES,
                "body_bytes": MAX_BODY_BYTES,
                "entry_bytes": MAX_ENTRY_BYTES,
                "entries_per_page": PAGE_ENTRIES,
                "hits_per_page": PAGE_HITS,
            },
            "version": __version__,
            "policy": log.policy,
        }
        if log.witnessing is not None:
            document["cosigned_size"] = log.witnessing.cosigned_size()
            document["witnesses"] = [
                {
                    "name": link.name,
                    "url": link.url,
                    "outcome": link.state.outcome,
                    "known_size": link.state.known_size,
                    "latency_ms": link.state.latency_ms,
                    "last_success": link.state.last_success_s,
                }
                for link in log.witnessing.links
            ]
            document["contradictions"] = _contradictions(log)
        return json_response(document)

    async def health(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return json_response({"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """GET /readyz: submissions are taken; 503 says which claim does not hold."""
        log = self._log
        await self._refresh()
        claims = {name: claim() for name, claim in log.claims.items()}
        document: dict[str, object] = {**claims}
        if log.witnessing is not None:
            claims["not_rolled_back"] = not log.guard.is_contradicted
            claims["confirmed"] = log.guard.is_confirmed
            document = {**claims, "contradictions": _contradictions(log)}
        if log.facts is not None:
            document = {**document, **log.facts()}
        return json_response(document, status=200 if all(claims.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        await self._refresh()
        return metrics_response(self._metrics)

    async def status(self, _: web.Request) -> web.Response:
        """GET /status: the log for people, in pictures."""
        await self._refresh()
        return log_status(self._log, self._metrics)

    async def _refresh(self) -> None:
        if self._log.refresh is not None:
            await self._log.refresh()

    async def openapi(self, _: web.Request) -> web.Response:
        """GET /openapi.json."""
        return web.Response(body=self._openapi, content_type="application/json")


def _contradictions(log: Standing) -> list[dict[str, object]]:
    """Return which witnesses contradict the log, and which size each of them knows."""
    return [
        {"witness": it.witness, "size": it.size, "said": it.said}
        for it in log.guard.contradictions
    ]
