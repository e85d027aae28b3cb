"""A fork that is sent to the witness leaves a file that convicts, if anything can.

What convicts is judged by `python -m tlogverify`, offline, with the log's key alone.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support import warm
from tests.support.refused import require_told
from tests.support.witnessing import (
    History,
    Served,
    add_body,
    histories,
    running_witness,
)
from tests.system.server import environment
from tests.tlogverify.actors import LOG, LOG_MLDSA, STRANGER, note
from tlogverify.__main__ import main

MOST = 12
COMMON = 2
ONE, TWO = histories(MOST, COMMON)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "evidence").iterdir())


def convicts(file: Path, tmp_path: Path) -> bool:
    """Ask the verifier whether a file proves that the log signed two histories."""
    policy = tmp_path / "policy"
    policy.write_bytes(b"log " + LOG.vkey + b"\nquorum none\n")
    status = main(["--evidence", str(file), "--policy", str(policy)])
    assert status in {0, 1}
    return status == 0


@pytest.mark.parametrize("old", range(COMMON + 1, MOST + 1))
async def test_every_fork_leaves_a_file_that_convicts_when_it_can(
    tmp_path: Path, old: int
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder) as served:
        assert 200 == (await served.add(ONE.request(0, old))).status
        before = (await served.newest()).body
        for size in range(old, MOST + 1):
            known = set(files(folder))
            require_told(await served.add(TWO.request(old, size)), 422, "unproven", "")
            (file,) = set(files(folder)) - known
            # A proof from a full tree begins with the root that it should show.
            can = old == size or old & (old - 1) != 0
            assert can == convicts(file, tmp_path), (old, size)
            assert can == (".unproven." not in file.name)
        assert before == (await served.newest()).body
        assert MOST - old + 1 == len(files(folder))
        proven = len([it for it in files(folder) if ".unproven." not in it.name])
        yes = f'tlog_witness_inconsistent_total{{convicts="yes"}} {proven}.0'
        assert yes in metrics(served)


def metrics(served: Served) -> str:
    return served.witness.metrics.render().decode()


async def test_a_shell_convicts_with_the_file_and_the_policy_alone(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w") as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        await served.add(TWO.request(5, 9))
    (file,) = files(tmp_path / "w")
    policy = tmp_path / "policy"
    policy.write_bytes(b"log " + LOG.vkey + b"\nquorum none\n")
    command = [sys.executable, "-m", "tlogverify", "--evidence", str(file)]
    command += ["--policy", str(policy)]
    done = await asyncio.to_thread(warm.run, command, environment=environment())
    assert (0, "") == (done.returncode, done.stderr)
    assert "heads of 5 and 9 entries" in done.stdout


async def test_a_proof_that_comes_later_replaces_what_could_not_convict(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder) as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        await served.add(add_body(5, [bytes(32)], TWO.note(9)))
        (unproven,) = files(folder)
        assert not convicts(unproven, tmp_path)
        await served.add(TWO.request(5, 9))
        (proven,) = files(folder)
        assert convicts(proven, tmp_path)
        whole = proven.read_bytes()
        # And is not replaced by less.
        await served.add(add_body(5, [bytes(32)], TWO.note(9)))
        assert [proven] == files(folder)
        assert whole == proven.read_bytes()


def broken_proofs(old: int, size: int) -> list[list[bytes]]:
    path = ONE.path(old, size)
    found = [[], [bytes(32)] * 63, [bytes(32)] * len(path), path[::-1], path[1:]]
    found += [[*path, bytes(32)], TWO.path(old, size)]
    found += [[*path[:at], bytes(32), *path[at + 1 :]] for at, _ in enumerate(path)]
    return [it for it in found if it != path]


@pytest.mark.parametrize("old", range(1, MOST))
async def test_a_strangers_broken_proof_never_convicts_an_honest_log(
    tmp_path: Path, old: int
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder, keys="ed25519") as served:
        assert 200 == (await served.add(ONE.request(0, old))).status
        for size in range(old + 1, MOST + 1):
            for path in broken_proofs(old, size):
                answer = await served.add(add_body(old, path, ONE.note(size)))
                require_told(answer, 422, "unproven", "")
        for file in files(folder):
            assert not convicts(file, tmp_path)
            assert file.name.endswith(".unproven.tlog-evidence")
        assert len(files(folder)) <= MOST - old
        assert 200 == (await served.add(ONE.request(old, MOST))).status


async def test_one_head_does_not_conflict_with_itself(tmp_path: Path) -> None:
    """A refresh with a proof is refused, and is nothing to be alarmed by."""
    folder = tmp_path / "w"
    async with running_witness(folder, keys="ed25519") as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        answer = await served.add(add_body(5, [bytes(32)], ONE.note(5)))
        require_told(answer, 422, "unproven", "")
        assert [] == files(folder)
        assert "tlog_witness_inconsistent_total{" not in metrics(served)


async def test_strangers_cannot_use_up_the_room_for_evidence(tmp_path: Path) -> None:
    """An honest log's many heads, each with a broken proof, fill no folder for good."""
    many = History(rfc6962.leaf_hashes(220, "one"))
    fork = History([*many.tree.leaves[:2], *rfc6962.leaf_hashes(218, "two")])
    folder = tmp_path / "w"
    async with running_witness(folder, keys="ed25519") as served:
        assert 200 == (await served.add(many.request(0, 5))).status
        for size in range(6, 220):
            await served.add(add_body(5, [bytes(32)], many.note(size)))
        full = len(files(folder))
        assert full <= 100
        await served.add(fork.request(5, 9))
        (file,) = (folder / "evidence").glob("*[!n].tlog-evidence")
        assert convicts(file, tmp_path)
        assert len(files(folder)) == full + 1


async def test_a_log_that_forks_without_end_fills_a_bounded_folder(
    tmp_path: Path,
) -> None:
    many = History(rfc6962.leaf_hashes(220, "one"))
    fork = History([*many.tree.leaves[:2], *rfc6962.leaf_hashes(218, "two")])
    folder = tmp_path / "w"
    async with running_witness(folder, keys="ed25519") as served:
        assert 200 == (await served.add(many.request(0, 5))).status
        for size in range(5, 220):
            await served.add(fork.request(5, size))
        assert 50 <= len(files(folder)) <= 200
        assert all(convicts(it, tmp_path) for it in files(folder)[::20])


async def test_only_verified_lines_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder, LOG, LOG_MLDSA) as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        head = TWO.head(5)
        lines = [STRANGER.line(head), LOG.line(head), STRANGER.line(head)]
        await served.add(add_body(5, [], note(head, *lines)))
    (file,) = files(folder)
    assert convicts(file, tmp_path)
    assert STRANGER.name.encode() not in file.read_bytes()
    assert len(file.read_bytes()) < 16_000


async def test_a_folder_that_takes_no_evidence_changes_no_answer(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder, keys="ed25519") as served:
        assert 200 == (await served.add(ONE.request(0, 5))).status
        (folder / "tmp").rmdir()
        (folder / "tmp").write_bytes(b"no folder")
        require_told(await served.add(TWO.request(5, 9)), 422, "unproven", "")
        assert 200 == (await served.add(ONE.request(5, 9))).status
