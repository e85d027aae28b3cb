"""`tlog search --prove`: a log that withholds an entry is found out.

The log is real.  What withholds is a server in front of it, as whoever runs the log
could have one: it takes hits out of its answers, and changes nothing else.
"""

import argparse
import asyncio
import json
from pathlib import Path

import pytest

from tests.support.monitored import Monitored
from tests.support.records import canonical, digest, record
from tests.support.running import ORIGIN, published, running_log
from tests.support.static_log import StaticLog
from tests.tlog.cli.in_front import Change, in_front
from tests.tlogverify.actors import LOG
from tlog.cli import search
from tlogverify import Policy, Proof
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import leaf_hash

SHARED = digest("shared")
ENTRIES = [
    canonical({**record(index), "subject": [{"sha256": SHARED}]}) for index in range(3)
]


async def prove(
    folder: Path, change: Change, place: str, *flags: str, sought: str = SHARED
) -> int:
    """Search a log of three entries, as an operator changes its answers.

    place: the monitor's state, or the log's files.
    """
    parser = argparse.ArgumentParser()
    search.add_arguments(parser)
    async with running_log(folder / "log") as (url, log):
        await asyncio.to_thread(log.submitting.pool.put(ENTRIES).result, 60)
        await published(log)
        policy = (folder / "log" / "policy").read_bytes()
        monitored = Monitored(folder, str(folder / "log" / "public"), policy)
        await monitored.look()
        async with in_front(url, change) as changed:
            options = parser.parse_args(
                [
                    f"--log={changed}",
                    f"--policy={folder / 'policy'}",
                    f"--prove={folder / place}",
                    *flags,
                    f"sha256:{sought}",
                ]
            )
            return await asyncio.to_thread(search.run, options)


def honest(_: dict[str, object]) -> None:
    """Change nothing."""


def without_the_second(page: dict[str, object]) -> None:
    hits = page["hits"]
    assert isinstance(hits, list)
    del hits[1]


def without_any(page: dict[str, object]) -> None:
    page["hits"] = []


@pytest.mark.parametrize("place", ["state", "log/public"])
async def test_an_honest_answer_is_all_that_there_is(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == await prove(tmp_path, honest, place)
    lines = capsys.readouterr().out.splitlines()
    assert "these are all of them, up to entry 3" == lines[-1]


async def test_that_there_is_nothing_is_proven_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = digest("absent")
    assert 1 == await prove(tmp_path, honest, "state", sought=absent)
    assert "these are all of them, up to entry 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "withheld"), [(without_the_second, [1]), (without_any, [0, 1, 2])]
)
async def test_a_withheld_entry_is_told_with_its_proof(
    change: Change,
    withheld: list[int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert 4 == await prove(tmp_path, change, "state", "--json")
    # The log of this process writes its own lines between them.
    lines = [it for it in capsys.readouterr().out.splitlines() if it.startswith("{")]
    told = [json.loads(line) for line in lines]
    assert {"is_complete": False, "complete_to": 3} == told[-1]
    found = [it for it in told if "withheld" in it]
    assert withheld == [it["withheld"] for it in found]
    policy = Policy.read(tmp_path / "policy")
    for it in found:
        proof = Proof.parse(it["proof"].encode())
        assert ENTRIES[it["withheld"]] == proof.extra
        proof.verify(leaf_hash(ENTRIES[it["withheld"]]), policy)


async def test_people_are_told_which_entry_is_withheld(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 4 == await prove(tmp_path, without_the_second, "log/public")
    out = capsys.readouterr().out
    assert "WITHHELD: entry 1 names it too, and the log left it out" in out
    assert "these are all of them" not in out


async def test_the_state_of_another_log_is_no_evidence(tmp_path: Path) -> None:
    """The policy names both logs: the state is of the one, and the other is asked."""
    other = StaticLog(tmp_path / "files")
    other.add(ENTRIES)
    other.publish()
    monitored = Monitored(tmp_path, str(other.folder))
    await monitored.look()
    parser = argparse.ArgumentParser()
    search.add_arguments(parser)
    async with running_log(tmp_path / "log") as (url, _):
        own = (tmp_path / "log" / "policy").read_bytes()
        (tmp_path / "both").write_bytes(b"log " + LOG.vkey + b"\n" + own)
        options = parser.parse_args(
            [
                f"--log={url}",
                f"--policy={tmp_path / 'both'}",
                f"--prove={monitored.state}",
                f"sha256:{SHARED}",
            ]
        )
        told = f"is of the log '{ORIGIN}'.* entries of the log '{LOG.name}'"
        with pytest.raises(FormatError, match=told):
            await asyncio.to_thread(search.run, options)


async def test_what_is_no_state_and_no_copy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no state folder"):
        await prove(tmp_path, honest, "log")


async def test_a_damaged_copy_proves_nothing(tmp_path: Path) -> None:
    async with running_log(tmp_path / "log") as (_, log):
        await asyncio.to_thread(log.submitting.pool.put(ENTRIES).result, 60)
        await published(log)
    bundle = next((tmp_path / "log/public/tile/entries").rglob("3"))
    content = bundle.read_bytes()
    bundle.write_bytes(content[:-9] + b"9" + content[-8:])
    parser = argparse.ArgumentParser()
    search.add_arguments(parser)
    given = parser.parse_args(
        [
            "--log=http://127.0.0.1:9",
            f"--policy={tmp_path / 'log/policy'}",
            f"--prove={tmp_path / 'log/public'}",
            f"sha256:{SHARED}",
        ]
    )
    with pytest.raises(VerificationError, match="is not verified"):
        await asyncio.to_thread(search.run, given)
