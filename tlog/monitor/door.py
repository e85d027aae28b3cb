"""What is asked of a monitor: health, readiness, metrics, what names an artifact."""

from aiohttp import web

from tlog.http.exchange import asked_of
from tlog.http.listener import metrics_response, new_app
from tlog.http.problems import SHARED_ROWS
from tlog.http.respond import json_response, query, query_number
from tlog.http.status import Picture, bars_of, status_response
from tlog.monitor.answering import Answering
from tlog.monitor.metrics import TAMPERING
from tlog.monitor.monitor import Monitor
from tlogclient.findings import parse_digest


class MonitorEndpoints:
    """Answers for one monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._answering = Answering()

    async def health(self, _: web.Request) -> web.Response:
        """GET /healthz: the process answers."""
        return json_response({"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        """GET /readyz: a head is verified; 503 says which claim does not hold."""
        claims = {
            "head_verified": self._monitor.has_verified,
            "no_alarm_stands": not self._monitor.conditions(),
        }
        return json_response(claims, status=200 if all(claims.values()) else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """GET /metrics."""
        return metrics_response(self._monitor.metrics)

    async def status(self, _: web.Request) -> web.Response:
        """GET /status: the monitor for people, in pictures."""
        monitor, metrics = self._monitor, self._monitor.metrics
        conditions = monitor.conditions()
        facts = {
            "A head is verified": "yes" if monitor.has_verified else "no",
            "Alarms that stand": ", ".join(conditions) or "none",
        }
        pictures = [
            Picture(
                "Entries",
                [
                    *bars_of(metrics, "tlog_monitor_verified_size"),
                    *bars_of(metrics, "tlog_monitor_entries_behind"),
                ],
            ),
            Picture(
                "Alarms raised",
                bars_of(metrics, "tlog_monitor_alarms_total", "kind", bad=TAMPERING),
            ),
            Picture(
                "Things found changed",
                bars_of(metrics, "tlog_tamper_detections_total", "kind", bad=TAMPERING),
            ),
        ]
        return status_response("Monitor of a log", facts, pictures)

    async def attestations(self, request: web.Request) -> web.Response:
        """GET /attestations/{digest}: all entries about an artifact, each proven."""
        parameters = query(asked_of(request), set(), {"start"})
        start = query_number(parameters, "start", 0)
        artifact = parse_digest(request.match_info["digest"])
        entries = self._monitor.verified()
        return json_response(
            await self._answering.attestations(entries, artifact, start)
        )


def build_monitor_app(monitor: Monitor) -> web.Application:
    """Return the application that tells about `monitor`."""
    endpoints = MonitorEndpoints(monitor)
    routes = [
        web.get("/healthz", endpoints.health),
        web.get("/readyz", endpoints.readiness),
        web.get("/metrics", endpoints.metrics),
        web.get("/status", endpoints.status),
        web.get("/attestations/{digest}", endpoints.attestations),
    ]
    return new_app(routes, monitor.metrics, rows=SHARED_ROWS)
