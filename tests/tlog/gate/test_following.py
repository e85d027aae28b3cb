"""Documents of a log by a monitor's state and a store, with no log that answers."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.cosigned import record
from tests.tlog.gate.test_sources import (
    attesting,
    damage,
    digest,
    logged_place,
)
from tests.tlog.gate.workshop import running_gate
from tests.tlogverify.documents import POLICY_TEXT
from tlog.documents.opening import find_store
from tlog.documents.tombstones import Tombstone
from tlog.gate import following
from tlog.gate.following import EntriesSource, monitor_source
from tlog.gate.sources import Asked, LogBounds
from tlog.monitor import files
from tlog.monitor.files import FileEntries, LogFiles
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, follow_once
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.verified import Step
from tlog.rules import Referred
from tlogclient import LogClient
from tlogclient.findings import Digest
from tlogclient.sboms import REFERENCE_TYPE
from tlogverify import Proof
from tlogverify.policy import Policy

WHEN = "2026-01-31T12:00:00Z"


async def follow(url: str, policy: Path, state: Path) -> None:
    """Let a monitor read a log to its head."""
    settings = MonitorSettings(log=url, policy=policy, state=state, once=True)
    told: list[str] = []
    surroundings = Surroundings(show=told.append, on_read=lambda *_: None)
    assert await follow_once(settings, surroundings) is Outcome.QUIET, told


async def test_what_a_monitor_has_read_is_judged_when_the_log_is_gone(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        await found.attest(b"forgotten", is_kept=False)
        await follow(found.url, found.policy, state)
        await found.attest(b"later")
        made = logged_place(tmp_path, found)
        origin = found.log.standing.origin
    here = {"monitor": state, "store": tmp_path / "log", "refused_s": 0}
    async with running_gate(made, **here) as served:
        table = [
            (b"app", "met", origin, 0),
            (b"forgotten", "no-entry", None, None),
            (b"later", "no-entry", None, None),
            (b"never seen", "no-entry", None, None),
        ]
        for artifact, reason, named, index in table:
            with case(repr(artifact)):
                told = await served.decide(digest(artifact))
                assert (reason, named, index) == (
                    told["reason"],
                    told["origin"],
                    told["index"],
                )


async def test_a_search_goes_on_as_the_monitor_does(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with attesting(tmp_path) as found:
        await found.attest(b"first")
        await follow(found.url, found.policy, state)
        store = find_store(tmp_path / "log")
        source = monitor_source(state, store, LogBounds(60))
        asked = Asked("", bytes.fromhex(digest(b"app")[7:]))
        assert () == tuple((await source.find(asked)).documents)
        for count in (1, 2):
            await found.attest(b"app", pad=count)
            await follow(found.url, found.policy, state)
            for _ in range(2):
                told = await source.find(asked)
                assert (count, "") == (len(told.documents), told.left_out)
        few = monitor_source(state, store, LogBounds(60, entries=1))
        told = await few.find(asked)
        assert (1, True) == (len(told.documents), "more" in told.left_out)
        with pytest.raises(TimeoutError):
            await monitor_source(state, store, LogBounds(0)).find(asked)


async def test_a_document_that_the_store_cannot_give_is_not_an_absent_one(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    async with attesting(tmp_path) as found:
        envelope, _ = await found.attest(b"app")
        await follow(found.url, found.policy, state)
        made = logged_place(tmp_path, found)
    here = {"monitor": state, "store": tmp_path / "log", "refused_s": 0}
    async with running_gate(made, **here) as served:
        damage(tmp_path / "log", envelope)
        for _ in range(2):
            told = await served.decide(digest(b"app"))
            assert ("undecided", "source") == (told["outcome"], told["reason"])


async def test_a_long_sbom_is_read_if_a_document_refers_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.dumps({"bomFormat": "CycloneDX", "x": "y" * 200_000}).encode()
    sha256 = hashlib.sha256(content)
    references = [{"digest": {"sha256": sha256.hexdigest()}}]
    state = tmp_path / "state"
    monkeypatch.setattr(following, "LARGEST_BYTES", 100_000)
    async with attesting(tmp_path) as found:
        await found.store(b"app", content, "https://cyclonedx.org/bom")
        await follow(found.url, found.policy, state)
        store = find_store(tmp_path / "log")
        source = monitor_source(state, store, LogBounds(60))
        asked = Asked("", bytes.fromhex(digest(b"app")[7:]))
        assert ([], "") == tuple(await source.find(asked))
        predicate = {"references": references}
        await found.attest(b"app", kind=REFERENCE_TYPE, predicate=predicate)
        await follow(found.url, found.policy, state)
        (_, referred), why = await source.find(asked)
        assert (Referred("entry 0", content), "") == (referred, why)
        with monkeypatch.context() as patched:
            patched.setattr(following, "MAX_REFERRED_BYTES", 200_000)
            (_,), why = await source.find(asked)
            assert "could not be read" in why
        damage(tmp_path / "log", content)
        (_,), why = await source.find(asked)
        assert "could not be read" in why


async def test_a_logs_own_folder_is_a_source_with_no_log_that_answers(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        await found.attest(b"forgotten", is_kept=False)
        envelope, _ = await found.attest(b"gone")
        made = logged_place(tmp_path, found)
        origin = found.log.standing.origin
        log = tmp_path / "log"
        async with running_gate(made, store=log, refused_s=0, allowed_s=0) as served:
            # The log runs and knows more than what is public in its folder.
            for artifact, reason in ((b"later", "no-entry"), (b"app", "met")):
                with case(repr(artifact)):
                    told = await served.decide(digest(artifact))
                    assert reason == told["reason"]
            await found.attest(b"later")
            assert "met" == (await served.decide(digest(b"later")))["reason"]
            redact(log, envelope)
    async with running_gate(made, store=log, refused_s=0) as served:
        table = [
            (b"app", "met", origin, 0),
            (b"forgotten", "no-entry", None, None),
            (b"gone", "no-entry", None, None),
            (b"later", "met", origin, 3),
            (b"never seen", "no-entry", None, None),
        ]
        for artifact, wanted, named, index in table:
            with case(repr(artifact)):
                told = await served.decide(digest(artifact))
                assert (wanted, named, index) == (
                    told["reason"],
                    told["origin"],
                    told["index"],
                )


def redact(log: Path, document: bytes) -> None:
    sha256 = hashlib.sha256(document).digest()
    stone = Tombstone(sha256, "redacted", "why", WHEN, 9, bytes(32))
    find_store(log).bury(stone)


async def test_a_redacted_document_counts_on_as_long_as_the_document_says(
    tmp_path: Path,
) -> None:
    async with attesting(tmp_path) as found:
        papers = {it: (await found.attest(it))[0] for it in (b"app", b"other")}
        made = logged_place(tmp_path, found)
    log = tmp_path / "log"
    async with running_gate(made, store=log, allowed_s=60) as served:
        for artifact, envelope in papers.items():
            assert "met" == (await served.decide(digest(artifact)))["reason"]
            redact(log, envelope)
            made.clock.wait(59)
            told = await served.decide(digest(artifact))
            assert ("met", True) == (told["reason"], told["cached"])
            if artifact == b"app":
                made.clock.wait(1)
            else:
                made.replace_rules(made.rules.read_text() + "# judge anew\n")
            assert "no-entry" == (await served.decide(digest(artifact)))["reason"]


async def test_files_of_a_log_that_are_not_whole_decide_nothing(tmp_path: Path) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        async with LogClient(found.url, Policy.read(found.policy)) as log:
            await log.submit([record(it) for it in range(299)])
        await found.attest(b"last")
        made = logged_place(tmp_path, found)
    here = {"store": tmp_path / "log"}
    public = tmp_path / "log" / "public"
    names = [
        "tile/entries/000",
        "tile/0/000",
        "tile/entries/001.p/45",
        "tile/0/001.p/45",
        "tile/1/000.p/1",
        "checkpoint",
    ]
    for name in names:
        file = public / name
        whole = file.read_bytes()
        for broken in (None, bytes([whole[0] ^ 1]) + whole[1:], whole[:-1]):
            file.unlink()
            if broken is not None:
                file.write_bytes(broken)
            async with running_gate(made, **here) as served:
                with case(f"{name} {broken!r:.20}"):
                    told = await served.decide(digest(b"app"))
                    assert ("undecided", "source") == (told["outcome"], told["reason"])
            file.write_bytes(whole)
    async with running_gate(made, **here) as served:
        for artifact in (b"app", b"last"):
            assert "met" == (await served.decide(digest(artifact)))["reason"]
        # A policy of another log believes no head of this one.
        made.policy.write_bytes(POLICY_TEXT)
        told = await served.decide(digest(b"app"))
        assert ("undecided", "source") == (told["outcome"], told["reason"])


async def test_a_search_of_a_logs_files_goes_on_where_the_time_has_ended_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "STEP_BUNDLES", 1)
    async with attesting(tmp_path) as found:
        async with LogClient(found.url, Policy.read(found.policy)) as log:
            await log.submit([record(it) for it in range(512)])
        await found.attest(b"app")
    policy = Policy.read(found.policy)
    entries = LogFiles(tmp_path / "log" / "public").entries(policy)
    sought = Digest("sha256", hashlib.sha256(b"app").digest())
    steps = [(it.below, len(it.found)) for it in entries.search(sought)]
    assert [(256, 0), (512, 0), (513, 1)] == steps
    assert [(513, 1)] == [
        (it.below, len(it.found)) for it in entries.search(sought, 512)
    ]
    noted = Noted(entries)
    store = find_store(tmp_path / "log")
    source = EntriesSource("store", lambda: nullcontext(noted), store, LogBounds(0))
    for _ in range(4):
        with pytest.raises(TimeoutError):
            await source.find(Asked("", sought.value))
    assert [0, 256, 512, 513] == noted.starts


@dataclass
class Noted:
    """Entries that note from where on they are searched."""

    entries: FileEntries
    starts: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        return self.entries.size

    def search(self, sought: Digest, start: int) -> Iterator[Step]:
        self.starts.append(start)
        yield from self.entries.search(sought, start)

    def prove(self, index: int, entry: bytes) -> Proof:
        return self.entries.prove(index, entry)


async def test_a_state_that_is_none_decides_nothing(tmp_path: Path) -> None:
    async with attesting(tmp_path) as found:
        await found.attest(b"app")
        made = logged_place(tmp_path, found)
        here = {"monitor": tmp_path / "none", "store": tmp_path / "log"}
        async with running_gate(made, **here) as served:
            told = await served.decide(digest(b"app"))
            assert ("undecided", "source") == (told["outcome"], told["reason"])
        # The next source is asked all the same.
        async with running_gate(made, log=found.url, **here) as served:
            assert "met" == (await served.decide(digest(b"app")))["reason"]
