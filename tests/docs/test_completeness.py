"""What a user can meet is documented: a new one fails here until it is."""

import argparse
import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from types import SimpleNamespace
from typing import cast

import pytest

from tests.architecture.source import sources
from tests.architecture.test_architecture import ROOMS, WINGS
from tests.docs.documents import (
    DECISIONS,
    DOCS,
    README,
    ROOT,
    cells,
    read,
    rows,
    section,
)
from tlog.cli.command import _STATUS, exit_status, verb_parser
from tlog.cli.fsck_metrics import FsckMetrics
from tlog.cli.verbs import NAMES
from tlog.config import CommandSettings
from tlog.entries.submission import MAX_BODY_BYTES, MAX_ENTRIES
from tlog.folders import MODES
from tlog.gate.coverage import CoverageMetrics
from tlog.gate.decisions import Reason
from tlog.gate.door import GATE_ROWS, build_gate_app
from tlog.gate.metrics import GateMetrics
from tlog.gate.opening import OpenGate
from tlog.gate.settings import GateSettings
from tlog.http.problems import INTERNAL, ROUTING, SHARED_ROWS
from tlog.log.api.lookup import PAGE_ENTRIES, PAGE_HITS
from tlog.log.api.problems import LOG_ROWS
from tlog.log.api.routes import build_app
from tlog.log.life import Log
from tlog.log.metrics import LogMetrics
from tlog.log.settings import LogSettings
from tlog.monitor.door import build_monitor_app
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.monitor import Monitor
from tlog.monitor.settings import MonitorSettings
from tlog.rebuilds.stating import RebuildMetrics
from tlog.witness.door import WITNESS_ROWS, build_witness_app
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.opening import OpenWitness
from tlog.witness.settings import WitnessSettings
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import TlogError
from tlogverify.record import MAX_SUBJECTS

OPERATIONS, HTTP = DOCS / "operations.md", DOCS / "http.md"
ARCHITECTURE = DOCS / "architecture.md"


def first_cells(rows_found: list[list[str]], count: int) -> list[list[str]]:
    """Return the first cells of each row that has so many."""
    return [row[:count] for row in rows_found if len(row) >= count]


def toml_name(name: str) -> str:
    """Return a setting's name in the file: those of one table stand in it."""
    return f"[witness] {name[8:]}" if name.startswith("witness_") else name


def default_cell(default: object) -> str:
    """Return a default as the table of settings shows it."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default not in ("", ()) else "empty"


SETTINGS: list[tuple[type[CommandSettings], str, str]] = [
    (LogSettings, "serve", "Settings"),
    (WitnessSettings, "witness", "Settings of a witness"),
    (MonitorSettings, "monitor", "Settings of a monitor"),
    (GateSettings, "gate", "Settings of a gate"),
]
"""The settings of each command, and where they are documented."""


@pytest.mark.parametrize(("kind", "heading"), [(it[0], it[2]) for it in SETTINGS])
def test_every_setting_is_documented_with_its_default(
    kind: type[CommandSettings], heading: str
) -> None:
    expected = [
        [
            f"`--{setting.name.replace('_', '-')}`",
            f"`{kind.variables}{setting.name.upper()}`",
            f"`{toml_name(setting.name)}`",
            default_cell(setting.default),
        ]
        for setting in fields(kind)
    ]
    found = first_cells(cells(section(OPERATIONS, heading)), 4)
    assert expected == [row for row in found if row[0].startswith("`--")]


def test_no_variable_of_the_environment_means_two_settings() -> None:
    names = [
        f"{kind.variables}{it.name.upper()}"
        for kind, _, _ in SETTINGS
        for it in fields(kind)
    ]
    assert len(set(names)) == len(names)


def test_every_metric_is_documented_with_its_type() -> None:
    kinds_of = [LogMetrics(), WitnessMetrics(), MonitorMetrics()]
    kinds_of += [GateMetrics(), CoverageMetrics(), FsckMetrics(), RebuildMetrics()]
    rendered = "".join(it.render().decode() for it in kinds_of)
    kinds = re.findall(r"^# TYPE (tlog_\w+) (\w+)$", rendered, re.MULTILINE)
    expected = {
        (f"`{name}`", kind) for name, kind in kinds if not name.endswith("_created")
    }
    cells = first_cells(rows(OPERATIONS), 2)
    found = {(name, kind) for name, kind in cells if name.startswith("`tlog_")}
    assert expected == found


def test_every_endpoint_is_documented() -> None:
    # Building the routes asks for settings and metrics alone.
    witness = SimpleNamespace(settings=WitnessSettings(), metrics=WitnessMetrics())
    apps = [build_witness_app(cast(OpenWitness, witness))]
    face = SimpleNamespace(prover=None, gate=None, witnessing=None)
    log = SimpleNamespace(
        settings=LogSettings(sigstore=True),
        metrics=LogMetrics(),
        keys=[SimpleNamespace(key_hash=b"")],
        reading=face,
        submitting=face,
        standing=face,
        documents=SimpleNamespace(
            store=None,
            settings=None,
            metrics=None,
            clock=None,
            threads=None,
            follows=False,
        ),
    )
    apps.append(build_app(cast(Log, log)))
    monitor = SimpleNamespace(metrics=MonitorMetrics())
    apps.append(build_monitor_app(cast(Monitor, monitor)))
    gate = SimpleNamespace(settings=GateSettings(), metrics=GateMetrics())
    apps.append(build_gate_app(cast(OpenGate, gate)))
    expected = {
        f"`{route.method} {route.resource.canonical}`"
        for app in apps
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    found = [row[0] for row in first_cells(rows(HTTP), 2)]
    assert expected == {it for it in found if re.fullmatch(r"`[A-Z]+ /\S*`", it)}


def test_every_reason_of_the_gate_is_documented() -> None:
    found = first_cells(cells(section(DOCS / "gate.md", "Reasons")), 1)
    expected = [f"`{it.value}`" for it in Reason]
    assert expected == [name for (name,) in found if name.startswith("`")]


def verbs() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Return the commands and their parsers."""
    for name in NAMES:
        yield name, verb_parser(name)


def test_every_command_and_flag_is_documented() -> None:
    settings = {
        verb: {f"--{setting.name.replace('_', '-')}" for setting in fields(kind)}
        for kind, verb, _ in SETTINGS
    }
    missing = [
        (verb, flag)
        for verb, parser in verbs()
        for action in parser._actions
        for flag in action.option_strings
        if flag not in {"-h", "--help"} | settings.get(verb, set())
        and flag not in section(OPERATIONS, f"tlog {verb}")
    ]
    assert [] == missing


def test_every_problem_type_is_documented_with_its_status() -> None:
    doors = [*SHARED_ROWS.values(), *LOG_ROWS.values(), *WITNESS_ROWS.values()]
    doors += GATE_ROWS.values()
    problems = [*doors, *ROUTING.values(), INTERNAL]
    expected = {(f"`{problem.token}`", str(problem.status)) for problem in problems}
    cells = first_cells(rows(HTTP), 2)
    table = {(token, status) for token, status in cells if status.isdigit()}
    assert expected == {row for row in table if row[0].startswith("`")}


def error_classes(root: type[TlogError]) -> Iterator[type[TlogError]]:
    """Return an error class of ours and all below it."""
    yield root
    for kind in root.__subclasses__():
        yield from error_classes(kind)


def test_every_error_class_is_documented() -> None:
    for module in sources():
        # Where no kernel was built, what binds them cannot be imported.
        if not module.endswith(
            ("__main__", "hashing.native", "entries.native", "kernels.build")
        ):
            importlib.import_module(module)
    text = section(ARCHITECTURE, "Errors")
    names = {
        kind.__name__
        for kind in error_classes(TlogError)
        if not kind.__module__.startswith("tests.")
    }
    assert set() == {name for name in names if f"`{name}`" not in text}


def test_every_exit_status_is_documented() -> None:
    kinds = {kind.__name__: kind for kind in (*error_classes(TlogError), *_STATUS)}
    table = first_cells(cells(section(OPERATIONS, "Exit status")), 2)
    found = {name.strip("`"): code for name, code in table if name.startswith("`")}
    named = {kind.__name__ for kind in _STATUS} - {"TlogError"}
    assert set() == named - found.keys()
    assert {it: str(exit_status(kinds[it])) for it in found} == found


def log_events() -> Iterator[tuple[str, str]]:
    """Return each log line's event and level, as the code writes them."""
    for source in sources().values():
        if "log_event(" not in source.text:
            continue
        for node in source.nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "log_event"
                and isinstance(node.args[0], ast.Constant)
            ):
                levels = {
                    it.arg: it.value.value
                    for it in node.keywords
                    if isinstance(it.value, ast.Constant)
                }
                yield f"`{node.args[0].value!s}`", str(levels.get("level", "info"))


def test_every_log_line_is_documented_with_its_level() -> None:
    found = {(event, level) for event, level in first_cells(rows(OPERATIONS), 2)}
    assert set() == set(log_events()) - found


def test_every_limit_is_the_codes() -> None:
    limits = {row[0]: row[1] for row in rows(HTTP) if len(row) == 2}
    expected = {
        "body": f"{MAX_BODY_BYTES >> 20} MiB",
        "entries in a request": f"{MAX_ENTRIES:,}",
        "bytes of an entry": f"{MAX_ENTRY_BYTES:,}",
        "subjects of an entry": f"{MAX_SUBJECTS}",
        "entries in a page": f"{PAGE_ENTRIES:,}",
        "hits in a page": f"{PAGE_HITS}",
    }
    assert expected == {name: limits[name] for name in expected}


def test_the_rows_of_imports_are_those_that_the_tests_hold() -> None:
    for heading, held in (("The house", WINGS), ("The log's wing", ROOMS)):
        table = cells(section(ARCHITECTURE, heading))
        found = [row[1] for row in table if row[0].isdigit()]
        assert held == [set(re.findall(r"`(\w+)`", it)) for it in found], heading


def test_every_dependency_has_its_reason() -> None:
    record = read(DECISIONS / "0003-dependencies.md")
    projects = [
        tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
        for folder in (".", "client")
    ]
    needed = {
        re.split(r"[\[<>=;!~]", requirement)[0]
        for project in projects
        for some in [
            project["dependencies"],
            *project["optional-dependencies"].values(),
        ]
        for requirement in some
    }
    unexplained = {
        name
        for name in needed - {"tlog-client"}
        if not re.search(rf"(?<![\w-]){name}(?![\w-])", record)
    }
    assert set() == unexplained


def test_every_document_is_linked_from_the_readme() -> None:
    text = read(README)
    names = {f"docs/{path.name}" for path in DOCS.glob("*.md")}
    assert set() == {name for name in names if f"({name})" not in text}


def test_decisions_are_numbered_without_gaps_named_and_short() -> None:
    files = sorted(DECISIONS.glob("*.md"))
    numbers = [file.name[:4] for file in files]
    assert [f"{number:04}" for number in range(1, len(files) + 1)] == numbers
    for file in files:
        text = read(file)
        assert f"# {file.name[:4]}: " == text[:8]
        words = ["**Context.**", "**Decision.**", "**Consequences.**"]
        assert words == [word for word in words if word in text]
        assert 40 >= len(text.splitlines()), file.name


def test_the_readme_is_short() -> None:
    assert 150 >= len(read(README).splitlines())


@pytest.mark.parametrize(
    ("role", "heading"),
    [
        ("log", "Start"),
        ("witness", "Run a witness"),
        ("monitor", "Monitor"),
        ("documents", "Keep documents"),
    ],
)
def test_every_part_of_a_folder_is_documented_with_its_mode(
    role: str, heading: str
) -> None:
    found = {
        name: row[2]
        for row in cells(section(OPERATIONS, heading))
        if len(row) == 3 and re.fullmatch(r"0[0-7]{3}", row[2])
        for name in re.findall(r"`([^`]+)`", row[0])
    }
    assert {name: f"0{mode:o}" for name, mode in MODES[role].items()} == found
