"""What an operator installs: rules that work, of metrics that exist, with a runbook."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # the oracle alone: nothing of ours needs it

from tests.docs.documents import DOCS
from tlog.cli.fsck_metrics import FsckMetrics
from tlog.gate.coverage import CoverageMetrics
from tlog.gate.metrics import GateMetrics
from tlog.log.metrics import LogMetrics
from tlog.monitor.metrics import MonitorMetrics
from tlog.rebuilds.stating import RebuildMetrics
from tlog.witness.metrics import WitnessMetrics

OPS = DOCS / "ops"
PROMETHEUS = OPS / "prometheus"
ALL_METRICS = [LogMetrics(), WitnessMetrics(), MonitorMetrics(), GateMetrics()]
ALL_METRICS += [CoverageMetrics(), FsckMetrics(), RebuildMetrics()]
FOREIGN = {"process_resident_memory_bytes"}


def rules() -> Iterator[dict[str, Any]]:
    """Return all rules."""
    text = (PROMETHEUS / "tlog.rules.yml").read_text()
    for group in yaml.safe_load(text)["groups"]:
        yield from group["rules"]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that tell somebody."""
    return [it for it in rules() if "alert" in it]


def run(*command: str | Path) -> None:
    """Run a program of Prometheus's; skip where it is not installed."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(
            f"{command[0]} is not here: apt-get install prometheus, and for "
            "amtool prometheus-alertmanager"
        )
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=PROMETHEUS
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def series() -> set[str]:
    """Return the names that can be asked for: of samples, and of recorded rules."""
    found = {it["record"] for it in rules() if "record" in it} | FOREIGN
    for metrics in ALL_METRICS:
        for line in metrics.render().decode().splitlines():
            if declared := re.match(r"# TYPE (\S+) (\S+)", line):
                name, kind = declared.groups()
                found |= {name, *([f"{name}_bucket"] if kind == "histogram" else [])}
    return found


def named(expression: str) -> set[str]:
    """Return the metrics that an expression asks for."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expression)
    return set(re.findall(r"\b(?:tlog|process)[\w:]+", bare))


def test_the_rules_are_rules_and_each_alert_fires_when_it_must() -> None:
    run("promtool", "check", "rules", "tlog.rules.yml")
    run("promtool", "test", "rules", "tlog.test.yml", "growth.test.yml")


def test_each_alert_has_a_case_in_which_it_fires() -> None:
    fired = set[str]()
    for name in ("tlog.test.yml", "growth.test.yml"):
        for case in yaml.safe_load((PROMETHEUS / name).read_text())["tests"]:
            fired |= {
                it["alertname"] for it in case["alert_rule_test"] if it["exp_alerts"]
            }
    assert {it["alert"] for it in alerts()} == fired


def test_each_alert_says_how_urgent_it_is_and_has_a_runbook_that_is_there() -> None:
    for it in alerts():
        assert it["labels"]["severity"] in {"escalate", "page", "ticket"}, it["alert"]
        runbook = Path(it["annotations"]["runbook_url"])
        assert (DOCS / "runbooks" / runbook.name).exists(), it["alert"]


def test_alertmanager_takes_its_file_and_a_rotation_silences_m2_alone() -> None:
    run("amtool", "check-config", "alertmanager.yml")
    text = (PROMETHEUS / "alertmanager.yml").read_text()
    (rotation,) = (
        it
        for it in yaml.safe_load(text)["inhibit_rules"]
        if it["source_matchers"] == ['alertname="TlogKeyRotation"']
    )
    assert 'measure="M2"' in rotation["target_matchers"]
    assert ["environment"] == rotation["equal"]
    silenced = {it["alert"] for it in alerts() if it["labels"].get("measure") == "M2"}
    assert {"TlogProductionBlocked", "TlogProductionFailing"} < silenced
    assert "TlogTamper" not in silenced


def test_every_metric_of_rules_and_dashboards_exists() -> None:
    known = series()
    asked = {name for it in rules() for name in named(it["expr"])}
    boards = sorted((OPS / "grafana").glob("*.json"))
    assert ["debug.json", "executive.json", "on-call.json"] == [
        it.name for it in boards
    ]
    for board in boards:
        for panel in json.loads(board.read_text())["panels"]:
            asked |= {n for it in panel["targets"] for n in named(it["expr"])}
    assert set() == asked - known


def test_the_dashboards_are_those_that_their_file_makes() -> None:
    if importlib.util.find_spec("grafana_foundation_sdk") is None:
        pytest.skip("grafana-foundation-sdk is not here: pip install it")
    path = OPS / "grafana" / "make.py"
    spec = importlib.util.spec_from_file_location("make_dashboards", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.DASHBOARDS:
        assert (path.parent / f"{name}.json").read_text() == module.make(name), name


def test_no_metric_has_a_digest_an_index_or_a_repository_in_a_label() -> None:
    allowed = {
        *("route", "status", "backend", "version", "hash_backend", "reason", "witness"),
        *("outcome", "operation", "kind", "part", "signed", "convicts", "environment"),
        *("mode", "source", "file", "provenance"),
    }
    found = {
        label
        for metrics in ALL_METRICS
        for collector in metrics._registry._collector_to_names
        for label in getattr(collector, "_labelnames", ())
    }
    assert set() == found - allowed
