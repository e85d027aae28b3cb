"""Real processes under several umasks: the modes are those that operations.md names."""

import re
import stat
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, cells, section
from tests.support import warm
from tests.support.static_log import POLICY, StaticLog, entries_of
from tests.system.load import submit
from tests.system.server import (
    COMMAND,
    ServerProcess,
    WitnessProcess,
    environment,
)

OPERATIONS = DOCS / "operations.md"
UMASKS = [0o000, 0o022, 0o027, 0o077]


def documented(heading: str) -> dict[str, int]:
    """Return the mode of each name in the table of a role's folder."""
    found: dict[str, int] = {}
    for row in cells(section(OPERATIONS, heading)):
        if len(row) == 3 and re.fullmatch(r"0[0-7]{3}", row[2]):
            found |= dict.fromkeys(re.findall(r"`([^`]+)`", row[0]), int(row[2], 8))
    return found


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def wrong_modes(folder: Path, heading: str) -> list[str]:
    """Return what is in a folder, at any depth, and has another mode than is said.

    What lies in a private folder can be reached by nobody else, whatever its mode is.
    """
    said = documented(heading)
    found = {"./": mode(folder)}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder)) + "/" * path.is_dir()
        top = f"{name.partition('/')[0]}/"
        if name not in said and said.get(top) == 0o755:
            said[name] = 0o755 if path.is_dir() else 0o644
        elif name not in said and top == "keys/":
            said[name] = 0o600
        elif name not in said and said.get(top) == 0o700:
            continue
        found[name] = mode(path)
    return [
        f"{name} has {found[name]:o}, not {said.get(name, 0):o}"
        for name in found
        if found[name] != said.get(name)
    ]


def run_under(umask: int, *arguments: str | Path) -> int:
    """Run one command to its end; return its status."""
    command = [*COMMAND, *arguments]
    return warm.run(command, environment=environment(), umask=umask).returncode


@pytest.mark.parametrize("umask", UMASKS)
def test_a_log_has_its_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    server = ServerProcess(tmp_path / "log")
    server.umask = umask
    server.start()
    assert 201 == submit(server, 0, 300)
    # SQLite's files beside the journal are there while it runs.
    assert [] == wrong_modes(server.folder, "Start")
    assert 0 == server.terminate()
    assert [] == wrong_modes(server.folder, "Start")
    assert 0 == run_under(umask, "rebuild", server.folder)
    assert [] == wrong_modes(server.folder, "Start")


@pytest.mark.parametrize("found", [0o000, 0o777])
def test_a_later_start_gives_a_log_its_modes_again(tmp_path: Path, found: int) -> None:
    server = ServerProcess(tmp_path / "log").start()
    assert 201 == submit(server, 0, 300)
    assert 0 == server.terminate()
    for path in [*server.folder.rglob("*"), server.folder]:
        # Keys that others could read are refused, and not closed.
        if path.parent.name != "keys":
            path.chmod(found | (0o700 if path.is_dir() else 0o600))
    server.start()
    assert 0 == server.terminate()
    wrong = wrong_modes(server.folder, "Start")
    # A folder that was closed stays closed: it may be what the administrator wants.
    assert (["./ has 700, not 755"] if found == 0 else []) == wrong


def test_rebuild_opens_what_lies_deep_in_the_public_folder(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log").start()
    assert 201 == submit(server, 0, 300)
    assert 0 == server.terminate()
    (server.folder / "public/tile/0/000").chmod(0o600)
    assert 0 == run_under(0o077, "rebuild", server.folder)
    assert [] == wrong_modes(server.folder, "Start")


def test_a_shared_folder_that_a_log_is_put_in_stays_shared(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "log")
    server.folder.mkdir()
    server.folder.chmod(0o1777)
    server.start()
    assert 0 == server.terminate()
    assert 0o1777 == mode(server.folder)


@pytest.mark.parametrize("umask", UMASKS)
def test_a_witness_has_its_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    witness = WitnessProcess(tmp_path / "witness")
    witness.umask = umask
    for _ in range(2):
        witness.start()
        assert [] == wrong_modes(witness.folder, "Run a witness")
        assert 0 == witness.terminate()
        assert [] == wrong_modes(witness.folder, "Run a witness")


@pytest.mark.parametrize("umask", UMASKS)
def test_a_monitor_has_its_modes_under_any_umask(tmp_path: Path, umask: int) -> None:
    (tmp_path / "log").mkdir()
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 300))
    log.publish()
    (tmp_path / "policy").write_bytes(POLICY)
    given: list[str | Path] = ["monitor", "--log", tmp_path / "log", "--once"]
    given += ["--policy", tmp_path / "policy", "--state", tmp_path / "state"]
    for _ in range(2):
        assert 0 == run_under(umask, *given)
        assert [] == wrong_modes(tmp_path / "state", "Monitor")
