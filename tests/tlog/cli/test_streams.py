"""Standard streams that are full, closed or left: the status, one line, no traceback.

`submit`, `attest` and `verify` have tests of their own.
"""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import warm
from tests.system.server import COMMAND, ServerProcess, environment, run_tlog, serving

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
    """Run a command, below a shell if one of its streams is closed from the start.

    Its descriptor 7 is a pipe that nobody reads.
    """
    command = [*COMMAND, *line.split()]
    reading, left = os.pipe()
    os.close(reading)
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        warmly: dict[str, dict[str, int]] = {
            "": {},
            FULL: {"stdout": full},
            LEFT: {"stdout": left},
            f"2{FULL}": {"stderr": full},
            f"2{LEFT}": {"stderr": left},
        }
        if redirection in warmly:
            streams = warmly[redirection]
            return warm.run(
                command, environment=environment(), folder=folder, **streams
            )
        return subprocess.run(
            ["bash", "-c", f"exec 7>&{left}; exec {shlex.join(command)} {redirection}"],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(left,),
        )
    finally:
        os.close(left)
        os.close(full)


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
    place: Path, tmp_path: Path, verb: str, redirection: str, told: int
) -> None:
    """It ends with 0 at a signal; the signal is sent when its folder is ready."""
    reading, left = os.pipe()
    os.close(reading)
    folder = tmp_path / "data"
    line = [*COMMAND, *verb.split(), "--data", str(folder), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        ["bash", "-c", f"exec 7>&{left}; exec {shlex.join(line)} {redirection}"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=(left,),
    )
    os.close(left)
    try:
        while process.poll() is None and not _is_listening(process.pid):
            # Looking all the time takes the processor from what is looked at.
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate()
    finally:
        process.kill()
    assert 0 == process.returncode, stderr
    assert told == stderr.count('"announcement not written"')
    assert "Traceback" not in stderr


def _is_listening(pid: int) -> bool:
    """Whether a process has a listening socket, as the system tells."""
    listening = {
        fields[9]
        for fields in map(
            str.split, Path(f"/proc/{pid}/net/tcp").read_text().splitlines()
        )
        if fields[3] == "0A"
    }
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith("socket:[") and target[8:-1] in listening:
            return True
    return False


def test_an_alarm_that_was_not_written_is_shown_again(place: Path) -> None:
    line = "monitor --log http://127.0.0.1:1 --policy policy --state state --once"
    lost = redirected(place, line, FULL)
    assert 2 == lost.returncode
    assert f"tlog monitor: {NO_SPACE}\n" in lost.stderr
    shown = redirected(place, line, "")
    assert 1 == shown.returncode
    assert '"kind": "unreachable"' in shown.stdout
