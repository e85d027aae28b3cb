"""A log's answer about an artifact beside a monitor's, which is asked over HTTP.

Log and monitor are real.  What withholds is a server in front of one of them: it takes
entries out of its answers, and changes nothing else.
"""

import argparse
import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.monitored import Monitored
from tests.support.records import canonical, digest
from tests.support.static_log import StaticLog
from tests.tlog.cli.in_front import Change, in_front
from tests.tlog.documents.kept import Kept, keeping, record_of
from tests.tlogverify.actors import LOG
from tlog.cli import documents
from tlog.http.listener import Listener
from tlog.monitor.door import build_monitor_app
from tlog.monitor.opening import open_monitor
from tlogclient import (
    IncompleteError,
    LogClient,
    MonitorClient,
    RefusedError,
    TwoHistoriesError,
)
from tlogverify import Policy
from tlogverify.errors import FormatError, ProofError
from tlogverify.hashing import leaf_hash

ARTIFACT = f"sha256:{digest('artifact')}"
TYPE = "https://slsa.dev/provenance/v1"
CONTENTS = [b"document %d" % number for number in range(3)]
ENTRIES = [canonical(record_of(it, predicateType=TYPE)) for it in CONTENTS]


class Both(NamedTuple):
    """A log and a monitor that has read all of it."""

    log: str
    monitor: str
    policy: Policy
    folder: Path


@asynccontextmanager
async def following(kept: Kept, folder: Path) -> AsyncIterator[Both]:
    """Run a monitor of a log, and have it read what is there."""
    policy = (folder / "log" / "policy").read_bytes()
    monitored = Monitored(folder, str(folder / "log" / "public"), policy)
    async with open_monitor(monitored.settings(), monitored.surroundings()) as monitor:
        await monitor.run_once()
        listener = Listener(build_monitor_app(monitor), "127.0.0.1:0", "")
        await listener.start()
        try:
            yield Both(kept.url, listener.url, Policy.parse(policy), folder)
        finally:
            await listener.stop()


@asynccontextmanager
async def both(folder: Path) -> AsyncIterator[Both]:
    """Run a log of three entries about one artifact, and a monitor of it."""
    async with keeping(folder / "log") as kept:
        await kept.log_entries(CONTENTS, "artifact", predicateType=TYPE)
        async with following(kept, folder) as found:
            yield found


def without(*numbers: int) -> Change:
    def change(page: dict[str, Any]) -> None:
        kept = [it for it in page["attestations"] if it["index"] not in numbers]
        page["attestations"] = kept

    return change


async def test_two_honest_answers_agree(tmp_path: Path) -> None:
    async with both(tmp_path) as it, LogClient(it.log, it.policy) as log:
        found = await log.attestations(ARTIFACT, prove=it.monitor)
        assert (3, 3) == (len(found.attestations), found.compared_to)
        absent = await log.attestations(f"sha256:{'00' * 32}", prove=it.monitor)
        assert ((), 3) == (absent.attestations, absent.compared_to)
        assert None is (await log.attestations(ARTIFACT)).compared_to
        async with MonitorClient(it.monitor, it.policy) as monitor:
            for kind, count in ((TYPE, 3), ("https://a.example/type", 0)):
                found = await log.attestations(
                    ARTIFACT, predicate_type=kind, prove=monitor
                )
                assert (count, 3) == (len(found.attestations), found.compared_to)
            cut = await log.attestations(ARTIFACT, limit=2, prove=monitor)
            assert (2, 2, 2) == (len(cut.attestations), cut.next, cut.compared_to)
            alone = await monitor.attestations(ARTIFACT, start=1)
            assert [1, 2] == [found.index for found in alone.attestations]


async def test_what_the_log_withholds_is_told_with_its_proof(tmp_path: Path) -> None:
    path = "/api/v1/attestations"
    async with both(tmp_path) as it:
        for left_out in ([1], [0, 1, 2]):
            async with (
                in_front(it.log, without(*left_out), path) as changed,
                LogClient(changed, it.policy) as log,
            ):
                with pytest.raises(IncompleteError) as found:
                    await log.attestations(ARTIFACT, prove=it.monitor)
            assert left_out == [proof.index for proof in found.value.withheld]
            assert () == found.value.unseen
            for proof in found.value.withheld:
                assert ENTRIES[proof.index] == proof.extra
                proof.verify(leaf_hash(ENTRIES[proof.index]), it.policy)


async def test_every_entry_is_read_for_the_same_answer(tmp_path: Path) -> None:
    """Across bundles, from the log itself and from its files."""
    async with keeping(tmp_path / "log") as kept:
        await kept.log_entries([b"first"], "artifact", predicateType=TYPE)
        others = [b"other %d" % number for number in range(300)]
        await kept.log_entries(others, "another")
        await kept.log_entries([b"last"], "artifact")
        policy = Policy.parse((tmp_path / "log" / "policy").read_bytes())
        mirror = tmp_path / "log" / "public"
        async with LogClient(kept.url, policy) as log:
            for prove in (True, mirror):
                found = await log.attestations(ARTIFACT, prove=prove)
                indexes = [it.index for it in found.attestations]
                assert ([0, 301], 302) == (indexes, found.compared_to)
                typed = await log.attestations(
                    ARTIFACT, predicate_type=TYPE, prove=prove
                )
                assert (1, 302) == (len(typed.attestations), typed.compared_to)
                cut = await log.attestations(ARTIFACT, limit=1, prove=prove)
                assert (301, 301) == (cut.next, cut.compared_to)
                late = await log.attestations(ARTIFACT, start=1, prove=prove)
                assert [301] == [it.index for it in late.attestations]
        path = "/api/v1/attestations"
        async with in_front(kept.url, without(0, 301), path) as changed:
            for prove in (True, mirror):
                async with LogClient(changed, policy) as log:
                    with pytest.raises(IncompleteError) as raised:
                        await log.attestations(ARTIFACT, prove=prove)
                assert [0, 301] == [it.index for it in raised.value.withheld]
                for proof in raised.value.withheld:
                    assert proof.extra is not None
                    proof.verify(leaf_hash(proof.extra), policy)


async def test_a_mirror_that_does_not_lead_to_its_head_proves_nothing(
    tmp_path: Path,
) -> None:
    async with both(tmp_path) as it, LogClient(it.log, it.policy) as log:
        mirror = tmp_path / "mirror"
        shutil.copytree(tmp_path / "log" / "public", mirror)
        bundle = mirror / "tile" / "entries" / "000.p" / "3"
        content = bundle.read_bytes()
        wrongs: tuple[tuple[bytes, type[Exception], str], ...] = (
            (
                content.replace(b"slsa.dev", b"slsb.dev", 1),
                ProofError,
                "lead to the root",
            ),
            (content[:-1], FormatError, "ends within entry 2"),
        )
        for wrong, error, what in wrongs:
            bundle.write_bytes(wrong)
            with pytest.raises(error, match=what):
                await log.attestations(ARTIFACT, prove=mirror)
        bundle.unlink()
        with pytest.raises(FormatError, match="a mirror of a log has tile/entries"):
            await log.attestations(ARTIFACT, prove=mirror)


async def test_what_a_monitor_withholds_is_told_too(tmp_path: Path) -> None:
    async with (
        both(tmp_path) as it,
        in_front(it.monitor, without(2), "/attestations") as changed,
        LogClient(it.log, it.policy) as log,
    ):
        with pytest.raises(IncompleteError) as found:
            await log.attestations(ARTIFACT, prove=changed)
        assert ([], [2]) == (
            [proof.index for proof in found.value.withheld],
            [proof.index for proof in found.value.unseen],
        )


async def test_entries_above_the_monitors_size_are_not_compared(tmp_path: Path) -> None:
    async with keeping(tmp_path / "log") as kept:
        await kept.log_entries(CONTENTS[:2], "artifact")
        async with following(kept, tmp_path) as it:
            await kept.log_entries(CONTENTS[2:], "artifact")
            async with LogClient(it.log, it.policy) as log:
                found = await log.attestations(ARTIFACT, prove=it.monitor)
    assert (3, 2) == (len(found.attestations), found.compared_to)


async def test_two_histories_are_told_with_both_proofs(tmp_path: Path) -> None:
    """The log's key signs another log of the same name for the monitor."""
    first, second = tmp_path / "first", tmp_path / "second"
    async with keeping(first / "log"):
        pass  # an empty log, whose folder is copied with its key
    shutil.copytree(first, second)
    async with keeping(first / "log") as kept, keeping(second / "log") as other:
        await kept.log_entries(CONTENTS, "artifact")
        await other.log_entries([b"something else"], "artifact")
        async with (
            following(other, second) as it,
            LogClient(kept.url, it.policy) as log,
        ):
            with pytest.raises(TwoHistoriesError) as found:
                await log.attestations(ARTIFACT, prove=it.monitor)
            ((of_log, of_monitor),) = found.value.proofs
            assert of_log.extra != of_monitor.extra
            for proof in (of_log, of_monitor):
                assert proof.extra is not None
                proof.verify(leaf_hash(proof.extra), it.policy)


async def test_the_monitor_of_another_log_proves_nothing(tmp_path: Path) -> None:
    """The policy names both logs; the answers are honest, and of one log each."""
    async with both(tmp_path) as it:
        other = StaticLog(tmp_path / "files")
        other.add([*ENTRIES, canonical(record_of(b"more", "artifact"))])
        other.publish()
        monitored = Monitored(tmp_path / "second", str(other.folder))
        monitored.folder.mkdir()
        given = monitored.settings()
        async with open_monitor(given, monitored.surroundings()) as monitor:
            await monitor.run_once()
            listener = Listener(build_monitor_app(monitor), "127.0.0.1:0", "")
            await listener.start()
            try:
                own = (tmp_path / "log" / "policy").read_bytes()
                trusted = Policy.parse(b"log " + LOG.vkey + b"\n" + own)
                async with LogClient(it.log, trusted) as log:
                    with pytest.raises(FormatError, match=LOG.name):
                        await log.attestations(ARTIFACT, prove=listener.url)
            finally:
                await listener.stop()


async def test_what_is_no_monitor_proves_nothing(tmp_path: Path) -> None:
    async with both(tmp_path) as it, LogClient(it.log, it.policy) as log:
        with pytest.raises(RefusedError):
            await log.attestations(ARTIFACT, prove=f"{it.monitor}/elsewhere")


async def test_the_command_tells_people_and_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    documents.add_arguments(parser)
    async with (
        both(tmp_path) as it,
        in_front(it.log, without(1), "/api/v1/attestations") as changed,
    ):

        async def find(url: str, *more: str) -> tuple[int, list[str]]:
            policy = tmp_path / "log" / "policy"
            options = parser.parse_args(
                [
                    *("find", ARTIFACT, f"--log={url}", f"--policy={policy}"),
                    *(f"--prove={it.monitor}", *more),
                ]
            )
            status = await asyncio.to_thread(documents.run, options)
            lines = capsys.readouterr().out.splitlines()
            return status, [line for line in lines if '"event"' not in line]

        status, lines = await find(it.log)
        assert (0, "these are all of them, up to entry 3") == (status, lines[-1])
        status, lines = await find(it.log, "--json")
        assert {"is_complete": True, "complete_to": 3} == json.loads(lines[-1])
        for place in ("log", str(tmp_path / "log" / "public")):
            status, lines = await find(it.log, f"--prove={place}")
            assert (0, "these are all of them, up to entry 3") == (status, lines[-1])
            assert 4 == (await find(changed, f"--prove={place}"))[0]
        status, lines = await find(changed)
        assert 4 == status
        assert "NOT ALL: the log leaves out entry 1, which is proven" in lines[-1]
        status, lines = await find(changed, "--json")
        told = [json.loads(line) for line in lines[-2:]]
        assert (4, 1, {"is_complete": False}) == (status, told[0]["withheld"], told[1])
