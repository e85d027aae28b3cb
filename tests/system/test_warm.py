"""A process that is started warm is one of its own, as real as one that is executed."""

import contextlib
import os
import shlex
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import warm
from tests.system.server import COMMAND, ServerProcess, environment, serving

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere processes are started as usual"
)

LEFT = """
import os, pathlib, sys
from tests.system.server import ServerProcess
print(ServerProcess(pathlib.Path(sys.argv[1])).start().pid, flush=True)
os._exit(0)
"""


def test_it_has_an_id_a_session_and_a_memory_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "one") as one, serving(tmp_path / "two") as two:
        assert 3 == len({one.pid, two.pid, os.getpid()})
        assert [one.pid, two.pid] == [os.getsid(one.pid), os.getsid(two.pid)]
        one.kill()
        assert 0 == two.terminate()


def test_it_is_stopped_continued_and_killed_by_real_signals(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log").start()
    server.send(signal.SIGSTOP)
    state = Path(f"/proc/{server.pid}/stat")
    while state.read_text().rpartition(") ")[2][0] != "T":
        os.sched_yield()
    server.send(signal.SIGCONT)
    server.send(signal.SIGKILL)
    assert -signal.SIGKILL == server.wait()


def test_two_threads_may_wait_for_its_end() -> None:
    """Whoever reads its status must not take it away from the other."""
    command = [*COMMAND, "--version"]
    with ThreadPoolExecutor(1) as thread:
        for _ in range(50):
            process = warm.start(
                command, environment=environment(), stdout=subprocess.DEVNULL
            )
            waiting = thread.submit(process.wait)
            while process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
            assert process.returncode == waiting.result()


def test_it_is_ended_where_a_test_fails_that_would_have_ended_it(
    tmp_path: Path,
) -> None:
    command = [*COMMAND, "witness", "--listen=127.0.0.1:0", "--name=a.example/w"]
    process = warm.start(
        [*command, f"--data={tmp_path / 'witness'}"],
        environment=environment(),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    with pytest.raises(ZeroDivisionError), process:
        raise ZeroDivisionError
    assert -signal.SIGKILL == process.returncode


def test_it_holds_no_descriptor_but_its_streams(tmp_path: Path) -> None:
    """Another's link or stream would keep that from being seen closed."""
    with serving(tmp_path / "one") as one, serving(tmp_path / "two") as two:
        assert streams_of(one.pid)
        assert set() == streams_of(one.pid) & streams_of(two.pid)


def streams_of(pid: int) -> set[str]:
    """Return the pipes and sockets that a process has open.

    It goes on meanwhile: what it has just closed is listed and cannot be read.
    """
    links = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    return {it for it in links if it.startswith(("pipe:", "socket:"))}


def test_it_writes_exits_and_lives_where_it_is_told(tmp_path: Path) -> None:
    command = [*COMMAND, "keygen", "a.example", "--out", "key"]
    done = warm.run(command, environment=environment(), folder=tmp_path, umask=0o007)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("a.example+")
    assert 0o600 == stat.S_IMODE((tmp_path / "key").stat().st_mode)
    again = warm.run(command, environment=environment(), folder=tmp_path)
    assert (2, "") == (again.returncode, again.stdout)
    assert again.stderr.startswith("tlog keygen: ")


def test_its_environment_is_what_it_was_given_and_nothing_else(tmp_path: Path) -> None:
    given = {**environment(), "TLOG_ORIGIN": "told.example"}
    command = [*COMMAND, "serve", "--data", str(tmp_path / "log"), "--json"]
    command += ["--listen", "127.0.0.1:0"]
    with warm.start(command, environment=given, stdout=subprocess.PIPE) as process:
        seen = Path(f"/proc/{process.pid}/cwd").resolve()
        assert process.stdout is not None
        assert '"origin": "told.example"' in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    assert (0, Path.cwd()) == (process.returncode, seen)


def test_what_is_read_within_an_import_is_its_own_too() -> None:
    given = {**environment(), "TLOG_HASH_BACKEND": "hashlib"}
    told = warm.run([*COMMAND, "--version"], environment=given)
    assert told.stdout.endswith("hashing by hashlib\n")


def test_it_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEFT, str(tmp_path / "log")]
    started = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment()
    )
    while Path(f"/proc/{int(started.stdout)}").exists():
        os.sched_yield()


def in_a_shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line, in which RUN is the command."""
    command, descriptors = warm.command("tlog", environment())
    return subprocess.run(
        ["sh", "-c", line.replace("RUN", shlex.join(command))],
        env=environment(),
        cwd=folder,
        pass_fds=descriptors,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_shell_gives_it_folder_mask_variables_and_streams(tmp_path: Path) -> None:
    line = (
        "umask 007; mkdir below; cd below; RUN keygen a.example --out key > told;"
        " stat -c %a told; TLOG_ORIGIN=+ RUN serve --data log"
    )
    done = in_a_shell(line, tmp_path)
    assert (2, "660\n") == (done.returncode, done.stdout)
    assert (tmp_path / "below/told").read_text().startswith("a.example+")
    assert "found '+'" in done.stderr


@pytest.mark.parametrize("closed", [">&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_shell_has_closed_is_closed_as_at_a_start(
    tmp_path: Path, closed: str
) -> None:
    warmly = in_a_shell(f"RUN --version {closed}", tmp_path)
    started = subprocess.run(
        ["sh", "-c", f"{shlex.join(COMMAND)} --version {closed}"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    ends = [(it.returncode, it.stdout, it.stderr) for it in (started, warmly)]
    assert ends[0] == ends[1]


def test_a_signal_to_what_the_shell_started_is_its_own(tmp_path: Path) -> None:
    line = "RUN serve --origin a.example --data log --listen 127.0.0.1:0 > told &"
    waiting = "until grep -q serving told; do :; done; kill -TERM $!; wait $!"
    assert 0 == in_a_shell(f"{line} {waiting}", tmp_path).returncode
    killed = in_a_shell(f"{line} {waiting.replace('TERM', 'KILL')}", tmp_path)
    assert 128 + signal.SIGKILL == killed.returncode
    # The folder's lock says that nobody has it any more.
    done = in_a_shell("until RUN fsck log; do :; done", tmp_path)
    assert 0 == done.returncode
