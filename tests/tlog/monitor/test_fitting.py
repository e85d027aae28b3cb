"""No head at all, a wrong head, and settings that do not fit are three things."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.monitored import Monitored
from tests.support.static_log import POLICY, StaticLog, entries_of
from tests.tlog.monitor.peers import peer
from tests.tlogverify.actors import ED25519, LOG, STRANGER, Actor, note
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import open_monitor
from tlogverify.errors import FormatError

OTHER = Actor("other.example/log", ED25519)
OTHER_POLICY = b"log " + OTHER.vkey + b"\nquorum none\n"
BOTH = b"log " + LOG.vkey + b"\nlog " + OTHER.vkey + b"\nquorum none\n"


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 20))
    log.publish(10)
    return log


@pytest.fixture
def other(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "other", OTHER, origin=OTHER.name)
    log.add(entries_of(0, 10, "other"))
    log.publish()
    return log


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


class Frontend:
    """Serves a log's files; answer: what it gives in place of the checkpoint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.answer: web.Response | None = None

    async def serve(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path == "checkpoint" and self.answer is not None:
            return self.answer
        return web.Response(body=(self._folder / path).read_bytes())


@asynccontextmanager
async def fronted(
    folder: Path, log: StaticLog
) -> AsyncIterator[tuple[Monitored, Frontend]]:
    """Follow a log over HTTP once; then something else may answer for it."""
    frontend = Frontend(log.folder)
    async with peer(frontend.serve) as url:
        monitored = Monitored(folder, url)
        assert Outcome.QUIET == await monitored.look()
        yield monitored, frontend


PAGE = b"<!doctype html>\n<title>Back soon</title>\n\n<p>We are being repaired.</p>\n"
NO_HEADS = {
    "a page": (200, PAGE, {"Content-Type": "text/html"}),
    "an empty body": (200, b"", {}),
    "no content": (204, b"", {}),
    "a redirect": (302, b"", {"Location": "/maintenance"}),
    "a permanent redirect": (308, b"", {"Location": "/maintenance"}),
    "half a note": (200, b"log.example/2026\n10\n", {}),
}


@pytest.mark.parametrize("what", NO_HEADS)
async def test_what_is_no_signed_note_is_no_answer(
    tmp_path: Path, log: StaticLog, what: str
) -> None:
    status, body, headers = NO_HEADS[what]
    async with fronted(tmp_path, log) as (monitored, frontend):
        frontend.answer = web.Response(status=status, body=body, headers=headers)
        assert Outcome.ALARM == await monitored.look()
        assert ["unreachable"] == monitored.kinds()
        frontend.answer = None
        assert Outcome.QUIET == await monitored.look()
    assert ["unreachable", "recovered"] == monitored.kinds()


async def test_a_note_that_is_wrongly_signed_is_a_bad_signature(
    tmp_path: Path, log: StaticLog
) -> None:
    async with fronted(tmp_path, log) as (monitored, frontend):
        head = log.head(10)
        frontend.answer = web.Response(body=note(head, STRANGER.line(head)))
        assert Outcome.ALARM == await monitored.look()
    assert ["bad-signature"] == monitored.kinds()


async def test_a_wrong_signature_ends_no_outage(tmp_path: Path, log: StaticLog) -> None:
    """Whoever it is that answers now, it is not the log."""
    async with fronted(tmp_path, log) as (monitored, frontend):
        frontend.answer = web.Response(status=204)
        assert Outcome.ALARM == await monitored.look()
        head = log.head(10)
        frontend.answer = web.Response(body=note(head, STRANGER.line(head)))
        assert Outcome.ALARM == await monitored.look()
    assert ["unreachable", "bad-signature"] == monitored.kinds()


@pytest.mark.parametrize("policy", [OTHER_POLICY, BOTH], ids=["of B", "of A and B"])
async def test_the_state_of_one_log_is_not_used_for_another(
    tmp_path: Path, monitored: Monitored, other: StaticLog, policy: bytes
) -> None:
    """An alarm of A stands; B is well, and that is no news of A."""
    assert Outcome.QUIET == await monitored.look()
    monitored.clock.time_s += 100
    assert Outcome.ALARM == await monitored.look(stalled_after_s=100)
    monitored.log, monitored.policy = str(other.folder), policy
    for _ in range(2):
        with pytest.raises(FormatError, match=r"is (of|the state of) the log"):
            await monitored.look()
    assert ["stalled"] == monitored.kinds()


async def test_a_policy_that_has_lost_the_log_is_refused(monitored: Monitored) -> None:
    assert Outcome.QUIET == await monitored.look()
    monitored.policy = OTHER_POLICY
    with pytest.raises(FormatError, match="is the state of the log"):
        await monitored.look()
    monitored.policy = POLICY
    assert Outcome.QUIET == await monitored.look()
    assert [] == monitored.lines


@pytest.mark.parametrize("trusted", [OTHER, Actor(LOG.name, ED25519, "another key")])
async def test_a_wrong_policy_on_a_new_state_is_a_wrong_setting(
    monitored: Monitored, trusted: Actor
) -> None:
    monitored.policy = b"log " + trusted.vkey + b"\nquorum none\n"
    with pytest.raises(FormatError, match="the policy does not fit the log"):
        await monitored.look()
    assert [] == monitored.lines
    monitored.policy = POLICY
    assert Outcome.QUIET == await monitored.look()


async def test_a_broken_signature_on_a_new_state_is_an_alarm(
    monitored: Monitored, log: StaticLog
) -> None:
    """The policy's key is named on it: that is no matter of settings."""
    head = log.head(10)
    log.put("checkpoint", note(head, LOG.line(log.head(9))))
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-signature"] == monitored.kinds()


async def test_another_log_at_the_same_place_is_an_alarm(
    monitored: Monitored, log: StaticLog, other: StaticLog
) -> None:
    """It is not the setting that has changed."""
    monitored.policy = BOTH
    given = monitored.settings(once=False)
    async with open_monitor(given, monitored.surroundings()) as monitor:
        await monitor.run_round()
        log.put("checkpoint", other.note())
        await monitor.run_round()
        assert 10 == monitor.size
        log.publish(20)
        await monitor.run_round()
        assert 20 == monitor.size
    assert ["bad-signature", "recovered"] == monitored.kinds()
