"""A log's page for people: its heads, its witnesses, what it took, how it grows."""

from aiohttp import web

from tlog.http.status import Bar, Picture, bars_of, histogram_of, status_response
from tlog.log.standing import Standing
from tlog.metrics import Metrics


def log_status(log: Standing, metrics: Metrics) -> web.Response:
    """Return the page of a log."""
    failing = [name for name, holds in log.claims.items() if not holds()]
    if log.guard.is_contradicted:
        failing.append("not_rolled_back")
    facts = {
        "Origin": log.origin,
        "Takes entries": "no: " + ", ".join(failing) if failing else "yes",
        "Verifier keys": " ".join(key.encode() for key in log.keys),
    }
    pictures = [
        Picture("Heads, in entries", _heads(log, metrics)),
        *_witnesses(log),
        Picture(
            "Entries that name who signed",
            bars_of(metrics, "tlog_entries_total", "signed", bad=["no"]),
        ),
        Picture(
            "Bytes of the folder",
            bars_of(metrics, "tlog_folder_bytes", "part"),
            "Looked at each five minutes.",
        ),
        Picture("Time of a commit", histogram_of(metrics, "tlog_commit_seconds")),
        Picture(
            "Time of a question about documents",
            histogram_of(metrics, "tlog_document_seconds"),
        ),
        Picture(
            "Refused submissions",
            bars_of(metrics, "tlog_refused_entries_total", "reason"),
        ),
        Picture(
            "Things found changed",
            [
                it._replace(is_bad=True)
                for it in bars_of(metrics, "tlog_tamper_detections_total", "kind")
            ],
        ),
    ]
    return status_response(f"Log {log.origin}", facts, pictures)


def _heads(log: Standing, metrics: Metrics) -> list[Bar]:
    signed = log.heads.signed.size
    behind = {
        "public": "tlog_publish_lag_entries",
        "searchable": "tlog_index_lag_entries",
    }
    bars = [Bar("signed", signed)]
    if log.witnessing is not None:
        bars.append(Bar("cosigned", log.witnessing.cosigned_size()))
    for label, name in behind.items():
        ((_, lag),) = metrics.samples(name)
        bars.append(Bar(label, signed - lag))
    return bars


def _witnesses(log: Standing) -> list[Picture]:
    """Return what each witness has cosigned last; nothing for a log without any."""
    if log.witnessing is None:
        return []
    bars = [
        Bar(
            f"{link.name}: {link.state.outcome}",
            link.state.known_size or 0,
            is_bad=link.state.outcome not in {"cosigned", "none"},
        )
        for link in log.witnessing.links
    ]
    bars += [
        Bar(f"{it.witness}: contradicts", it.size or 0, it.said[:60], is_bad=True)
        for it in log.guard.contradictions
    ]
    return [Picture("Witnesses, by the entries that they have cosigned", bars)]
