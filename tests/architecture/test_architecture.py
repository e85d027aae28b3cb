"""The house's own rules: who may import whom, how large things are, what is named how.

Each rule is one test over all files; its message names every file that breaks it.

Source: `docs/architecture.md`; style.md, sections 5 and 6.
"""

import ast
import re
from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from itertools import chain
from typing import TypeGuard

import pytest

from tests.architecture.source import ROOT, Source, below, sources

WINGS = [
    {"__main__"},
    {"cli"},
    {"gate", "backup", "rebuilds"},
    {
        "log",
        "witness",
        "monitor",
        "fsck",
        "attest",
        "submit",
        "sigstore",
        "trial",
        "tuf",
        "registry",
    },
    {"documents", "explorer"},
    {"http", "rules"},
    {"bundles", "durable", "entries", "lifeline", "signing", "textfiles"},
    {"hashing", "folders", "metrics", "clock", "log_lines", "tracing"},
    {"config"},
    {"errors"},
    {"tlogclient"},
    {"tlogverify"},
]
"""Roles, and the ground below them.  A wing may import any lower row, never its own."""

ROOMS = [
    {"node", "leader", "front"},
    {"serving", "moving"},
    {"api", "opening", "rebuilding", "restoring", "shared"},
    {"life", "identity"},
    {"workers"},
    {"reading", "settings", "standing", "submitting", "eras", "nodes"},
    {"cosigning"},
    {"admission", "sequencer"},
    {"proofs", "publishing"},
    {"storage"},
    {"merkle", "metrics"},
]
"""The rooms of `tlog/log/`, by the same rule."""


PURE = [
    "tlog.log.merkle",
    "tlog.signing.points",
    "tlog.log.cosigning.gathering",
    "tlog.log.sequencer.batch",
    "tlog.log.sequencer.growth",
    "tlog.log.sequencer.places",
    "tlog.log.sequencer.selfcheck",
    "tlog.witness.rules",
    "tlog.witness.roster",
    "tlog.monitor.tree",
    "tlog.monitor.matching",
    "tlog.attest.forms",
    "tlog.attest.redaction",
    "tlog.attest.urls",
    "tlog.attest.variables",
    "tlog.attest.ci",
    "tlog.attest.document",
    "tlog.rules.types",
    "tlog.rules.ruleset",
    "tlog.rules.scans",
    "tlog.rules.packages",
    "tlog.rules.summaries",
    "tlog.rules.references",
    "tlog.rules.conditions",
    "tlog.rules.terms",
    "tlog.rules.verdicts",
    "tlog.rules.judging",
    "tlog.rules.telling",
    "tlog.gate.images",
    "tlog.gate.lines",
    "tlog.gate.reviews",
    "tlog.gate.answering",
    "tlog.gate.decisions",
    "tlog.gate.yaml",
    "tlog.gate.manifest",
    "tlog.registry.references",
    "tlog.registry.manifests",
    "tlog.registry.challenges",
    "tlog.registry.payloads",
    "tlog.sigstore",
    "tlog.documents.facts",
    "tlog.documents.retention",
    "tlogverify.hashing",
    "tlogverify.lines",
    "tlogverify.toml",
    "tlogverify.merkle",
    "tlogverify.ranges",
    "tlogverify.tiles",
    "tlogverify.bundles",
    "tlogverify.note",
    "tlogverify.checkpoint",
    "tlogverify.signed",
    "tlogverify.record",
    "tlogverify.rekor",
    "tlogverify.certificates",
    "tlogverify.kinds",
    "tlogverify.attestation.members",
    "tlogverify.attestation.signers",
    "tlogverify.attestation.dsse",
    "tlogverify.attestation.statement",
    "tlogverify.attestation.slsa",
    "tlogverify.sigstore.members",
    "tlogverify.sigstore.entries",
    "tlogverify.sigstore.ed25519ph",
    "tlogverify.sigstore.signers",
    "tlogclient.answers",
    "tlogclient.findings",
    "tlogclient.attested",
    "tlogclient.batches",
    "tlogclient.cosigning",
    "tlogclient.comparing",
    "tlogclient.recount",
    "tlogclient.histories",
    "tlogclient.holdings",
    "tlogclient.keychanges",
    "tlogclient.purls",
    "tlogclient.sboms",
    "tlogclient.runs",
]
IMPURE_IMPORTS = {
    *("asyncio", "socket", "ssl", "time", "datetime", "random", "secrets", "logging"),
    *("os", "io", "pathlib", "threading", "sqlite3", "aiohttp", "structlog"),
}

BANNED = re.compile(
    r"(?i)(?:^|_)(utils?|helpers?|common|misc|core|base|managers?|handlers?|services?"
    r"|processors?|info|do|process|handle)(?:_|$)"
)
BANNED_IN_CLASSES = re.compile(
    r"Utils?|Helpers?|Common|Misc|Core|Base|Manager|Handler|Service|Processor|Info"
    r"|Factory|Strategy"
)


def row_of(name: str, rows: list[set[str]]) -> int:
    """Return the row that a wing or a room stands in."""
    found = [number for number, row in enumerate(rows) if name in row]
    assert found, f"{name} stands in no row"
    return found[0]


def wings_used(source: Source) -> set[str]:
    """Return the other wings that a module imports."""
    used = {sources()[it].wing for it in source.imports}
    return used - {source.wing, "tlog"}


def rooms_used(source: Source) -> set[str]:
    """Return the other rooms of the log's wing that one of its modules imports."""
    used = {sources()[it].room for it in source.imports}
    return used - {source.room, ""}


def test_imports_go_down_only() -> None:
    wrong = [
        f"{source.module} imports {used}"
        for source in sources().values()
        if source.module != "tlog"
        for used in wings_used(source)
        if row_of(used, WINGS) <= row_of(source.wing, WINGS)
    ]
    assert [] == wrong
    assert set() == sources()["tlog"].imports


def test_imports_between_the_logs_rooms_go_down_only() -> None:
    wrong = [
        f"{source.module} imports {used}"
        for source in below("tlog.log")
        if source.room
        for used in rooms_used(source)
        if row_of(used, ROOMS) <= row_of(source.room, ROOMS)
    ]
    assert [] == wrong
    assert set() == sources()["tlog.log"].imports


def test_no_module_is_in_an_import_cycle() -> None:
    graph = {
        module: {it for it in source.imports if not module.startswith(f"{it}.")}
        for module, source in sources().items()
    }
    for module, source in sources().items():
        if source.is_package:
            graph[module] -= {module}
    list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(
    ("judge", "allowed"),
    [
        pytest.param(
            "fsck", {"hashing", "errors", "tlogverify"}, id="fsck: from bytes alone"
        ),
        pytest.param(
            "monitor",
            {"http", *WINGS[7], *WINGS[8], "errors", "tlogclient", "tlogverify"},
            id="monitor: no code of the log that it judges",
        ),
        pytest.param(
            "witness",
            {"http", "durable", "lifeline", "signing", *WINGS[7], "errors"}
            | {"config", "tlogclient", "tlogverify"},
            id="witness: no code of the logs that it cosigns",
        ),
        pytest.param(
            "gate",
            # A monitor's state is a source; it has no code of the log either.
            {"attest", "registry", "monitor", "documents", "http", "rules", "bundles"}
            | {
                "signing",
                "textfiles",
                *WINGS[7],
                "config",
                "errors",
                "tlogclient",
                "tlogverify",
            },
            id="gate: no code of the log whose documents it judges",
        ),
    ],
)
def test_who_judges_uses_the_verifier(judge: str, allowed: set[str]) -> None:
    used = set[str]().union(*map(wings_used, below(f"tlog.{judge}")))
    assert set() == used - allowed


def test_trees_are_hashed_in_one_place() -> None:
    """All of the server hashes by `tlog.hashing`; only the self-check must not."""
    rules = {"leaf_hash", "node_hash", "hash_level"}
    users = {
        source.module
        for source in below("tlog")
        for node in source.nodes
        if isinstance(node, ast.ImportFrom)
        and node.module == "tlogverify.hashing"
        and rules & {alias.name for alias in node.names}
    }
    checked = "tlog.log.sequencer.selfcheck"
    assert {checked} == users
    assert "tlog.hashing" not in sources()[checked].imports


def test_the_verifier_depends_on_cryptography_alone() -> None:
    """Where keys are read: of logs and witnesses, and of those who sign documents."""
    foreign = {
        (source.module, name)
        for source in below("tlogverify")
        for name in source.foreign & {"cryptography", "tlog", "tlogclient"}
    }
    readers = {"keys", "certificates", "attestation.signers", "sigstore.signers"}
    assert {(f"tlogverify.{name}", "cryptography") for name in readers} == foreign


def test_the_judge_of_certificates_is_asked_in_one_place() -> None:
    users = {it.module for it in below("tlog") if "sigstore" in it.foreign}
    assert {"tlog.bundles.certified"} == users


def test_whoever_assembles_a_log_names_no_adapter_of_its_stores() -> None:
    """What opens them is handed over, or is the folder's: only seams are seen."""
    storage = "tlog.log.storage"
    ends = ("_sqlite", "_postgres", "_folder", "_bucket", "_term", "_row", "_counted")
    opening = {f"{storage}.stores_folder", f"{storage}.stores_shared"}
    adapters = {it.module for it in below(storage) if it.module.endswith(ends)}
    adapters -= opening
    assert 10 == len(adapters)
    users = {it.module for it in sources().values() if it.imports & adapters}
    assert opening == users


def test_two_imports_are_optional() -> None:
    """Those of what is compiled: the kernels and the scanner."""
    tried = {
        source.module
        for source in sources().values()
        for node in source.tree.body
        if _is_optional_import(node)
    }
    assert {"tlog.hashing.built", "tlog.entries.built"} == tried


def _is_optional_import(node: ast.stmt) -> TypeGuard[ast.Try]:
    """Whether this is one import, tried: what a machine without a compiler lacks."""
    return (
        isinstance(node, ast.Try)
        and [type(it) for it in node.body] == [ast.ImportFrom]
        and [ast.unparse(it.type or it) for it in node.handlers] == ["ImportError"]
    )


def test_a_pure_file_touches_nothing_outside() -> None:
    wrong = [
        f"{source.module} imports {name}"
        for source in chain.from_iterable(map(below, PURE))
        for name in source.foreign & IMPURE_IMPORTS
    ]
    wrong += [
        f"{source.module}:{node.lineno} waits"
        for source in chain.from_iterable(map(below, PURE))
        for node in source.nodes
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
    ]
    assert [] == wrong


def test_the_private_key_code_is_one_room() -> None:
    users = {it.module for it in sources().values() if "PrivateKey" in it.text}
    # Keys of stand-ins live as long as a trial, and sign nothing of a log.
    users = {it for it in users if not it.startswith("tlog.trial.")}
    assert {"tlog.signing.heads", "tlog.signing.attestation_keys"} == users


PARTS_OF_THE_VERIFIER = {
    "tlogverify.attestation": 1_160,
    "tlogverify.command": 800,
    "tlogverify.sigstore": 1_200,
    "tlogverify": 2_690,  # 40 lines: keys that have retired, decision 0032
}
"""The most lines of each part; the last one is what no other part has."""


def part_of(module: str) -> str:
    """Return the part of the verifier that a module is in."""
    return next(
        part for part in PARTS_OF_THE_VERIFIER if f"{module}.".startswith(f"{part}.")
    )


@pytest.mark.parametrize("part", PARTS_OF_THE_VERIFIER)
def test_the_verifier_can_be_read_in_a_sitting(part: str) -> None:
    """Who verifies proofs alone need not read of attestations, or the command."""
    lines = [
        len(source.text.splitlines())
        for source in below("tlogverify")
        if part_of(source.module) == part
    ]
    assert 0 < sum(lines) <= PARTS_OF_THE_VERIFIER[part]


def _long_file(source: Source) -> Iterator[str]:
    """At most 400 lines."""
    if (lines := len(source.text.splitlines())) > 400:
        yield f"{lines} lines"


def _inner_import(source: Source) -> Iterator[str]:
    """Every import stands at the top, under no condition but the optional one."""
    top = {id(node) for node in source.tree.body}
    for node in source.tree.body:
        if _is_optional_import(node):
            top |= {id(inner) for inner in node.body}
    for it in source.nodes:
        if isinstance(it, ast.Import | ast.ImportFrom) and id(it) not in top:
            yield f"line {it.lineno} imports below the top"


def _large_function(source: Source) -> Iterator[str]:
    """At most 60 lines and 6 parameters."""
    for node in source.nodes:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if (node.end_lineno or 0) - node.lineno >= 60:
            yield f"{node.name} has more than 60 lines"
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if len([it for it in arguments if it.arg not in {"self", "cls"}]) > 6:
            yield f"{node.name} has more than 6 parameters"


def _banned_name(source: Source) -> Iterator[str]:
    """No name says that its owner found no name."""
    parts = source.module.split(".")
    if parts[-1] == "data" or any(map(BANNED.search, parts)):
        yield "the module's name is banned"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if BANNED.search(node.name.strip("_")):
                yield f"the name {node.name} is banned"
        elif isinstance(node, ast.ClassDef) and BANNED_IN_CLASSES.search(node.name):
            yield f"the name {node.name} is banned"


def _unexplained_silence(source: Source) -> Iterator[str]:
    """A silenced check has its reason beside it."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if "noqa" in line and not re.search(r"# noqa: [A-Z0-9, ]+ - \w", line):
            yield f"line {number} silences without a reason"
        if "type: ignore" in line and not re.search(
            r"# type: ignore\[[a-z, -]+\]  # \w", line
        ):
            yield f"line {number} ignores a type without a reason"


RULES: list[Callable[[Source], Iterator[str]]] = [
    _long_file,
    _inner_import,
    _large_function,
    _banned_name,
    _unexplained_silence,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__.strip("_"))
def test_no_file_breaks_the_rule(rule: Callable[[Source], Iterator[str]]) -> None:
    wrong = [
        f"{source.module}: {it}" for source in sources().values() for it in rule(source)
    ]
    assert [] == wrong


def test_a_packages_docstring_is_a_map_of_its_modules() -> None:
    """Each line of the map begins with a module's name; all of them stand there."""
    wrong = []
    for name, package in sources().items():
        if not package.is_package or not name.startswith("tlog."):
            continue
        inside = {
            it.removeprefix(f"{name}.").partition(".")[0]
            for it in sources()
            if it.startswith(f"{name}.")
        }
        text = ast.get_docstring(package.tree) or ""
        rows = re.findall(r"^ *((?:\w+ {2,})+)\S", text, re.MULTILINE)
        named = set(" ".join(rows).split())
        wrong += [f"{name} does not say what {it} is" for it in sorted(inside - named)]
        wrong += [f"{name} names {it}, which is not there" for it in named - inside]
    assert [] == wrong


def test_except_exception_stands_only_at_the_top_of_a_task() -> None:
    tops = {
        "tlog.http.exchange",
        "tlog.http.listener",
        "tlog.log.admission.checks",
        # One request of a batch that has settled: the others are answered all the same.
        "tlog.log.api.submit",
        "tlog.lifeline",
        # What cryptography raises of a certificate is not told: our own error at once.
        "tlogverify.certificates",
        # Nor what the sigstore library raises of a bundle that somebody sent.
        "tlog.bundles.certified",
        # RocksDB raises Exception itself: turned into our own error on the spot.
        "tlog.log.storage.index",
        "tlog.fsck.index",
        "tlogclient.coalesce",
    }
    found = {
        source.module
        for source in sources().values()
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler)
        and isinstance(node.type, ast.Name)
        and node.type.id == "Exception"
    }
    assert tops == found


def test_the_top_level_holds_only_what_the_house_names() -> None:
    named = {"pyproject.toml", "tlog", "client", "tests", "benchmarks", "docs"}
    named |= {"README.md", "Makefile", "LICENSE"}
    found = {
        path.name
        for path in ROOT.iterdir()
        if not path.name.startswith(".") and not path.name.endswith(".egg-info")
    }
    assert set() == found - named - {"build", "dist", "__pycache__"}
