"""A verdict that nobody can read is none: every way in which writing can fail."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm
from tests.tlogverify.documents import ARTIFACT, POLICY_TEXT, PROOF_TEXT

PROGRAMS: dict[str, list[str]] = {"tlogverify": [], "tlog": ["verify"]}
ARTIFACTS = {"release": 0, "other": 1, "missing": 2}
VERDICTS = {"other": "not proven", "missing": "unusable input"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "release").write_bytes(ARTIFACT)
    (tmp_path / "other").write_bytes(b"another")
    (tmp_path / "proof").write_bytes(PROOF_TEXT)
    (tmp_path / "policy").write_bytes(POLICY_TEXT)
    return tmp_path


def redirected(
    folder: Path, program: str, redirection: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run the command below a shell that has pointed its descriptors elsewhere."""
    command, descriptors = warm.command(program, os.environ)
    shell = ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *command]
    return subprocess.run(
        [*shell, *PROGRAMS[program], *arguments],
        cwd=folder,
        pass_fds=descriptors,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("artifact", ARTIFACTS)
@pytest.mark.parametrize("more", [(), ("--json",)], ids=["line", "json"])
@pytest.mark.parametrize(
    ("redirection", "cause"),
    [
        pytest.param(">&-", "standard output is closed", id="closed"),
        pytest.param(">/dev/full", "No space left on device", id="full"),
        pytest.param("</dev/full >&0", "Bad file descriptor", id="read-only"),
    ],
)
def test_an_unwritten_verdict_is_said_to_be_so(
    folder: Path,
    program: str,
    artifact: str,
    more: tuple[str, ...],
    redirection: str,
    cause: str,
) -> None:
    given = (artifact, "release", "--policy", "policy", "--proof", "proof", *more)
    if artifact == "release":
        given = given[1:]
    ended = redirected(folder, program, redirection, *given)
    assert (2, "") == (ended.returncode, ended.stdout)
    unwritten = f"the verdict could not be written: {cause}"
    lines = ended.stderr.splitlines()
    assert unwritten in lines[-1]
    assert "Traceback" not in ended.stderr
    assert "unusable input" not in ended.stderr or artifact == "missing"
    if artifact in VERDICTS:
        assert lines[0].startswith(f"{artifact}: ")
        assert VERDICTS[artifact] in lines[0]
    assert (1 if more or artifact == "release" else 2) == len(lines)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("artifact", ARTIFACTS)
@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_without_an_ear_for_reasons_the_status_tells(
    folder: Path, program: str, artifact: str, redirection: str
) -> None:
    given = (artifact, "--policy", "policy", "--proof", "proof", "--json")
    ended = redirected(folder, program, redirection, *given)
    assert ARTIFACTS[artifact] == ended.returncode
    assert 1 == ended.stdout.count("\n")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_with_everything_closed_nothing_is_proven(
    folder: Path, program: str, artifact: str
) -> None:
    given = (artifact, "--policy", "policy", "--proof", "proof")
    ended = redirected(folder, program, "<&- >&- 2>&-", *given)
    assert max(ARTIFACTS[artifact], 2 if artifact == "release" else 1) == (
        ended.returncode
    )
    assert ("", "") == (ended.stdout, ended.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
def test_a_help_that_nobody_can_read_is_no_success(
    folder: Path, redirection: str
) -> None:
    ended = redirected(folder, "tlogverify", redirection, "--help")
    assert 2 == ended.returncode
    assert ended.stderr.startswith("python -m tlogverify: the help could not be writ")
    assert 1 == ended.stderr.count("\n")
    assert 0 == redirected(folder, "tlogverify", "", "--help").returncode


def test_a_reader_that_leaves_ends_it(folder: Path) -> None:
    """The first verdict that is lost ends it: no other is judged for nobody."""
    for number in range(50):
        (folder / f"release-{number}").write_bytes(ARTIFACT)
    names = [f"release-{number}" for number in range(50)]
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "tlogverify", *names]
    running = subprocess.Popen(
        [*command, "--policy", "policy", "--proof", "proof"],
        cwd=folder,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    os.close(reader)
    _, said = running.communicate()
    assert 2 == running.returncode
    assert "release-0: the verdict could not be written: Broken pipe\n" == said


def test_an_interrupted_command_ends_without_a_traceback(folder: Path) -> None:
    os.mkfifo(folder / "endless")
    command = [sys.executable, "-m", "tlogverify", "endless"]
    running = subprocess.Popen(
        [*command, "--policy", "policy", "--proof", "proof"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Opening waits for the reader, which so is known to have come to the artifact.
    writer = os.open(folder / "endless", os.O_WRONLY)
    running.send_signal(signal.SIGINT)
    said = running.communicate()
    os.close(writer)
    assert (130, ("", "")) == (running.returncode, said)
