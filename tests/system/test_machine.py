"""Real processes on a machine that fails: each end is told in one line, with status 3.

Nothing of what the machine does is called damage, and the next start on a machine that
is mended works on the folder as it was.
"""

import errno
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.faults.machine import FailingMachine
from tests.faults.opened import entries, fsck
from tests.support import warm
from tests.support.static_log import POLICY, StaticLog, entries_of
from tests.support.witnessing import histories
from tests.system.load import submit
from tests.system.server import (
    COMMAND,
    NotServingError,
    ServerProcess,
    WitnessProcess,
    environment,
)
from tests.tlogverify.actors import LOG

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the loader's own rules"
)

SIZE = 700
MANY = 4_300
"""So many that the index takes them as a file of its own."""


def get(server: ServerProcess, target: str) -> tuple[int, str | None]:
    """Return a status, and the type of the problem that is told with it."""
    connection = HTTPConnection(server.url.removeprefix("http://"))
    connection.request("GET", target)
    answer = connection.getresponse()
    told = json.loads(answer.read()).get("type")
    connection.close()
    return answer.status, told


def require_told(stderr: str, *, fatal: bool = True) -> None:
    """Require that the last line says why it ended, and no line shows our code."""
    assert "Traceback" not in stderr, stderr
    assert "damaged" not in stderr, stderr
    assert "does not verify" not in stderr, stderr
    last = stderr.splitlines()[-1]
    assert fatal == last.startswith(("tlog serve: ", "tlog witness: ")), stderr


def require_whole(server: ServerProcess, size: int) -> None:
    """Start the log again on a machine that is mended: it is as it was."""
    server.variables = {}
    before = len(server.stderr)
    server.start()
    assert size == server.told["size"]
    assert 200 == submit(server, 0, 100)
    assert 0 == server.terminate()
    assert "index made anew" not in server.stderr[before:]
    assert 0 == fsck(server.folder)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stopped log, all of it published."""
    server = ServerProcess(tmp_path_factory.mktemp("filled") / "log").start()
    assert 201 == submit(server, 0, SIZE)
    assert 0 == server.terminate()
    return server.folder


@pytest.fixture
def server(tmp_path: Path, filled: Path) -> Iterator[ServerProcess]:
    shutil.copytree(filled, tmp_path / "log")
    server = ServerProcess(tmp_path / "log")
    yield server
    server.end()


@pytest.fixture
def machine(tmp_path: Path, server: ServerProcess) -> FailingMachine:
    machine = FailingMachine(tmp_path)
    server.variables = machine.variables
    return machine


AT_START = [
    ("open", errno.EMFILE, "log/lock"),
    ("open", errno.EMFILE, "log/format"),
    ("read", errno.EIO, "log/keys/log.ed25519"),
    ("read", errno.EIO, "log/policy"),
    ("open", errno.EMFILE, "log/journal.db"),
    ("read", errno.EIO, "log/journal.db"),
    ("read", errno.EIO, "log/public/checkpoint"),
    ("open", errno.EMFILE, "log/public/tile/entries/002.p"),
    ("read", errno.EIO, "log/public/tile/0/002.p"),
    ("open", errno.EIO, "log/index/MANIFEST"),
    ("open", errno.EMFILE, "log/index/LOCK"),
    ("open", errno.EMFILE, ".sst"),
    ("read", errno.EIO, ".sst"),
    ("write", errno.ENOSPC, "log/index/"),
    ("sync", errno.EIO, "log/index/"),
    ("open", errno.EMFILE, "log/contradictions"),
]


@pytest.mark.parametrize(("call", "number", "part"), AT_START)
def test_a_start_on_a_failing_machine_ends_with_3_and_changes_nothing(
    server: ServerProcess, machine: FailingMachine, call: str, number: int, part: str
) -> None:
    before = kept(server.folder)
    machine.breaks(call, number, part)
    with pytest.raises(NotServingError) as refused:
        server.start()
    assert 3 == refused.value.status, refused.value.stderr
    require_told(refused.value.stderr)
    assert before == kept(server.folder)
    if "index" in part or ".sst" in part:
        require_whole(server, SIZE)


def kept(folder: Path) -> dict[Path, bytes]:
    """Return what nothing could replace: keys, journal and public files."""
    found = [*folder.glob("keys/*"), *folder.glob("journal.db"), folder / "policy"]
    found += [it for it in folder.glob("public/**/*") if it.is_file()]
    return {path: path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("call", "number", "part"),
    [
        ("read", errno.EIO, "public/tile/entries/001"),
        ("read", errno.EIO, "public/checkpoint"),
        ("open", errno.EMFILE, "log/log.vkey"),
        ("open", errno.EMFILE, "log/journal.db"),
        ("read", errno.EIO, "log/journal.db"),
        ("open", errno.EMFILE, "log/index/MANIFEST"),
        ("read", errno.EIO, ".sst"),
    ],
)
def test_a_folder_that_cannot_be_read_is_not_judged(
    server: ServerProcess, machine: FailingMachine, call: str, number: int, part: str
) -> None:
    machine.breaks(call, number, part)
    done = warm.run(
        [*COMMAND, "fsck", server.folder],
        environment={**environment(), **machine.variables},
    )
    assert 3 == done.returncode, done.stderr
    assert "damaged" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bundle_that_cannot_be_read_for_the_index_is_not_damaged(
    server: ServerProcess, machine: FailingMachine
) -> None:
    shutil.rmtree(server.folder / "index")
    machine.breaks("read", errno.EIO, "log/public/tile/entries/001")
    with pytest.raises(NotServingError) as refused:
        server.start()
    assert 3 == refused.value.status
    require_told(refused.value.stderr)
    require_whole(server, SIZE)


AT_RUN_TIME = [
    ("sync", errno.EIO, "log/journal.db"),
    ("sync", errno.EIO, "log/tmp/"),
    ("sync", errno.EIO, "log/public/tile"),
    ("write", errno.EIO, "log/index/"),
    ("write", errno.EDQUOT, "log/index/"),
    ("sync", errno.EIO, "log/index/"),
    ("open", errno.EMFILE, "log/index"),
]


@pytest.mark.parametrize(("call", "number", "part"), AT_RUN_TIME)
def test_a_machine_that_fails_later_ends_the_process_with_3(
    server: ServerProcess, machine: FailingMachine, call: str, number: int, part: str
) -> None:
    server.start()
    machine.breaks(call, number, part)
    status = submit(server, SIZE, SIZE + MANY)
    assert 3 == server.wait(), server.stderr
    require_told(server.stderr)
    machine.mends()
    # What was not answered may be there; what was answered is.
    server.start()
    size = server.told["size"]
    assert size == SIZE + MANY or (size == SIZE and status in {0, 503})
    assert 0 == server.terminate()
    require_whole(server, size)


@pytest.mark.parametrize("call", ["write", "sync"])
def test_an_index_that_cannot_be_flushed_at_the_end_is_told_and_written_anew(
    server: ServerProcess, machine: FailingMachine, call: str
) -> None:
    server.start()
    assert 201 == submit(server, SIZE, SIZE + 10)
    machine.breaks(call, errno.EIO, "log/index/")
    assert 0 == server.terminate()
    assert "the index was not flushed" in server.stderr
    require_told(server.stderr, fatal=False)
    machine.mends()
    require_whole(server, SIZE + 10)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOMEM])
def test_what_the_index_cannot_read_is_no_absence(
    server: ServerProcess, machine: FailingMachine, number: int
) -> None:
    subjects = [json.loads(it)["subject"][0]["sha256"] for it in entries(0, SIZE)]
    # The last block of the file is in memory from the start: the first digest is not.
    digest = min(subjects)
    target = f"/api/v1/search?digest=sha256:{digest}"
    server.start()
    machine.breaks("read", number, ".sst")
    assert (503, "unavailable") == get(server, target)
    assert 503 == submit(server, 0, 100)
    machine.mends()
    assert (200, None) == get(server, target)
    assert 200 == submit(server, 0, 100)
    assert 0 == server.terminate()
    require_whole(server, SIZE)


def test_a_log_goes_on_when_its_lines_cannot_be_written(
    server: ServerProcess, machine: FailingMachine
) -> None:
    server.start()
    machine.breaks("write", errno.ENOSPC, "log.stderr")
    assert 201 == submit(server, SIZE, SIZE + 10)
    assert 0 == server.terminate()
    machine.mends()
    require_whole(server, SIZE + 10)


def test_a_fatal_end_has_its_status_when_it_cannot_be_told(
    server: ServerProcess, machine: FailingMachine, tmp_path: Path
) -> None:
    server.start()
    # The folder's own part is in both: its files and its lines fail together.
    machine.breaks("sync", errno.EIO, f"log/journal.db\nwrite {errno.EIO} log.stderr")
    assert 503 == submit(server, SIZE, SIZE + 10)
    assert 3 == server.wait()


def test_an_abort_of_native_code_says_where(
    server: ServerProcess, machine: FailingMachine
) -> None:
    # No disk does this: libuv wakes its own loop so, and aborts if it cannot.  An
    # injector that lets all writes fail ends the process here, and not in the log.
    server.start()
    machine.breaks("write", errno.EIO, "anon_inode:[eventfd]")
    assert 0 == submit(server, SIZE, SIZE + 10)
    assert -signal.SIGABRT == server.wait()
    assert "Fatal Python error: Aborted" in server.stderr
    machine.mends()
    server.start()
    size = server.told["size"]
    assert 0 == server.terminate()
    require_whole(server, size)


@pytest.mark.parametrize("clock_s", [-3600, 0])
def test_a_log_does_not_start_by_a_clock_that_cannot_be(
    server: ServerProcess, machine: FailingMachine, clock_s: int
) -> None:
    machine.clock_s = clock_s
    server.variables = machine.variables
    with pytest.raises(NotServingError) as refused:
        server.start()
    assert 3 == refused.value.status
    assert refused.value.stderr.splitlines()[-1].startswith(
        "tlog serve: this machine's clock is wrong: set it."
    )
    require_told(refused.value.stderr)
    require_whole(server, SIZE)


@pytest.fixture
def witness(tmp_path: Path, machine: FailingMachine) -> Iterator[WitnessProcess]:
    """A witness that was started once."""
    witness = WitnessProcess(tmp_path / "witness", "--log", LOG.vkey.decode()).start()
    assert 0 == witness.terminate()
    witness.variables = machine.variables
    yield witness
    witness.end()


OF_A_WITNESS = [
    ("open", errno.EMFILE, "witness/lock"),
    ("open", errno.EMFILE, "witness/state.db"),
    ("read", errno.EIO, "witness/state.db"),
    ("open", errno.EMFILE, "witness/witness.vkey"),
    ("read", errno.EIO, "witness/keys/"),
    ("sync", errno.EIO, "witness/tmp/"),
    ("write", errno.ENOSPC, "witness/tmp/"),
]


@pytest.mark.parametrize(("call", "number", "part"), OF_A_WITNESS)
def test_a_witness_on_a_failing_machine_ends_with_3_and_forgets_nothing(
    witness: WitnessProcess,
    machine: FailingMachine,
    call: str,
    number: int,
    part: str,
) -> None:
    machine.breaks(call, number, part)
    with pytest.raises(NotServingError) as refused:
        witness.start()
    assert 3 == refused.value.status, refused.value.stderr
    require_told(refused.value.stderr)
    assert "forgotten" not in refused.value.stderr
    machine.mends()
    witness.start()
    assert 0 == witness.terminate()


def test_a_witness_whose_commit_is_not_synced_ends_with_3(
    witness: WitnessProcess, machine: FailingMachine
) -> None:
    history, _ = histories(10, common=3)
    witness.start()
    machine.breaks("sync", errno.EIO, "witness/state.db")
    connection = HTTPConnection(witness.url.removeprefix("http://"))
    connection.request("POST", "/add-checkpoint", history.request(0, 3))
    assert 503 == connection.getresponse().status
    connection.close()
    assert 3 == witness.wait(), witness.stderr
    require_told(witness.stderr)


OF_A_MONITOR = [
    ("open", errno.EMFILE, "state/lock"),
    ("open", errno.EMFILE, "state/monitor.db"),
    ("read", errno.EIO, "state/monitor.db"),
    ("open", errno.EMFILE, "state/entries.bin"),
    ("read", errno.EIO, "state/roots.bin"),
    ("write", errno.ENOSPC, "state/entries.bin"),
    ("sync", errno.EIO, "state/entries.bin"),
    ("sync", errno.EIO, "state/monitor.db"),
]


@pytest.mark.parametrize(("call", "number", "part"), OF_A_MONITOR)
def test_a_monitor_on_a_failing_machine_ends_with_3_and_goes_on_later(
    tmp_path: Path, call: str, number: int, part: str
) -> None:
    machine = FailingMachine(tmp_path)
    (tmp_path / "log").mkdir()
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 300))
    log.publish()
    (tmp_path / "policy").write_bytes(POLICY)
    assert (0, "") == watch(tmp_path, machine)
    log.add(entries_of(300, 900))
    log.publish()
    machine.breaks(call, number, part)
    status, stderr = watch(tmp_path, machine)
    assert 3 == status, stderr
    assert "Traceback" not in stderr, stderr
    assert stderr.splitlines()[-1].startswith("tlog monitor: "), stderr
    machine.mends()
    assert (0, "") == watch(tmp_path, machine)


def watch(folder: Path, machine: FailingMachine) -> tuple[int, str]:
    """Let a monitor look once; return its status, and what it says besides progress."""
    command = [*COMMAND, "monitor", "--log", str(folder / "log"), "--once"]
    command += ["--policy", str(folder / "policy"), "--state", str(folder / "state")]
    done = warm.run(
        [*command, "--log-level", "error"],
        environment={**environment(), **machine.variables},
    )
    return done.returncode, done.stderr
