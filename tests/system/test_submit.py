"""Many files, by real processes: proofs as they come, and no good one is lost.

TLOG_SUBMIT_FILES=12000 runs the first test with as many files, against a log that takes
a hundred entries a second (`make many`).
"""

import asyncio
import json
import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.standing import (
    ended,
    say,
    standing_before,
    start_tlog,
    tlog,
)
from tests.system.server import (
    COMMAND,
    ServerProcess,
    WitnessProcess,
    environment,
    run_tlog,
    serving,
)
from tlogverify import Policy, Proof, VerificationError, verify_artifact

FILES = int(os.environ.get("TLOG_SUBMIT_FILES", "12"))
PROOF = ".tlog-proof"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One log for all tests that only talk to it."""
    with serving(tmp_path_factory.mktemp("submit") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Another log, of another origin."""
    folder = tmp_path_factory.mktemp("other") / "log"
    with serving(folder, origin="other.example/log") as running:
        yield running


def some_files(folder: Path, count: int = FILES) -> list[Path]:
    """Write so many files, each of other bytes than any before."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"f{number:05}.bin" for number in range(count)]
    for file in files:
        file.write_bytes(os.urandom(20))
    return files


def proof_of(file: Path) -> Path:
    return file.with_name(f"{file.name}{PROOF}")


def proven(files: list[Path], policy: Path) -> list[Path]:
    """Return the files whose proof holds, without the command's own code."""
    found = []
    for file in files:
        with suppress(VerificationError):
            verify_artifact(file, Proof.read(proof_of(file)), Policy.read(policy))
            found.append(file)
    return found


def is_clean(folder: Path) -> bool:
    """Tell whether no draft of a proof lies in a folder."""
    return not [it for it in folder.iterdir() if it.name.startswith(".")]


def test_a_rate_limit_is_waited_out_and_a_rerun_asks_for_nothing(
    tmp_path: Path,
) -> None:
    # A request of twelve files in three, or of 12,000 in two, with pauses between.
    batch = 4 if FILES <= 100 else 10_000
    rates = ("--rate-entries-per-s", min(FILES, 100), "--rate-burst-entries", batch)
    files = some_files(tmp_path / "files")
    with serving(tmp_path / "log", *map(str, rates)) as limited:
        policy = limited.folder / "policy"
        command = ("submit", "--recursive", tmp_path / "files", "--log", limited.url)
        done = run_tlog(*command, "--batch", str(batch), "--policy", policy)
        assert (0, FILES) == (done.returncode, len(done.stdout.splitlines()))
        assert all(proof_of(it).is_file() for it in files)
        assert 0 == limited.terminate()
    assert files[:: FILES // 12] == proven(files[:: FILES // 12], policy)
    # The log is gone: whatever asked it would fail.
    again = run_tlog(*command, "--policy", policy)
    assert (0, FILES) == (again.returncode, again.stdout.count("there before"))


@pytest.mark.parametrize("has_policy", [True, False])
async def test_what_passes_is_waited_out_with_and_without_a_policy(
    server: ServerProcess, tmp_path: Path, has_policy: bool
) -> None:
    files = some_files(tmp_path, 3)
    policy = ("--policy", server.folder / "policy") if has_policy else ()
    date = {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    async with standing_before(server.url) as proxy:
        proxy.in_pieces = True
        proxy.instead += [
            say(502),
            say(503, Retry_After="1"),
            say(429, Retry_After="Thu, 01 Jan 2026 00:00:01 GMT", **date),
            say(504),
        ]
        done = await tlog("submit", *files, "--log", proxy.url, *policy)
    assert (0, 3) == (done.status, len(done.out.splitlines()))
    assert [3] == proxy.submitted
    assert files == proven(files, server.folder / "policy")


async def test_proofs_are_kept_as_they_come_and_the_rest_is_asked_for_later(
    server: ServerProcess, tmp_path: Path
) -> None:
    files = some_files(tmp_path, 6)
    command = ("submit", *files, "--batch", 2, "--policy", server.folder / "policy")
    async with standing_before(server.url) as proxy:
        proxy.instead += [None, say(400)]
        first = await tlog(*command, "--log", proxy.url)
        assert 1 == first.status
        assert "2 of 6 files have their proofs; the same command" in first.err
        before = [proof_of(it).read_bytes() for it in files[:2]]
        assert not proof_of(files[2]).exists()
        again = await tlog(*command, "--log", proxy.url)
    assert (0, 6) == (again.status, len(again.out.splitlines()))
    assert [2, 2, 2] == proxy.submitted
    assert before == [proof_of(it).read_bytes() for it in files[:2]]
    assert files == proven(files, server.folder / "policy")


async def test_a_pause_above_the_patience_ends_it_and_says_so(
    server: ServerProcess, tmp_path: Path
) -> None:
    async with standing_before(server.url) as proxy:
        proxy.instead += [say(429, Retry_After="3600")]
        done = await tlog(
            *("submit", *some_files(tmp_path, 2), "--log", proxy.url),
            *("--policy", server.folder / "policy", "--timeout", 60),
        )
    assert 1 == done.status
    assert "the pause of 3600 s that it asks for is too long" in done.err


async def test_a_request_too_large_for_the_proxy_is_sent_in_halves(
    server: ServerProcess, tmp_path: Path
) -> None:
    files = some_files(tmp_path, 5)
    async with standing_before(server.url) as proxy:
        proxy.instead += [say(413)]
        done = await tlog(
            *("submit", *files, "--log", proxy.url),
            *("--policy", server.folder / "policy"),
        )
    assert 0 == done.status
    assert [2, 2, 1] == proxy.submitted


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
async def test_a_signal_says_what_is_done(
    server: ServerProcess, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    files = some_files(tmp_path, 6)
    async with standing_before(server.url) as proxy:
        proxy.instead += [None, proxy.hold]
        process = await start_tlog(
            *("submit", *files, "--log", proxy.url, "--batch", 2, "--json"),
            *("--policy", server.folder / "policy"),
        )
        await proxy.held.wait()
        process.send_signal(number)
        done = await ended(process)
    assert status == done.status
    told = "interrupted: 2 of 6 files have their proofs; 2 more may be in the log"
    assert told in done.err
    assert told in json.loads(done.out.splitlines()[-1])["error"]
    assert "Traceback" not in done.err
    assert files[:2] == [it for it in files if proof_of(it).exists()]


async def test_a_background_job_that_ignores_ctrl_c_ends_by_sigterm(
    server: ServerProcess, tmp_path: Path
) -> None:
    """A shell without job control starts `command &` so."""
    (file,) = some_files(tmp_path, 1)
    async with standing_before(server.url) as proxy:
        proxy.instead += [proxy.hold]
        line = shlex.join(map(str, [*COMMAND, "submit", file, "--log", proxy.url]))
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f"trap '' INT; exec {line}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        await proxy.held.wait()
        process.send_signal(signal.SIGTERM)
        done = await ended(process)
    assert (143, "") == (done.status, done.out)
    assert "interrupted: 0 of 1" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("stdout", ["closed", "full"])
def test_output_that_nobody_reads_costs_no_proof(
    server: ServerProcess, tmp_path: Path, stdout: str
) -> None:
    files = some_files(tmp_path, 4)
    command = [
        *COMMAND,
        "submit",
        *map(str, files),
        "--log",
        server.url,
        "--batch",
        "2",
    ]
    if stdout == "closed":
        reading, sink = os.pipe()
        os.close(reading)
    else:
        sink = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(
        [*command, "--policy", server.folder / "policy"],
        stdout=sink,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=environment(),
    )
    os.close(sink)
    assert all(proof_of(it).is_file() for it in files)
    if stdout == "closed":
        assert (0, "") == (done.returncode, done.stderr)
    else:
        assert 2 == done.returncode
        assert "tlog submit: standard output: No space left on device\n" in done.stderr


def test_a_rewrite_that_fails_leaves_what_was_there(
    server: ServerProcess, tmp_path: Path
) -> None:
    """A limit of no bytes a file stands for a disk that is full."""
    files = some_files(tmp_path, 2)
    policy = server.folder / "policy"
    common: tuple[str | Path, ...] = (
        "submit",
        *files,
        "--log",
        server.url,
        "--policy",
        policy,
    )
    assert 0 == run_tlog(*common).returncode
    before = [proof_of(it).read_bytes() for it in files]
    note = tmp_path.with_name("note")
    note.write_text("another document")
    line = [*COMMAND, *common, "--force", "--provenance", note]
    done = subprocess.run(
        ["sh", "-c", f"ulimit -f 0; exec {shlex.join(map(str, line))}"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert 2 == done.returncode
    assert "File too large" in done.stderr
    assert before == [proof_of(it).read_bytes() for it in files]
    assert is_clean(tmp_path)


def test_a_proof_without_waiting_is_replaced_by_a_cosigned_one_and_never_back(
    tmp_path: Path,
) -> None:
    files = some_files(tmp_path / "files", 2)
    log = ServerProcess(tmp_path / "log")
    witness = WitnessProcess(tmp_path / "witness", origin="witness.example/1")
    try:
        vkey = (log.start().folder / "log.vkey").read_text().strip()
        assert 0 == log.terminate()
        witness = WitnessProcess(
            tmp_path / "witness", "--log", vkey, origin="witness.example/1"
        )
        witness.start()
        witnesses = tmp_path / "witnesses"
        witnesses.write_text(f"witness w {witness.vkey} {witness.url}\nquorum w\n")
        log = ServerProcess(tmp_path / "log", "--witness-policy", str(witnesses))
        log.start()
        policy = log.folder / "policy"
        command: tuple[str | Path, ...] = (
            "submit",
            *files,
            "--log",
            log.url,
            "--policy",
            policy,
        )
        early = run_tlog(*command, "--no-wait")
        assert (0, 2) == (early.returncode, early.stdout.count("not yet cosigned"))
        assert [] == proven(files, policy)
        assert Proof.read(proof_of(files[0])).extra is not None
        told = run_tlog(*command, "--no-wait", "--json").stdout.splitlines()
        assert [False, False] == [json.loads(it)["cosigned"] for it in told]
        assert 0 == run_tlog(*command).returncode
        assert files == proven(files, policy)
        cosigned = [proof_of(it).read_bytes() for it in files]
        assert 0 == run_tlog(*command, "--no-wait").returncode
        assert cosigned == [proof_of(it).read_bytes() for it in files]
    finally:
        log.end()
        witness.end()


def test_another_logs_answer_is_told_by_both_names(
    server: ServerProcess, other: ServerProcess, tmp_path: Path
) -> None:
    (file,) = some_files(tmp_path, 1)
    done = run_tlog(
        "submit", file, "--log", other.url, "--policy", server.folder / "policy"
    )
    assert 1 == done.returncode
    trusted, found = "log.example/system", "other.example/log"
    assert f"trusts '{trusted}', and the answer is of '{found}'" in done.stderr
    assert not proof_of(file).exists()
