"""Ctrl-C ends a command with 130 and at most one line, wherever it meets it.

Each process gets a `sitecustomize` that sends it SIGINT at a known point: at one of the
events that Python tells of (an import, a module that begins, an opened file, a
connection), or at its exit.
Before the first line of `tlog.__main__` nobody but Python can see to a signal.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.server import COMMAND, environment

INTERRUPTING = '''
import atexit, os, signal, sys

event, _, argument = os.environ["INTERRUPT_AT"].partition(" ")
seen = 0


def interrupt():
    print("interrupted here", flush=True)
    os.kill(os.getpid(), signal.SIGINT)


def watch(name, arguments):
    """Interrupt at the event with the argument, or at the nth import of ours."""
    global seen
    if argument.isdigit() and name == "import" and "tlog.cli.command" in sys.modules:
        seen += 1
        if seen == int(argument):
            interrupt()
    elif name == event and not seen and argument in str(arguments[0]):
        seen = 1
        interrupt()


if event == "exit":
    atexit.register(interrupt)
else:
    sys.addaudithook(watch)
'''


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the `sitecustomize` of interrupted processes."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(INTERRUPTING)
    return folder


def run_interrupted(
    site: Path, stage: str, *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a command in the test's folder that meets Ctrl-C at one stage."""
    variables = environment()
    paths = [str(site), variables["PYTHONPATH"]]
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=site.parent,
        env={
            **variables,
            "PYTHONPATH": os.pathsep.join(paths),
            "INTERRUPT_AT": stage,
        },
    )


VERIFY = ("verify", "app.whl", "--policy", "policy")
SERVE = ("serve", "--data", "log", "--origin", "a.example", "--listen", "127.0.0.1:0")


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [
        pytest.param("exec tlog/cli/command.py", VERIFY, id="before-all-imports"),
        pytest.param("import argparse", VERIFY, id="the-parsers-import"),
        pytest.param("import tlogverify.policy", VERIFY, id="an-import-of-ours"),
        pytest.param("import cryptography", VERIFY, id="a-librarys-import"),
        pytest.param("exec tlog/cli/verify.py", VERIFY, id="the-verbs-import"),
        pytest.param("import tlog.hashing.native", ("--version",), id="the-kernels"),
        pytest.param("open policy", VERIFY, id="a-verb-that-reads"),
        pytest.param("exit", VERIFY, id="the-end"),
        pytest.param("exit", ("--help",), id="the-end-of-help"),
        pytest.param(
            "socket.connect ",
            ("search", "sha256:" + "00" * 32, "--log", "http://127.0.0.1:9"),
            id="a-connection-of-asyncio",
        ),
        pytest.param("import uvloop", SERVE, id="a-servers-imports"),
        pytest.param("sqlite3.connect ", SERVE, id="a-log-that-opens"),
        pytest.param("socket.__new__", SERVE, id="a-servers-loop-that-starts"),
    ],
)
def test_ctrl_c_ends_with_130_and_says_next_to_nothing(
    site: Path, stage: str, arguments: tuple[str, ...]
) -> None:
    (site.parent / "app.whl").write_bytes(b"app")
    (site.parent / "policy").write_bytes(b"policy")
    done = run_interrupted(site, stage, *arguments)
    assert "interrupted here\n" in done.stdout
    assert 130 == done.returncode, done.stderr
    assert 1 >= len(done.stderr.splitlines()), done.stderr


def test_ctrl_c_is_quiet_in_the_midst_of_all_imports(site: Path) -> None:
    every, nth, struck = 10, 1, 0
    while True:
        done = run_interrupted(site, f"import {nth}", "--version")
        if "interrupted here" not in done.stdout:
            break
        assert (130, "") == (done.returncode, done.stderr), f"import {nth}"
        struck, nth = struck + 1, nth + every
    assert 0 == done.returncode
    assert 3 < struck


def test_ctrl_c_that_is_not_for_the_command_is_passed_over(site: Path) -> None:
    """A shell's background job has SIGINT ignored, and goes on."""
    ignoring = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    program = f"{ignoring}os.execv(sys.executable, sys.argv[1:])"
    variables = environment()
    paths = [str(site), variables["PYTHONPATH"]]
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *COMMAND, "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **variables,
            "PYTHONPATH": os.pathsep.join(paths),
            "INTERRUPT_AT": "exec tlog/cli/command.py",
        },
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "interrupted here\ntlog 0.1.0" in done.stdout
