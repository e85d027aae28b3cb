"""A gate's page for people: what it decided, why, how fast, what failed."""

from collections.abc import Mapping

from aiohttp import web

from tlog.http.status import Picture, bars_of, histogram_of, status_response
from tlog.metrics import Metrics

_DECISIONS = "tlog_gate_decisions_total"


def gate_status(claims: Mapping[str, bool], metrics: Metrics) -> web.Response:
    """Return the page of a gate."""
    failing = [name for name, holds in claims.items() if not holds]
    facts = {"Can decide": "no: " + ", ".join(failing) if failing else "yes"}
    troubles = ["refused", "undecided"]
    pictures = [
        Picture(
            "Decisions",
            bars_of(metrics, _DECISIONS, "environment", "outcome", bad=troubles),
        ),
        Picture("Why", bars_of(metrics, _DECISIONS, "outcome", "reason", bad=troubles)),
        Picture(
            "Time of a decision", histogram_of(metrics, "tlog_gate_decision_seconds")
        ),
        Picture(
            "Sources that did not answer",
            bars_of(metrics, "tlog_gate_source_failures_total", "source"),
        ),
        Picture(
            "Now",
            [
                *bars_of(metrics, "tlog_gate_cached"),
                *bars_of(metrics, "tlog_gate_checks"),
                *bars_of(metrics, "tlog_gate_spooled"),
            ],
        ),
    ]
    return status_response("Gate of deploys", facts, pictures)
