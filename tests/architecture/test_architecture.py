"""The house's own rules: who may import whom, how large things are, what is named how.

Source: `docs/architecture.md`; style.md, sections 5 and 6.
"""

import ast
import re
from graphlib import TopologicalSorter
from typing import TypeGuard

import pytest

from tests.architecture.source import ROOT, Source, sources

ROWS = [
    {"__main__"},
    {"cli"},
    {"assemble"},
    {"api"},
    {"log"},
    {"admission", "fsck", "witness", "monitor", "attest", "sigstore"},
    {"sequencer"},
    {"proofs", "checkpoint"},
    {"storage"},
    {"merkle", "entries", "signing"},
    {"hashing", "config", "folders", "metrics", "clock", "logs"},
    {"errors"},
    {"tlogclient"},
    {"tlogverify"},
]
"""A room may import any lower row; rooms of one row do not see each other."""

PURE = [
    "tlog.merkle",
    "tlog.sequencer.batch",
    "tlog.sequencer.growth",
    "tlog.sequencer.selfcheck",
    "tlog.witness.rules",
    "tlog.witness.roster",
    "tlog.monitor.tree",
    "tlog.monitor.matching",
    "tlog.attest.redaction",
    "tlog.attest.ci",
    "tlog.attest.document",
    "tlog.sigstore",
    "tlogverify.hashing",
    "tlogverify.lines",
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
    "tlogclient.answers",
    "tlogclient.findings",
    "tlogclient.batches",
    "tlogclient.cosigning",
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

each_source = pytest.mark.parametrize(
    "source", sources(), ids=lambda source: source.module
)


def row_of(room: str) -> int:
    """Return the row of a room, the root package apart."""
    return next(number for number, row in enumerate(ROWS) if room in row)


@each_source
def test_imports_go_down_only(source: Source) -> None:
    if source.module == "tlog":
        assert set() == source.imports
        return
    own = row_of(source.room)
    rooms = {it.room for it in sources() if it.module in source.imports}
    wrong = {room for room in rooms - {source.room, "tlog"} if row_of(room) <= own}
    assert set() == wrong


def test_no_module_is_in_an_import_cycle() -> None:
    graph = {
        source.module: {
            name for name in source.imports if not source.module.startswith(f"{name}.")
        }
        for source in sources()
    }
    packages = {it.module for it in sources() if it.path.name == "__init__.py"}
    for package in packages:
        graph[package] -= {package}
    list(TopologicalSorter(graph).static_order())


def test_fsck_judges_with_the_verifier_and_the_hashing_core_alone() -> None:
    allowed = {"fsck", "hashing", "errors", "tlogverify", "tlog"}
    used = {
        other.room
        for source in sources()
        if source.room == "fsck"
        for other in sources()
        if other.module in source.imports
    }
    assert set() == used - allowed


def test_the_monitor_shares_no_code_with_the_log() -> None:
    """It judges whoever runs the log: by the verifier and the hashing core."""
    allowed = {"monitor", "errors", *ROWS[row_of("hashing")]}
    used = {
        other.room
        for source in sources()
        if source.room == "monitor"
        for other in sources()
        if other.module in source.imports
    }
    assert set() == used - allowed - {"tlogclient", "tlogverify", "tlog"}


def test_trees_are_hashed_in_one_place() -> None:
    """All of the server hashes by `tlog.hashing`; only the self-check must not."""
    rules = {"leaf_hash", "node_hash", "hash_level"}
    users = {
        source.module
        for source in sources()
        if source.module.startswith("tlog.")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        and node.module == "tlogverify.hashing"
        and rules & {alias.name for alias in node.names}
    }
    assert {"tlog.sequencer.selfcheck"} == users
    checked = next(it for it in sources() if it.module == "tlog.sequencer.selfcheck")
    assert "tlog.hashing" not in checked.imports


def test_the_verifier_depends_on_cryptography_alone() -> None:
    """Where keys are read: of logs and witnesses, and of those who sign documents."""
    foreign: set[tuple[str, str]] = set()
    for source in sources():
        if source.room != "tlogverify":
            continue
        for node in ast.walk(source.tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign |= {
                (source.module, name.partition(".")[0])
                for name in names
                if name.partition(".")[0] in {"cryptography", "tlog", "tlogclient"}
            }
    readers = {"keys", "certificates", "attestation.signers"}
    assert {(f"tlogverify.{name}", "cryptography") for name in readers} == foreign


@each_source
def test_every_import_stands_at_the_top(source: Source) -> None:
    top = {id(node) for node in source.tree.body}
    for node in source.tree.body:
        if _is_optional_import(node):
            top |= {id(inner) for inner in node.body}
    inner = [
        node.lineno
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Import | ast.ImportFrom) and id(node) not in top
    ]
    assert [] == inner


def _is_optional_import(node: ast.stmt) -> TypeGuard[ast.Try]:
    """Whether this is one import, tried: what a machine without a compiler lacks."""
    return (
        isinstance(node, ast.Try)
        and [type(it) for it in node.body] == [ast.ImportFrom]
        and [ast.unparse(it.type or it) for it in node.handlers] == ["ImportError"]
    )


def test_one_import_is_optional() -> None:
    tried = {
        source.module
        for source in sources()
        for node in source.tree.body
        if _is_optional_import(node)
    }
    assert {"tlog.hashing.built"} == tried


@pytest.mark.parametrize("name", PURE)
def test_a_pure_file_touches_nothing_outside(name: str) -> None:
    pure = [
        source
        for source in sources()
        if source.module == name or source.module.startswith(f"{name}.")
    ]
    assert pure
    for source in pure:
        for node in ast.walk(source.tree):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await)
            if isinstance(node, ast.Import):
                roots = {alias.name.partition(".")[0] for alias in node.names}
                assert set() == roots & IMPURE_IMPORTS
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").partition(".")[0] not in IMPURE_IMPORTS


def test_the_private_key_code_is_one_room() -> None:
    users = {source.module for source in sources() if "PrivateKey" in source.text}
    assert {"tlog.signing.heads", "tlog.signing.documents"} == users


@each_source
def test_a_file_has_at_most_400_lines(source: Source) -> None:
    assert len(source.text.splitlines()) <= 400


@pytest.mark.parametrize(("is_attestation", "most"), [(False, 2_600), (True, 960)])
def test_the_verifier_can_be_read_in_a_sitting(is_attestation: bool, most: int) -> None:
    """Attestations apart: who verifies proofs alone need not read them."""
    lines = [
        len(source.text.splitlines())
        for source in sources()
        if source.room == "tlogverify"
        and source.module.startswith("tlogverify.attestation") == is_attestation
    ]
    assert sum(lines) <= most


@each_source
def test_a_function_has_at_most_60_lines_and_6_parameters(source: Source) -> None:
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert (node.end_lineno or 0) - node.lineno < 60, node.name
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        named = [it for it in arguments if it.arg not in {"self", "cls"}]
        assert len(named) <= 6, node.name


@each_source
def test_no_name_is_banned(source: Source) -> None:
    assert not any(BANNED.search(part) for part in source.module.split("."))
    assert source.module.rpartition(".")[2] != "data"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert not BANNED.search(node.name.strip("_")), node.name
        elif isinstance(node, ast.ClassDef):
            assert not BANNED_IN_CLASSES.search(node.name), node.name


@each_source
def test_a_silenced_check_has_its_reason_beside_it(source: Source) -> None:
    for number, line in enumerate(source.text.splitlines(), 1):
        if "noqa" in line:
            assert re.search(r"# noqa: [A-Z0-9, ]+ - \w", line), f"line {number}"
        if "type: ignore" in line:
            assert re.search(r"# type: ignore\[[a-z, -]+\]  # \w", line), number


def test_except_exception_stands_only_at_the_top_of_a_task() -> None:
    tops = {
        "tlog.api.listener",
        "tlog.admission.checks",
        "tlog.sequencer.sequencer",
        "tlog.checkpoint.publisher",
        "tlog.checkpoint.collector",
        "tlog.witness.commits",
        # What cryptography raises of a certificate is not told: our own error at once.
        "tlogverify.certificates",
        # RocksDB raises Exception itself: turned into our own error on the spot.
        "tlog.assemble.log",
        "tlog.storage.index",
        "tlog.fsck.index",
        "tlogclient.coalesce",
    }
    found = {
        source.module
        for source in sources()
        for node in ast.walk(source.tree)
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
