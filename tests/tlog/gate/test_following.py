"""Documents of a log by a monitor's state and a store, with no log that answers."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.tlog.gate.test_sources import (
    attesting,
    damage,
    digest,
    logged_place,
)
from tests.tlog.gate.workshop import running_gate
from tlog.documents.opening import find_store
from tlog.gate import following
from tlog.gate.following import MonitorSource
from tlog.gate.sources import Asked, LogBounds
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, follow_once
from tlog.monitor.settings import MonitorSettings
from tlog.rules import Referred
from tlogclient.sboms import REFERENCE_TYPE


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
        source = MonitorSource(state, store, LogBounds(60))
        asked = Asked("", bytes.fromhex(digest(b"app")[7:]))
        assert () == tuple((await source.find(asked)).documents)
        for count in (1, 2):
            await found.attest(b"app", pad=count)
            await follow(found.url, found.policy, state)
            for _ in range(2):
                told = await source.find(asked)
                assert (count, "") == (len(told.documents), told.left_out)
        few = MonitorSource(state, store, LogBounds(60, entries=1))
        told = await few.find(asked)
        assert (1, True) == (len(told.documents), "more" in told.left_out)
        with pytest.raises(TimeoutError):
            await MonitorSource(state, store, LogBounds(0)).find(asked)


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
        source = MonitorSource(state, store, LogBounds(60))
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
