"""What operators ask of a monitor: health, readiness, metrics."""

from aiohttp import web

from tlog.http.listener import metrics_response, new_app
from tlog.http.problems import SHARED_ROWS
from tlog.http.respond import json_response
from tlog.monitor.monitor import Monitor


class MonitorEndpoints:
    """Answers for one monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

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


def build_monitor_app(monitor: Monitor) -> web.Application:
    """Return the application that tells about `monitor`."""
    endpoints = MonitorEndpoints(monitor)
    routes = [
        web.get("/healthz", endpoints.health),
        web.get("/readyz", endpoints.readiness),
        web.get("/metrics", endpoints.metrics),
    ]
    return new_app(routes, monitor.metrics, rows=SHARED_ROWS)
