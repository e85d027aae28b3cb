"""`tlog backup` and `tlog restore`, killed by SIGKILL in the middle, then resumed."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import warm
from tests.support.cases import case
from tests.system.load import entry
from tests.system.server import (
    COMMAND,
    ORIGIN,
    ServerProcess,
    environment,
    run_tlog,
    serving,
)
from tlogclient import BlockingLog

SIZE = 20_000
BUNDLES = -(-SIZE // 256)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A log of many bundles, which runs."""
    with serving(tmp_path_factory.mktemp("backup") / "log") as running:
        with BlockingLog(running.url, running.policy) as log:
            log.submit([entry(str(number)) for number in range(SIZE)])
        running.wait_until_searchable(SIZE)
        yield running


def kill_at(count: int, watched: Path, *arguments: str | Path) -> bool:
    """Run a command until so many bundles are there; tell whether the signal struck."""
    process = warm.start(
        [*COMMAND, *arguments],
        environment=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if sum(1 for _ in watched.rglob("[0-9]*")) >= count:
            process.send_signal(signal.SIGKILL)
            break
    return -signal.SIGKILL == process.wait()


def test_runs_that_are_killed_anywhere_are_resumed(
    server: ServerProcess, tmp_path: Path
) -> None:
    place, to = tmp_path / "place", tmp_path / "restored"
    backup = ("backup", server.folder, "--to", place)
    restore = ("restore", place, "--to", to, "--without-witnesses")
    struck = 0
    for at in (0, 1, 20, 60, BUNDLES - 3):
        with case(f"backup, {at} bundles"):
            struck += kill_at(at, place / "tile", *backup)
            if not (place / "copy.json").exists():
                assert 2 == run_tlog(*restore).returncode
                assert not to.exists()
    assert struck, "every run had ended before its signal"
    done = run_tlog(*backup)
    assert 0 == done.returncode, done.stderr
    assert f"{SIZE} entries" in done.stdout

    struck = 0
    for at in (0, 1, 40, BUNDLES + 1, 2 * BUNDLES):
        with case(f"restore, {at} files"):
            struck += kill_at(at, to / "public", *restore)
            if (to / "journal.db").exists() and not (to / "format").exists():
                way = ("--listen", "127.0.0.1:0", "--origin", ORIGIN)
                refused = run_tlog("serve", "--data", to, *way)
                assert 1 == refused.returncode, refused.stderr
    assert struck, "every restore had ended before its signal"
    if not (to / "format").exists():
        done = run_tlog(*restore)
        assert 0 == done.returncode, done.stderr
    checked = run_tlog("fsck", to)
    assert (0, True) == (checked.returncode, f"{SIZE} entries" in checked.stdout)
    assert 2 == run_tlog(*restore).returncode


def test_a_copy_goes_on_when_the_logs_key_has_changed(tmp_path: Path) -> None:
    folder, place, to = (tmp_path / name for name in ("log", "place", "restored"))
    with serving(folder) as server:
        with BlockingLog(server.url, server.policy) as log:
            log.submit([entry(str(number)) for number in range(300)])
        assert 0 == server.terminate()
    backup = ("backup", folder, "--to", place)
    assert 0 == run_tlog(*backup).returncode
    for step in ((), ("--retire", "--early")):
        done = run_tlog("rotate-key", folder, *step)
        assert 0 == done.returncode, done.stderr
    done = run_tlog(*backup)
    assert 0 == done.returncode, done.stderr
    done = run_tlog("restore", place, "--to", to, "--without-witnesses")
    assert 0 == done.returncode, done.stderr
    checked = run_tlog("fsck", to)
    assert 0 == checked.returncode, checked.stderr
    with (
        serving(to, origin="") as server,
        BlockingLog(server.url, server.policy) as log,
    ):
        assert 303 == log.submit_one(entry("after")).index + 1
