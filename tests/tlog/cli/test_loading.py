"""A command loads what it runs: told by the modules that real processes have loaded."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import sources
from tests.support.cases import in_one_test
from tests.system.server import environment
from tlog.cli.verbs import NAMES, VERBS, load

# Runs a command line, and then says on standard error what this process has loaded.
LISTING = """
import json, sys
from tlog.__main__ import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
HEAVY = {
    *("aiohttp", "asyncio", "cbor2", "filelock", "msgspec", "prometheus_client"),
    *("rocksdict", "sqlite3", "sqlite_utils", "stamina", "structlog", "uvloop"),
    *("tlogclient", "tlog.http", "tlog.log", "tlog.monitor", "tlog.witness"),
}


def loaded(*arguments: str | Path) -> tuple[int, set[str]]:
    """Run a command; return its exit status and the modules that it has loaded."""
    done = subprocess.run(
        [sys.executable, "-c", LISTING, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert "Traceback" not in done.stderr.replace("SystemExit", ""), done.stderr
    return done.returncode, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--version",),
        ("--help",),
        ("verify", "--help"),
        ("keygen", "--help"),
    ],
    ids=" ".join,
)
def test_what_needs_no_log_loads_none_of_it(arguments: tuple[str, ...]) -> None:
    status, modules = loaded(*arguments)
    assert (0, set()) == (status, modules & HEAVY)


def test_a_verification_loads_the_verifier_alone(tmp_path: Path) -> None:
    _, modules = loaded("verify", tmp_path / "none", "--policy", tmp_path / "none")
    assert "tlogverify.proof" in modules
    assert set() == modules & (HEAVY | {"tlog.hashing", "tlog.signing"})


def test_a_key_is_made_without_what_a_log_needs(tmp_path: Path) -> None:
    _, modules = loaded("keygen", "a.example", "--out", tmp_path / "key")
    assert (tmp_path / "key").exists()
    assert "tlog.signing.heads" in modules
    assert set() == modules & (HEAVY | {"tlog.hashing"})


def test_a_folder_is_judged_without_http(tmp_path: Path) -> None:
    _, modules = loaded("fsck", tmp_path)
    assert "tlog.fsck.check" in modules
    assert set() == modules & {
        "aiohttp",
        "asyncio",
        "stamina",
        "tlogclient",
        "tlog.log",
    }


def test_help_and_version_load_no_verb() -> None:
    verbs = {load(name).__name__ for name in NAMES}
    for flag in ("--help", "--version"):
        assert set() == loaded(flag)[1] & verbs, flag


@in_one_test("name", NAMES)
def test_a_verb_begins_with_the_summary_that_the_table_has(name: str) -> None:
    (summary,) = (verbs[name] for verbs in VERBS.values() if name in verbs)
    verb = load(name)
    text = " ".join((inspect.getdoc(verb) or "").split())
    assert text.startswith(summary)
    assert callable(verb.run)
    assert callable(verb.add_arguments)


_BY_NAME = ("__import__", "import_module", "exec_module", "importlib")


def test_modules_are_imported_by_name_in_one_place() -> None:
    """Decision 0020; every other import is a statement at the top of its file."""
    found = {
        source.module
        for source in sources().values()
        if any(word in source.text for word in _BY_NAME)
        for node in source.nodes
        if (isinstance(node, ast.Name) and node.id == "__import__")
        or (
            isinstance(node, ast.Attribute)
            and node.attr in {"import_module", "exec_module"}
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "importlib")
    }
    assert {"tlog.cli.verbs"} == found
