"""Heads that a witness shows: of the log's tree, or evidence against the log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.support.monitored import Monitored
from tests.support.static_log import (
    StaticLog,
    entries_of,
    fork,
    policy_with_witness,
    witness_path,
)
from tests.tlog.monitor.peers import peer
from tests.tlogverify.actors import (
    LOG,
    MLDSA44,
    STRANGER,
    WITNESS,
    Actor,
    note,
)
from tlog.monitor.monitor import Outcome
from tlogverify.evidence import Evidence
from tlogverify.policy import Policy


class Shown:
    """What the witness answers; None: it has cosigned no head."""

    def __init__(self) -> None:
        self.note: bytes | None = None
        self.paths: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.match_info["path"])
        if self.note is None:
            raise web.HTTPNotFound
        return web.Response(body=self.note)


@asynccontextmanager
async def witnessed(
    folder: Path, size: int
) -> AsyncIterator[tuple[Monitored, StaticLog, Shown]]:
    """Run a witness beside a log of some size that has 700 entries."""
    log = StaticLog(folder / "log")
    log.add(entries_of(0, 700))
    log.publish(size)
    shown = Shown()
    async with peer(shown.answer) as url:
        monitored = Monitored(folder, str(log.folder))
        monitored.policy = policy_with_witness(f"{url}/w/")
        yield monitored, log, shown


async def test_a_witness_is_asked_by_the_hash_of_the_origin(tmp_path: Path) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        assert Outcome.QUIET == await monitored.look()
    assert [f"w/{witness_path(log.origin)}"] == shown.paths


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 299, 300])
async def test_a_head_of_the_same_tree_is_no_alarm(tmp_path: Path, size: int) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        shown.note = log.note(size, WITNESS)
        assert Outcome.QUIET == await monitored.look()


@pytest.mark.parametrize("size", [1, 255, 256, 257, 299, 300])
async def test_a_head_of_another_tree_convicts(tmp_path: Path, size: int) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        shown.note = fork(tmp_path, log, 0, size).note(None, WITNESS)
        for _ in range(2):
            assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms()
    assert ("split-view", "w1") == (alarm["kind"], alarm["source"])
    evidence = Evidence.read(alarm["evidence"])
    older, newer = evidence.verify(Policy.parse(monitored.policy))
    assert (size, 300) == (older.size, newer.size)


@pytest.mark.parametrize("is_fork", [False, True])
async def test_a_larger_head_is_compared_when_the_log_has_grown(
    tmp_path: Path, is_fork: bool
) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        other = fork(tmp_path, log, 400, 600) if is_fork else log
        shown.note = other.note(600, WITNESS)
        assert Outcome.QUIET == await monitored.look()
        shown.note = None
        for size in (599, 650, 700):
            log.publish(size)
            found = await monitored.look()
            is_told = is_fork and size >= 600
            assert (Outcome.ALARM if is_told else Outcome.QUIET) == found
    assert is_fork == ("split-view" in monitored.kinds())
    assert 700 == await monitored.size()


@pytest.mark.parametrize("what", ["no witness", "no log", "another log"])
async def test_a_head_that_is_not_signed_by_both_is_an_alarm(
    tmp_path: Path, what: str
) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        head = log.head(300)
        shown.note = {
            "no witness": log.note(300),
            "no log": note(head, WITNESS.line(head)),
            "another log": note(head, STRANGER.line(head), WITNESS.line(head)),
        }[what]
        assert Outcome.ALARM == await monitored.look()
        shown.note = log.note(300, WITNESS)
        assert Outcome.QUIET == await monitored.look()
    assert ["bad-signature", "recovered"] == monitored.kinds()
    assert ["w1", "w1"] == [it["source"] for it in monitored.alarms()]


async def test_a_witness_named_log_does_not_speak_for_the_log(tmp_path: Path) -> None:
    """A name is no identity: the log's own alarm stands while the witness is right."""
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        monitored.policy = monitored.policy.replace(b"witness w1", b"witness log")
        shown.note = log.note(300, WITNESS)
        assert Outcome.QUIET == await monitored.look()
        log.put("checkpoint", note(log.head(), STRANGER.line(log.head())))
        for _ in range(2):
            assert Outcome.ALARM == await monitored.look()
        assert ["bad-signature"] == monitored.kinds()
        shown.note = log.note(300)
        assert Outcome.ALARM == await monitored.look()
        log.publish(300)
        assert Outcome.ALARM == await monitored.look()
    told = [(it["kind"], it["source"]) for it in monitored.alarms()]
    assert [
        ("bad-signature", "log"),
        ("bad-signature", "witness log"),
        ("recovered", "log"),
    ] == told


def keyed(actor: Actor) -> str:
    """Return a key's name and id, as an alarm gives them."""
    return f"{actor.name}+{actor.key_id.hex()}"


async def test_two_keys_of_a_witness_at_one_url_are_told_apart(tmp_path: Path) -> None:
    """One of them signs wrongly; then both have signed another tree."""
    second = replace(WITNESS, key_type=MLDSA44)
    async with witnessed(tmp_path, 300) as (monitored, log, shown):
        url = monitored.policy.split()[5]
        line = b"witness w2 " + second.vkey + b" " + url + b"\nquorum"
        monitored.policy = monitored.policy.replace(b"quorum", line)
        head = log.head(300)
        shown.note = log.note(300, WITNESS, second)
        assert Outcome.QUIET == await monitored.look()
        wrong = second.line(replace(head, size=299))
        shown.note = note(head, LOG.line(head), WITNESS.line(head), wrong)
        assert Outcome.ALARM == await monitored.look()
        shown.note = log.note(300, second)
        assert Outcome.QUIET == await monitored.look()
        shown.note = fork(tmp_path, log, 0, 300).note(None, WITNESS, second)
        assert Outcome.ALARM == await monitored.look()
    told = [(it["kind"], it["source"], it["witness"]) for it in monitored.alarms()]
    assert [
        ("bad-signature", "w2", keyed(second)),
        ("recovered", "w2", keyed(second)),
    ] == told[:2]
    assert {
        ("split-view", "w1", keyed(WITNESS)),
        ("split-view", "w2", keyed(second)),
    } == set(told[2:])


async def test_a_name_that_went_to_another_witness_takes_no_alarm_along(
    tmp_path: Path,
) -> None:
    """The second one shows a fork too: that is an alarm of its own."""
    later = Shown()
    async with (
        witnessed(tmp_path, 300) as (monitored, log, shown),
        peer(later.answer) as other_url,
    ):
        shown.note = fork(tmp_path, log, 0, 300).note(None, WITNESS)
        assert Outcome.ALARM == await monitored.look()
        other = replace(WITNESS, seed="other")
        line = b"witness w1 " + other.vkey + b" " + other_url.encode()
        monitored.policy = b"log " + LOG.vkey + b"\n" + line + b"\nquorum none\n"
        later.note = fork(tmp_path, log, 0, 300).note(None, other)
        assert Outcome.ALARM == await monitored.look()
    told = [(it["kind"], it["source"], it["witness"]) for it in monitored.alarms()]
    both = [keyed(WITNESS), keyed(other)]
    assert [("split-view", "w1", it) for it in both] == told


@pytest.mark.parametrize("body", [b"", b"nonsense", b"<html>back soon</html>\n"])
async def test_what_is_no_note_is_no_head_of_a_witness(
    tmp_path: Path, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    async with witnessed(tmp_path, 300) as (monitored, _, shown):
        shown.note = body
        assert Outcome.QUIET == await monitored.look()
    assert "witness not read" in capsys.readouterr().out


async def test_a_witness_that_does_not_answer_is_no_alarm(tmp_path: Path) -> None:
    async with witnessed(tmp_path, 300) as (monitored, log, _):
        pass
    assert Outcome.QUIET == await monitored.look()
    assert LOG.name == log.origin
