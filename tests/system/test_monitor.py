"""The command against a log that runs, and killed in the middle of its work."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm
from tests.support.records import canonical, digest, record
from tests.support.static_log import POLICY, StaticLog, fork
from tests.system.load import entry
from tests.system.server import COMMAND, environment, run_tlog, serving
from tests.tlogverify.actors import ED25519, Actor
from tlog.cli import main
from tlogclient import LogClient
from tlogverify.record import parse_record

OTHER_LOG = Actor("other.example/log", ED25519)
MARKS = [0, 255, 256, 5_000, 19_999]
SIZE = 20_000

# How long to wait for an end between two looks: looking all the time takes the
# processor from the process that is looked at.
_LOOK_S = 0.001


def watch_of(label: int) -> str:
    """Return the digest of the one subject of a test's record."""
    return "sha256:" + digest(f"artifact {label} 0")


def alarms_of(output: str) -> list[dict[str, Any]]:
    """Return the alarms that a command has written."""
    return [json.loads(line) for line in output.splitlines()]


async def test_a_running_log_is_followed_to_its_end(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as server:
        wanted = [entry(f"monitored {number}") for number in range(600)]
        async with LogClient(server.url, server.policy) as client:
            await client.submit(wanted)
        # SIGTERM publishes all that was accepted; the next start serves it.
        assert 0 == server.terminate()
        server.start()
        policy = tmp_path / "log" / "policy"
        given: list[str | Path] = ["monitor", "--log", server.url, "--policy", policy]
        given += ["--state", tmp_path / "state", "--once"]
        subject = parse_record(wanted[300]).subjects[0].sha256.hex()
        first = run_tlog(*given)
        second = run_tlog(*given, "--watch", f"sha256:{subject}")
        third = run_tlog(*given, "--watch", f"sha256:{subject}")
    assert (0, "") == (first.returncode, first.stdout), first.stderr
    assert 4 == second.returncode
    assert (0, "") == (third.returncode, third.stdout)
    (alarm,) = alarms_of(second.stdout)
    assert "hit" == alarm["kind"]
    proven = ("--proof", alarm["proof"], "--policy", policy)
    done = run_tlog("verify", f"sha256:{subject}", *proven)
    assert 0 == done.returncode, done.stderr


@pytest.fixture(scope="module")
def static(tmp_path_factory: pytest.TempPathFactory) -> StaticLog:
    log = StaticLog(tmp_path_factory.mktemp("static") / "log")
    log.add([canonical(record(label)) for label in range(SIZE)])
    log.publish()
    return log


def command(log: Path, folder: Path, *more: str) -> list[str]:
    """Return the command that looks for MARKS once."""
    (folder / "policy").write_bytes(POLICY)
    given = ["--log", str(log), "--policy", str(folder / "policy"), "--once"]
    given += ["--state", str(folder / "state"), "--watch", *map(watch_of, MARKS)]
    return [*COMMAND, "monitor", *given, *more]


def kill_after(command: list[str], state: Path, bundles: int) -> str:
    """Start a command and kill it when it has so many bundles; return what it wrote.

    A run that ended before the signal is repeated from nothing: the kill must strike.
    """
    roots = state / "roots.bin"
    while True:
        with warm.start(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            environment=environment(),
        ) as process:
            while process.returncode is None:
                if roots.exists() and roots.stat().st_size >= 32 * bundles:
                    process.send_signal(signal.SIGKILL)
                    break
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
            assert process.stdout is not None
            output = process.stdout.read()
        if process.returncode == -signal.SIGKILL:
            return output
        shutil.rmtree(state)


@pytest.mark.parametrize("bundles", [0, 1, 20, 40, 70, 78])
def test_a_kill_at_any_bundle_misses_nothing_and_repeats_nothing(
    static: StaticLog, tmp_path: Path, bundles: int
) -> None:
    given = command(static.folder, tmp_path)
    first = kill_after(given, tmp_path / "state", bundles)
    done = warm.run(given, environment=environment())
    found = {it["id"]: it for it in alarms_of(first) + alarms_of(done.stdout)}
    assert MARKS == sorted(it["index"] for it in found.values())
    assert {Path(it["proof"]).is_file() for it in found.values()} == {True}
    again = warm.run(given, environment=environment())
    assert (0, "") == (again.returncode, again.stdout), again.stderr


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> StaticLog:
    """A log so heavy that a monitor commits several times on its way."""
    log = StaticLog(tmp_path_factory.mktemp("heavy") / "log")
    for label in range(1_600):
        log.add([b"%d %s %s" % (label, bytes(60_000), watch_of(label)[7:].encode())])
    log.publish()
    return log


@pytest.mark.parametrize("bundles", [3, 4, 5, 6])
def test_a_kill_after_a_commit_goes_on_from_there(
    heavy: StaticLog, tmp_path: Path, bundles: int
) -> None:
    marks = [0, 700, 1_000, 1_599]
    given = command(heavy.folder, tmp_path)
    given[-len(MARKS) :] = map(watch_of, marks)
    first = kill_after(given, tmp_path / "state", bundles)
    done = warm.run(given, environment=environment())
    found = {it["id"]: it for it in alarms_of(first) + alarms_of(done.stdout)}
    assert marks == sorted(it["index"] for it in found.values())


def test_a_fork_ends_with_1_and_evidence_for_strangers(tmp_path: Path) -> None:
    log = StaticLog(tmp_path / "log")
    log.add([canonical(record(label)) for label in range(400)])
    log.publish(300)
    given = command(log.folder, tmp_path)
    assert 4 == warm.run(given, environment=environment()).returncode
    fork(log.folder, log, 256, 400).publish()
    done = warm.run(given, environment=environment())
    assert 1 == done.returncode
    (alarm,) = alarms_of(done.stdout)
    judge = [sys.executable, "-m", "tlogverify", "--evidence", alarm["evidence"]]
    judge += ["--policy", str(tmp_path / "policy")]
    assert 0 == warm.run(judge, environment=environment()).returncode


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--policy", "/nowhere/policy"),
        ("--watch", "/nowhere/file"),
        ("--watch-file", "/nowhere/file"),
        ("--log", "ftp://log.example"),
        ("--interval-s", "0"),
    ],
)
def test_unusable_settings_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    _, _, program, *given = command(tmp_path / "log", tmp_path, name, value)
    assert "tlog" == program
    assert 2 == main(given)
    assert 1 == capsys.readouterr().err.count("\n")


@pytest.mark.parametrize("is_new", [False, True])
@pytest.mark.parametrize("once", [False, True])
def test_a_policy_of_another_log_ends_with_2_and_no_alarm(
    tmp_path: Path, is_new: bool, once: bool
) -> None:
    log = StaticLog(tmp_path / "log")
    log.publish()
    given = command(log.folder, tmp_path)
    if not is_new:
        assert 0 == warm.run(given, environment=environment()).returncode
    other = b"log " + OTHER_LOG.vkey + b"\nquorum none\n"
    (tmp_path / "policy").write_bytes(other)
    done = warm.run(
        given if once else [it for it in given if it != "--once"],
        environment=environment(),
    )
    assert (2, "") == (done.returncode, done.stdout)
    assert OTHER_LOG.name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_that_runs_ends_with_0_at_sigterm(
    static: StaticLog, tmp_path: Path
) -> None:
    given = [it for it in command(static.folder, tmp_path) if it != "--once"]
    with warm.start(
        given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        environment=environment(),
    ) as process:
        assert process.stdout is not None
        # All hits are written when the head is verified.
        lines = [process.stdout.readline() for _ in MARKS]
        os.kill(process.pid, signal.SIGTERM)
        rest, errors = process.communicate()
    assert 0 == process.returncode, errors
    assert MARKS == [it["index"] for it in alarms_of("".join(lines) + rest)]
