"""The dashboards beside this file, made with Grafana's foundation SDK.

    python docs/ops/grafana/make.py     writes executive, on-call and debug .json

A panel is a title, a unit and expressions; what is drawn follows from them.  Every
metric in an expression is one that a role counts, or a rule of `tlog.rules.yml`
records: a test holds that.
"""

from pathlib import Path
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.timeseries import Panel as TimePanel
from grafana_foundation_sdk.cog.encoder import JSONEncoder

HERE: Final = Path(__file__).parent


class Drawn(NamedTuple):
    """One panel; unit: Grafana's name for it; expressions: by what they are called."""

    title: str
    unit: str
    expressions: dict[str, str]
    is_number: bool = False


EXECUTIVE: Final = [
    Drawn(
        "M1 capture: artifacts with provenance (at least 99 %)",
        "percentunit",
        {"{{environment}}": "tlog:capture:ratio"},
        is_number=True,
    ),
    Drawn(
        "M2 verification: decisions that could be made (at least 99 %)",
        "percentunit",
        {"{{environment}}": "1 - tlog:failures:ratio_rate6h"},
        is_number=True,
    ),
    Drawn(
        "M4 signed: new entries that name who signed (100 %)",
        "percentunit",
        {"{{instance}}": "tlog:signed:ratio_rate1h"},
        is_number=True,
    ),
    Drawn(
        "M8 rejected by the rules (below 1 %)",
        "percentunit",
        {"{{environment}}": "tlog:rejections:ratio_rate1h"},
        is_number=True,
    ),
    Drawn(
        "M6 deploys without any provenance, a day (0)",
        "short",
        {
            "{{environment}}": "sum by (environment) "
            '(increase(tlog_gate_decisions_total{reason="no-entry"}[1d]))'
        },
    ),
    Drawn(
        "M7 things found changed (0)",
        "short",
        {
            "{{kind}}": "sum by (kind) (increase(tlog_tamper_detections_total[1d]))",
            "folder: {{kind}}": "sum by (kind) (tlog_fsck_damage)",
        },
    ),
    Drawn(
        "M10 bytes of the log",
        "bytes",
        {"{{instance}}": "tlog:folder_bytes:sum"},
    ),
    Drawn("Entries", "short", {"{{instance}}": "tlog_tree_size"}),
]

ON_CALL: Final = [
    Drawn(
        "Decisions, a second",
        "ops",
        {
            "{{environment}} {{outcome}}": "sum by (environment, outcome) "
            "(rate(tlog_gate_decisions_total[5m]))"
        },
    ),
    Drawn(
        "Why not allowed, a second",
        "ops",
        {
            "{{environment}} {{reason}}": "sum by (environment, reason) "
            '(rate(tlog_gate_decisions_total{outcome!="allowed"}[5m]))'
        },
    ),
    Drawn(
        "Failures within 5 minutes, 1 hour and 6 hours",
        "percentunit",
        {
            "{{environment}} 5m": "tlog:failures:ratio_rate5m",
            "{{environment}} 1h": "tlog:failures:ratio_rate1h",
            "{{environment}} 6h": "tlog:failures:ratio_rate6h",
        },
    ),
    Drawn(
        "Time of a decision, 99th percentile",
        "s",
        {
            "{{instance}}": "histogram_quantile(0.99, sum by (instance, le) "
            "(rate(tlog_gate_decision_seconds_bucket[5m])))"
        },
    ),
    Drawn(
        "Signed and cosigned heads",
        "short",
        {
            "{{instance}} signed": "tlog_tree_size",
            "{{instance}} cosigned": "tlog_cosigned_size",
        },
    ),
    Drawn(
        "Since a witness has cosigned",
        "s",
        {"{{witness}}": "time() - tlog_cosign_success_timestamp_seconds"},
    ),
    Drawn(
        "Witnesses that contradict",
        "short",
        {"{{witness}}": "tlog_contradicted_by_witness"},
    ),
    Drawn(
        "Monitors: entries behind, alarms a day",
        "short",
        {
            "{{instance}} behind": "tlog_monitor_entries_behind",
            "{{kind}}": "sum by (kind) (increase(tlog_monitor_alarms_total[1d]))",
        },
    ),
    Drawn(
        "M5 time of a question, 99th percentile (below 500 ms)",
        "s",
        {"{{instance}}": "tlog:query_seconds:p99_5m"},
    ),
    Drawn(
        "Publications that failed, an hour",
        "short",
        {"{{instance}}": "increase(tlog_publish_failures_total[1h])"},
    ),
]

DEBUG: Final = [
    Drawn(
        "Requests, a second",
        "ops",
        {
            "{{route}} {{status}}": "sum by (route, status) "
            "(rate(tlog_requests_total[5m]))"
        },
    ),
    Drawn(
        "Refused submissions, a second",
        "ops",
        {"{{reason}}": "sum by (reason) (rate(tlog_refused_entries_total[5m]))"},
    ),
    Drawn(
        "Time of a commit",
        "s",
        {
            "p50": "histogram_quantile(0.5, sum by (le) "
            "(rate(tlog_commit_seconds_bucket[5m])))",
            "p99": "histogram_quantile(0.99, sum by (le) "
            "(rate(tlog_commit_seconds_bucket[5m])))",
        },
    ),
    Drawn(
        "Entries in a commit",
        "short",
        {
            "p50": "histogram_quantile(0.5, sum by (le) "
            "(rate(tlog_batch_entries_bucket[5m])))",
        },
    ),
    Drawn(
        "Entries that wait",
        "short",
        {
            "for a commit": "tlog_queue_entries",
            "for the checkpoint": "tlog_publish_lag_entries",
            "for the index": "tlog_index_lag_entries",
            "checks": "tlog_waiting_checks",
        },
    ),
    Drawn(
        "Time of a cosignature, 99th percentile",
        "s",
        {
            "{{witness}}": "histogram_quantile(0.99, sum by (witness, le) "
            "(rate(tlog_cosign_seconds_bucket[5m])))"
        },
    ),
    Drawn(
        "Conversations with witnesses, a second",
        "ops",
        {
            "{{witness}} {{outcome}}": "sum by (witness, outcome) "
            "(rate(tlog_cosign_requests_total[5m]))"
        },
    ),
    Drawn("Bytes by part", "bytes", {"{{instance}} {{part}}": "tlog_folder_bytes"}),
    Drawn(
        "Documents, bytes a second",
        "Bps",
        {
            "received": "rate(tlog_document_received_bytes_total[5m])",
            "sent": "rate(tlog_document_sent_bytes_total[5m])",
            "read again": "rate(tlog_document_scrubbed_bytes_total[5m])",
        },
    ),
    Drawn(
        "The gate: verdicts in the cache, checks, sources that fail",
        "short",
        {
            "cached": "tlog_gate_cached",
            "checks": "tlog_gate_checks",
            "{{source}}": "increase(tlog_gate_source_failures_total[1h])",
        },
    ),
    Drawn(
        "Witness: commits, heads that were refused",
        "short",
        {
            "commit p99": "histogram_quantile(0.99, sum by (le) "
            "(rate(tlog_witness_commit_seconds_bucket[5m])))",
            "refused, convicts {{convicts}}": "increase("
            "tlog_witness_inconsistent_total[1h])",
        },
    ),
    Drawn("Memory", "bytes", {"{{instance}}": "process_resident_memory_bytes"}),
]

DASHBOARDS: Final = {
    "executive": ("tlog: is what we deploy accounted for?", EXECUTIVE),
    "on-call": ("tlog: on call", ON_CALL),
    "debug": ("tlog: debug", DEBUG),
}


def make(name: str) -> str:
    """Return the JSON of one dashboard."""
    title, drawn = DASHBOARDS[name]
    board = Dashboard(title).uid(f"tlog-{name}").tags(["tlog"]).refresh("1m")
    board = board.time("now-24h", "now")
    for it in drawn:
        panel = StatPanel() if it.is_number else TimePanel()
        panel = panel.title(it.title).unit(it.unit)
        for number, (legend, expression) in enumerate(it.expressions.items()):
            query = Dataquery().expr(expression).legend_format(legend)
            panel = panel.with_target(query.ref_id(chr(ord("A") + number)))
        board = board.with_panel(panel)
    return JSONEncoder(sort_keys=True, indent=1).encode(board.build()) + "\n"


if __name__ == "__main__":
    for board_name in DASHBOARDS:
        (HERE / f"{board_name}.json").write_text(make(board_name))
