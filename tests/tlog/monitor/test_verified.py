"""What a monitor's entries answer: all that names a thing, whatever the log answers."""

import asyncio
import shutil
import sqlite3
from base64 import b64decode
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.http import ask
from tests.support.monitored import Monitored
from tests.support.records import canonical, digest, record, subject
from tests.support.static_log import POLICY, StaticLog
from tests.tlogverify.actors import LOG, OTHER_LOG, WITNESS
from tlog.errors import CorruptError
from tlog.http.listener import Listener
from tlog.monitor.completeness import compare_answers
from tlog.monitor.door import build_monitor_app
from tlog.monitor.files import FileEntries, LogFiles
from tlog.monitor.opening import open_monitor
from tlog.monitor.verified import VerifiedEntries, open_verified
from tlogclient.findings import Hit, SearchResult, SignerKey, parse_digest
from tlogverify import Policy, Proof
from tlogverify.errors import FormatError, VerificationError
from tlogverify.kinds import parse_entry

SHARED = digest("shared")
SOUGHT = parse_digest(f"sha256:{SHARED}")
TRUSTED, ORIGIN = Policy.parse(POLICY), LOG.name
OTHER = Policy.parse(b"log " + OTHER_LOG.vkey + b"\nquorum none\n")
SIZE = 16_700
# At the borders of bundles, of the search's steps of 64 bundles, and in the edge.
AS_SUBJECT = [0, 255, 256, 16_383, 16_384, SIZE - 1]
AS_PROVENANCE = [1, 16_385]
AS_SIGNER = [2]


def entry_of(index: int) -> bytes:
    """Return the entry at `index`, which names the shared digest at some places."""
    plain = record(index)
    if index in AS_SUBJECT:
        plain["subject"] = [{"sha256": SHARED}]
    if index in AS_PROVENANCE:
        plain["provenance"] = {"sha256": SHARED}
    if index in AS_SIGNER:
        plain["signer"] = {"sha256": SHARED}
    if index == 3:
        return f"a text with {SHARED} in it".encode()
    return canonical(plain)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> StaticLog:
    log = StaticLog(tmp_path_factory.mktemp("log") / "files")
    log.add([entry_of(index) for index in range(SIZE)])
    log.publish()
    return log


@pytest.fixture(scope="module")
def state(log: StaticLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder that has verified the whole log."""
    monitored = Monitored(tmp_path_factory.mktemp("monitored"), str(log.folder))
    asyncio.run(monitored.look())
    return monitored.state


def found(entries: VerifiedEntries | FileEntries, start: int = 0) -> list[int]:
    return [it.index for step in entries.search(SOUGHT, start) for it in step.found]


def answered(indexes: Sequence[int], complete_to: int = SIZE) -> SearchResult:
    """Return an answer of the log with these hits; nobody looks at their proofs."""
    hits = [
        Hit(it, parse_entry(entry_of(it)), Proof(it, (), b"-", entry_of(it)))
        for it in indexes
    ]
    return SearchResult(complete_to, tuple(hits), origin=ORIGIN)


ALL = sorted([*AS_SUBJECT, *AS_PROVENANCE, *AS_SIGNER])


def test_every_entry_that_names_a_digest_is_found_and_proven(
    log: StaticLog, state: Path
) -> None:
    """In a monitor's state, and in the log's files without one."""
    files = LogFiles(log.folder).entries(TRUSTED)
    signer = SignerKey(bytes.fromhex(SHARED))
    with open_verified(state) as verified:
        both: tuple[VerifiedEntries | FileEntries, ...] = (verified, files)
        for entries in both:
            assert ALL == found(entries)
            for start in (1, 255, 257, 16_384, 16_385, SIZE - 1, SIZE):
                assert [it for it in ALL if it >= start] == found(entries, start)
            steps = list(entries.search(signer))
            assert AS_SIGNER == [it.index for step in steps for it in step.found]
            assert SIZE == steps[-1].below
            for index in ALL:
                proof = entries.prove(index, entry_of(index))
                assert index == proof.index
                proof.verify(rfc6962.leaf_hash(entry_of(index)), TRUSTED)


def test_entries_that_the_files_do_not_lead_to_are_not_proven(log: StaticLog) -> None:
    files = LogFiles(log.folder).entries(TRUSTED)
    with pytest.raises(CorruptError):
        files.prove(256, entry_of(255))
    with pytest.raises(VerificationError):
        LogFiles(log.folder).entries(OTHER)


def test_an_answer_with_all_of_them_is_complete(state: Path) -> None:
    with open_verified(state) as entries:
        comparison = compare_answers(entries, TRUSTED, SOUGHT, answered(ALL))
        assert comparison.is_complete
        assert SIZE == comparison.complete_to


@pytest.mark.parametrize("left_out", ALL)
def test_a_withheld_entry_is_found_out_and_proven(state: Path, left_out: int) -> None:
    shown = [it for it in ALL if it != left_out]
    with open_verified(state) as entries:
        comparison = compare_answers(entries, TRUSTED, SOUGHT, answered(shown))
    assert not comparison.is_complete
    assert [left_out] == [it.index for it in comparison.withheld]
    (proof,) = comparison.withheld
    entry = entry_of(left_out)
    assert entry == proof.extra
    proof.verify(rfc6962.leaf_hash(entry), Policy.parse(POLICY))


def test_what_an_answer_does_not_cover_is_not_withheld(state: Path) -> None:
    with open_verified(state) as entries:
        short = answered([it for it in ALL if it < 256], complete_to=256)
        comparison = compare_answers(entries, TRUSTED, SOUGHT, short)
        assert (True, 256) == (comparison.is_complete, comparison.complete_to)
        cut = replace(answered(ALL[:2]), next=ALL[2])
        comparison = compare_answers(entries, TRUSTED, SOUGHT, cut)
        assert (True, ALL[2]) == (comparison.is_complete, comparison.complete_to)
        later = answered([*ALL, SIZE + 5], complete_to=SIZE + 6)
        comparison = compare_answers(entries, TRUSTED, SOUGHT, later)
        assert (True, SIZE) == (comparison.is_complete, comparison.complete_to)


def test_another_entry_at_an_index_is_another_history(state: Path) -> None:
    fork = canonical({**record("fork"), "subject": [{"sha256": SHARED}]})
    forged = Hit(0, parse_entry(fork), Proof(0, (), b"-", fork))
    other = Hit(9, parse_entry(fork), Proof(9, (), b"-", fork))
    with open_verified(state) as entries:
        for hits, foreign in [([forged], (0,)), ([other], (9,))]:
            rest = [it for it in answered(ALL).hits if it.index != hits[0].index]
            answer = SearchResult(SIZE, (*hits, *rest), origin=ORIGIN)
            comparison = compare_answers(entries, TRUSTED, SOUGHT, answer)
            assert (foreign, ()) == (comparison.foreign, comparison.withheld)
            assert not comparison.is_complete


def test_entries_of_another_log_are_not_compared(state: Path) -> None:
    answer = replace(answered([]), origin="log.example/other")
    with (
        open_verified(state) as entries,
        pytest.raises(FormatError, match=r"is of the log 'log\.example/other'"),
    ):
        compare_answers(entries, TRUSTED, SOUGHT, answer)


def test_a_head_that_the_policy_refuses_is_no_evidence(state: Path) -> None:
    """Whoever runs the monitor asks for no witness, and whoever searches does."""
    witnessed = b"log %b\nwitness w %b\nquorum w\n" % (LOG.vkey, WITNESS.vkey)
    others = b"log %b\nquorum none\n" % OTHER_LOG.vkey
    for policy, why in (
        (witnessed, "the verified entries' head: too few witnesses"),
        (others, f"the verified entries' head: the policy trusts '{OTHER_LOG.name}'"),
    ):
        with (
            open_verified(state) as entries,
            pytest.raises(VerificationError, match=why),
        ):
            compare_answers(entries, Policy.parse(policy), SOUGHT, answered([]))


def test_a_head_is_what_its_note_says(
    state: Path, log: StaticLog, tmp_path: Path
) -> None:
    changed = shutil.copytree(state, tmp_path / "state")
    with closing(sqlite3.connect(changed / "monitor.db")) as database, database:
        database.execute("UPDATE cursor SET note = ?", [log.note(SIZE - 1)])
    with open_verified(changed) as entries, pytest.raises(CorruptError):
        compare_answers(entries, TRUSTED, SOUGHT, answered(ALL))


async def test_a_state_is_read_while_a_monitor_holds_and_lengthens_it(
    tmp_path: Path,
) -> None:
    log = StaticLog(tmp_path / "log")
    log.add([entry_of(index) for index in range(700)])
    log.publish(300)
    monitored = Monitored(tmp_path, str(log.folder))
    given = monitored.settings(once=False)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        await monitor.run_round()
        with open_verified(monitored.state) as entries:
            log.publish(700)
            await monitor.run_round()
            assert 300 == entries.size
            assert [it for it in ALL if it < 300] == found(entries)
        with open_verified(monitored.state) as entries:
            assert 700 == entries.size


async def test_what_cannot_be_read_is_told_and_made_no_answer(tmp_path: Path) -> None:
    log = StaticLog(tmp_path / "log")
    log.add([entry_of(index) for index in range(600)])
    log.publish()
    monitored = Monitored(tmp_path, str(log.folder))
    with pytest.raises(FormatError, match="no state folder"):
        open_verified(tmp_path).__enter__()
    async with open_monitor(monitored.settings(), monitored.surroundings()):
        with pytest.raises(FormatError, match="no verified head yet"):
            open_verified(monitored.state).__enter__()
    await monitored.look()
    entries_file = monitored.state / "entries.bin"
    content = bytearray(entries_file.read_bytes())
    content[100] ^= 1
    entries_file.write_bytes(content)
    with open_verified(monitored.state) as entries, pytest.raises(CorruptError):
        found(entries)
    (monitored.state / "roots.bin").write_bytes(bytes(64))
    with pytest.raises(CorruptError):
        open_verified(monitored.state).__enter__()


# Over HTTP


async def test_the_door_answers_with_the_entries_about_an_artifact(
    tmp_path: Path,
) -> None:
    log = StaticLog(tmp_path / "log")
    about = [index for index in range(600) if index % 5 == 0]
    for index in range(600):
        plain = {**record(index), "subject": [subject(f"artifact {index} 0", "sha512")]}
        if index in about:
            plain["subject"] = [subject("shared", "sha512")]
        if index == 1:
            plain["provenance"] = {"sha256": SHARED}
        log.add([canonical(plain)])
    log.publish()
    tree = log.tree
    monitored = Monitored(tmp_path, str(log.folder))
    given = monitored.settings(once=False)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        listener = Listener(build_monitor_app(monitor), "127.0.0.1:0", "")
        await listener.start()
        try:
            url = listener.url
            early = await ask(url, f"/attestations/sha256:{SHARED}")
            assert (503, "5") == (early.status, early.headers["retry-after"])
            await monitor.run_round()
            for name in (f"sha256:{SHARED}", f"sha512:{digest('shared', 'sha512')}"):
                first = (await ask(url, f"/attestations/{name}")).json()
                rest = (
                    await ask(url, f"/attestations/{name}?start={first['next']}")
                ).json()
                assert rest["next"] is None
                for page in (first, rest):
                    assert 600 == page["complete_to"]
                    assert log.note().decode() == page["checkpoint"]
                told = [*first["attestations"], *rest["attestations"]]
                assert about == [it["index"] for it in told]
                for it in told:
                    entry = b64decode(it["entry"])
                    assert log.entries[it["index"]] == entry
                    path = tree.inclusion_path(it["index"], 600)
                    assert path == [b64decode(text) for text in it["path"]]
                    assert it["document"] is None
            absent = await ask(url, f"/attestations/sha256:{digest('absent')}")
            assert (200, []) == (absent.status, absent.json()["attestations"])
            for wrong in (
                "sha256:ab",
                f"sha1:{SHARED}",
                SHARED,
                f"sha256:{SHARED}?a=1",
            ):
                assert 400 == (await ask(url, f"/attestations/{wrong}")).status
        finally:
            await listener.stop()
