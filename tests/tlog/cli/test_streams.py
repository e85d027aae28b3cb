"""Standard streams that are full, closed or left: the status, one line, no traceback.

`submit`, `attest` and `verify` have tests of their own.
"""

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.postgres import free_port
from tests.system.server import ServerProcess, environment, run_tlog, serving

pytestmark = pytest.mark.skipif(
    not os.path.exists("/dev/full"), reason="there is no /dev/full"
)

FULL, CLOSED, LEFT = ">/dev/full", ">&-", ">&7"
NO_SPACE = "standard output: No space left on device"
IS_CLOSED = "standard output: it is closed"

# Of each command: what to run, then the status where its output is full, closed, left.
COMMANDS: dict[str, tuple[str, tuple[int, int, int]]] = {
    "search": ("search app --log URL --policy policy", (2, 2, 0)),
    "search --json": ("search app --json --log URL --policy policy", (2, 2, 0)),
    "fsck": ("fsck stopped", (2, 2, 0)),
    "fsck --json": ("fsck stopped --json", (2, 2, 0)),
    "rebuild": ("rebuild stopped", (2, 0, 0)),
    "keygen": ("keygen a.example --out key", (2, 2, 2)),
    "keygen --json": ("keygen a.example --out key --json", (2, 2, 2)),
    "keygen p256": ("keygen a.example --type p256 --out key", (2, 2, 2)),
    "sigstore-config": (
        "sigstore-config --log URL --policy policy --out out "
        "--base-url http://log.example",
        (2, 0, 0),
    ),
    "--version": ("--version", (2, 2, 2)),
    "--help": ("--help", (2, 2, 2)),
    "verb --help": ("fsck --help", (2, 2, 2)),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A log named as Sigstore's clients want it, and one that is stopped, beside it."""
    place = tmp_path_factory.mktemp("streams")
    with serving(place / "stopped") as stopped:
        assert 0 == stopped.terminate()
    with serving(place / "log", origin="log.example") as running:
        (place / "app").write_bytes(b"an artifact")
        (place / "policy").write_bytes((place / "log" / "policy").read_bytes())
        log = ("--log", running.url, "--policy", place / "policy")
        done = run_tlog("submit", place / "app", *log)
        assert 0 == done.returncode, done.stderr
        running.wait_until_searchable(1)
        yield running


def redirected(
    folder: Path, line: str, redirection: str
) -> subprocess.CompletedProcess[str]:
    """Run a command below a shell, whose descriptor 7 is a pipe that nobody reads."""
    with started(line, redirection, folder) as process:
        out, err = process.communicate()
    return subprocess.CompletedProcess(line, process.returncode, out, err)


def started(line: str, redirection: str, folder: Path) -> subprocess.Popen[str]:
    command, descriptors = warm.command("tlog", environment())
    words = shlex.join([*command, *line.split()])
    reading, left = os.pipe()
    os.close(reading)
    try:
        return subprocess.Popen(
            ["bash", "-c", f"exec 7>&{left}; exec {words} {redirection}"],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(*descriptors, left),
        )
    finally:
        os.close(left)


@pytest.fixture
def place(server: ServerProcess) -> Path:
    folder = server.folder.parent
    for made in folder.glob("key*"):
        made.unlink()
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("at", range(3), ids=["full", "closed", "left"])
def test_an_answer_that_is_not_written_is_told(
    server: ServerProcess, place: Path, command: str, at: int
) -> None:
    line, statuses = COMMANDS[command]
    redirection = (FULL, CLOSED, LEFT)[at]
    done = redirected(place, line.replace("URL", server.url), redirection)
    assert (statuses[at], "") == (done.returncode, done.stdout), done.stderr
    assert (1 if statuses[at] else 0) == done.stderr.count("\n"), done.stderr
    assert "Traceback" not in done.stderr
    if command.startswith("keygen"):
        ahead = "read key.pub" if "p256" in command else "remove key and make another"
        assert ahead in done.stderr
    elif statuses[at] and "--help" not in command and command != "--version":
        assert (NO_SPACE, IS_CLOSED)[at] in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "2>&7"])
def test_standard_error_that_takes_nothing_changes_nothing(
    server: ServerProcess, place: Path, command: str, redirection: str
) -> None:
    line, _ = COMMANDS[command]
    done = redirected(place, line.replace("URL", server.url), redirection)
    assert (0, "") == (done.returncode, done.stderr)
    assert "" != done.stdout


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "2>&7"])
@pytest.mark.parametrize("line", ["fsck nowhere", "sumbit x", "fsck", "keygen a+b"])
def test_an_error_that_nobody_hears_is_not_told_on_standard_output(
    place: Path, line: str, redirection: str
) -> None:
    done = redirected(place, line, redirection)
    assert (2, "", "") == (done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("redirection", "told"),
    [(FULL, 1), (CLOSED, 0), (LEFT, 0), ("<&- >&- 2>&-", 0)],
    ids=["full", "closed", "left", "all-closed"],
)
@pytest.mark.parametrize("verb", ["serve --origin a.example", "witness --name w.ex"])
def test_a_server_serves_whoever_hears_where(
    tmp_path: Path, verb: str, redirection: str, told: int
) -> None:
    """It ends with 0 at a signal; the signal is sent when its folder is ready."""
    port = free_port()
    line = f"{verb} --data data --listen 127.0.0.1:{port}"
    with started(line, redirection, tmp_path) as process:
        while process.poll() is None and not _is_listened_at(port):
            # Looking all the time takes the processor from what is looked at.
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate()
    assert 0 == process.returncode, stderr
    assert told == stderr.count('"announcement not written"')
    assert "Traceback" not in stderr


def _is_listened_at(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_an_alarm_that_was_not_written_is_shown_again(place: Path) -> None:
    line = "monitor --log http://127.0.0.1:1 --policy policy --state state --once"
    lost = redirected(place, line, FULL)
    assert 2 == lost.returncode
    assert f"tlog monitor: {NO_SPACE}\n" in lost.stderr
    shown = redirected(place, line, "")
    assert 1 == shown.returncode
    assert '"kind": "unreachable"' in shown.stdout
