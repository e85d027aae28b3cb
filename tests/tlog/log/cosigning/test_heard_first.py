"""A contradiction that comes at a bad moment: nothing forked is shown or answered.

Before it is heard a log may have signed what it must not, or be about to.  The gate of
`Bare` holds the answer back until everything else has happened.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.oracle import rfc6962
from tests.support.bare_witness import Bare, bare_quorum, copy_behind, gated_quorum
from tests.support.cosigned import (
    LOG_ACTOR,
    NOWHERE,
    TOLD,
    cosigned_log,
    policy_of,
    record,
    shown,
    some_witnesses,
    submit,
)
from tests.support.http import ask
from tests.support.openapi import require_documented
from tests.support.running import ORIGIN, running_log, until
from tests.support.witnessing import Served, add_body
from tests.tlogverify.actors import COSIGNATURE, Actor, Head, note
from tlog.cli import main
from tlog.errors import RejectedError
from tlog.log.cosigning.guard import Contradiction, RolledBackError
from tlog.log.life import Log
from tlog.log.merkle.snapshot import Snapshot

NOBODY = "http://127.0.0.2"
ELSEWHERE = Contradiction("w0", 1000, "w0 says that it has cosigned 1000 entries")


async def cosign_elsewhere(witness: Served, cosigned: Snapshot) -> None:
    """Have a witness cosign a head of twice the size, by the log's own key."""
    size = cosigned.size
    subtree = rfc6962.root(rfc6962.leaf_hashes(size, "elsewhere"))
    head = Head(ORIGIN, 2 * size, rfc6962.node_hash(cosigned.root, subtree))
    body = add_body(size, [subtree], note(head, LOG_ACTOR.line(head)))
    assert 200 == (await witness.add(body)).status


async def require_stopped(url: str, log: Log, public: bytes) -> None:
    """Assert that the log says so everywhere, and that no other head is public."""
    await until(lambda: log.standing.guard.is_contradicted)
    refused = await submit(url, [77])
    assert (500, "rolled-back") == (refused.status, refused.json()["type"])
    ready = await ask(url, "/readyz")
    assert (503, False) == (ready.status, ready.json()["not_rolled_back"])
    assert ready.json()["contradictions"]
    facts = await ask(url, "/api/v1/log")
    assert ready.json()["contradictions"] == facts.json()["contradictions"]
    require_documented("POST", "/api/v1/entries", refused)
    require_documented("GET", "/readyz", ready)
    require_documented("GET", "/api/v1/log", facts)
    assert public == (await ask(url, "/checkpoint")).body


async def fork_in_a_folder(folder: Path, policy: str) -> Path:
    """Return a copy that has signed a fork of 12, unheard, and published 3."""
    copy = await copy_behind(folder, policy)
    nobody = policy.replace("http://127.0.0.1", NOBODY)
    async with cosigned_log(copy, nobody, witness_wait_ms=1, **TOLD) as (url, log):
        assert 202 == (await submit(url, range(20, 29))).status
        assert 12 == log.heads.signed.size
    return copy


async def test_nothing_is_published_while_a_witness_is_asked_about_it(
    tmp_path: Path,
) -> None:
    """It had answered once before; out of patience, the log once went on without it."""
    async with gated_quorum(tmp_path) as (policy, bare):
        async with cosigned_log(
            tmp_path / "log", policy, witness_patience_s=0, witness_timeout_ms=600_000
        ) as (url, log):
            assert 201 == (await submit(url, range(4))).status
            await shown(log, 4, 1)
            public, asked = log.publisher.public_note, bare.asked
            cosigned = log.heads.signed
            bare.gate.clear()
            assert 201 == (await submit(url, [4], "?wait=signed")).status
            await until(lambda: bare.asked > asked)
            # Somebody else has the key, and the witness has seen more of them.
            await cosign_elsewhere(bare.witness, cosigned)
            assert 201 == (await submit(url, range(5, 12), "?wait=signed")).status
            assert public == (await ask(url, "/checkpoint")).body
            bare.gate.set()
            # It knows 8 now, 12 are signed here: that is told apart by one more try.
            await require_stopped(url, log, public)
        assert 0 == main(["fsck", str(tmp_path / "log")])


async def test_each_of_two_witnesses_that_know_more_judges_the_newest_head(
    tmp_path: Path,
) -> None:
    """The first leads to a newer target and goes down; the second knows of the fork."""
    async with some_witnesses(tmp_path, 2) as witnesses:
        first, second = map(Bare, witnesses)
        async with first.serving() as at0, second.serving() as at1:
            policy = policy_of(witnesses, 2, w0=at0, w1=at1)
            async with cosigned_log(
                tmp_path / "log",
                policy,
                witness_patience_s=0,
                witness_timeout_ms=600_000,
            ) as (url, log):
                assert 201 == (await submit(url, range(4))).status
                await shown(log, 4, 2)
                public, cosigned = log.publisher.public_note, log.heads.signed
                asked = first.asked, second.asked
                first.gate.clear()
                second.gate.clear()
                assert 201 == (await submit(url, [4], "?wait=signed")).status
                await until(lambda: first.asked > asked[0] and second.asked > asked[1])
                for witness in witnesses:
                    await cosign_elsewhere(witness, cosigned)
                assert 201 == (await submit(url, range(5, 12), "?wait=signed")).status
                first.left = 1
                first.gate.set()
                assert log.standing.witnessing is not None
                state = log.standing.witnessing.links[0].state
                await until(lambda: state.outcome == "unavailable")
                second.gate.set()
                await require_stopped(url, log, public)


async def test_the_operators_word_waits_for_the_witnesses_word(tmp_path: Path) -> None:
    """Told to write unconfirmed, a copy once signed before its witness could speak."""
    async with gated_quorum(tmp_path) as (policy, bare):
        copy = await copy_behind(tmp_path / "log", policy)
        public = (copy / "public/checkpoint").read_bytes()
        bare.gate.clear()
        asked = bare.asked
        async with cosigned_log(
            copy,
            policy,
            witness_wait_ms=1,
            witness_patience_s=0,
            witness_timeout_ms=600_000,
            **TOLD,
        ) as (url, log):
            submitting = asyncio.create_task(submit(url, range(20, 29)))
            await until(lambda: bare.asked > asked)
            assert not (await ask(url, "/readyz")).json()["confirmed"]
            bare.gate.set()
            answer = await submitting
            assert (500, "rolled-back") == (answer.status, answer.json()["type"])
            assert 3 == log.heads.signed.size
            await require_stopped(url, log, public)


async def test_a_policy_without_a_quorum_hears_its_witnesses_first(
    tmp_path: Path,
) -> None:
    async with gated_quorum(tmp_path) as (policy, bare):
        copy = await fork_in_a_folder(tmp_path / "log", policy)
        public = (copy / "public/checkpoint").read_bytes()
        bare.gate.clear()
        asked = bare.asked
        alone = policy.replace("quorum enough", "quorum none")
        async with cosigned_log(copy, alone, witness_timeout_ms=600_000) as (url, log):
            submitting = asyncio.create_task(submit(url, [40]))
            await until(lambda: bare.asked > asked)
            assert not (await ask(url, "/readyz")).json()["confirmed"]
            bare.gate.set()
            answer = await submitting
            assert (500, "rolled-back") == (answer.status, answer.json()["type"])
            assert 12 == log.heads.signed.size
            await require_stopped(url, log, public)


async def require_no_tile_of_the_fork(url: str) -> None:
    """A cache would keep them for a week, in the place of the right ones."""
    for right in ("/tile/0/000.p/3", "/tile/entries/000.p/3", "/api/v1/entries/2"):
        assert 200 == (await ask(url, right)).status, right
    for forked in ("/tile/0/000.p/12", "/tile/entries/000.p/4", "/api/v1/entries/3"):
        assert 404 == (await ask(url, forked)).status, forked
    assert 404 == (await ask(url, "/api/v1/entries?start=3&end=12")).status
    page = (await ask(url, "/api/v1/entries?start=0&end=12")).json()
    assert 3 == page["end"]


async def test_without_the_policy_a_contradicted_log_still_shows_no_fork(
    tmp_path: Path,
) -> None:
    """It once published the fork at once, and its readiness said 200."""
    async with bare_quorum(tmp_path) as policy:
        copy = await fork_in_a_folder(tmp_path / "log", policy)
        public = (copy / "public/checkpoint").read_bytes()
        async with cosigned_log(copy, policy) as (url, log):
            await require_stopped(url, log, public)
    for frozen in (False, True):
        async with running_log(copy, frozen=frozen) as (url, log):
            assert 12 == log.heads.signed.size
            await require_stopped(url, log, public)
            assert 200 == (await ask(url, "/api/v1/proof/inclusion?index=2")).status
            assert 503 == (await ask(url, "/api/v1/proof/inclusion?index=3")).status
            await require_no_tile_of_the_fork(url)
        assert public == (copy / "public/checkpoint").read_bytes()
    assert 0 == main(["fsck", str(copy)])
    # The operator's word, and nothing else, lets it go on.
    overruled = {"witness_overruled": ("w0",)}
    async with running_log(copy, **overruled) as (url, log):
        assert 201 == (await submit(url, [50])).status
        await until(lambda: log.publisher.public_size == 13)


async def test_a_request_that_is_read_meanwhile_is_not_signed(tmp_path: Path) -> None:
    body = json.dumps({"entries": [json.loads(record(5).encode())]}).encode()
    async with (
        bare_quorum(tmp_path) as policy,
        cosigned_log(tmp_path / "log", policy) as (url, log),
        ClientSession() as session,
    ):
        assert 201 == (await submit(url, [0])).status

        async def told_to_send() -> AsyncIterator[bytes]:
            # The server has said 100: the request is past the first question.
            log.submitting.guard.contradict(ELSEWHERE)
            yield body

        async with session.post(
            f"{url}/api/v1/entries?wait=signed",
            data=told_to_send(),
            headers={"Content-Type": "application/json"},
            expect100=True,
        ) as answer:
            told = await answer.json(content_type=None)
        assert (500, "rolled-back") == (answer.status, told["type"])
        assert 1 == log.heads.signed.size


async def test_what_waits_for_a_commit_is_not_signed(tmp_path: Path) -> None:
    """The pool holds what came before; the sequencer asks again before it signs."""
    async with (
        bare_quorum(tmp_path) as policy,
        cosigned_log(tmp_path / "log", policy) as (url, log),
    ):
        assert 201 == (await submit(url, [0])).status
        log.submitting.guard.contradict(ELSEWHERE)
        with pytest.raises(RolledBackError):
            await asyncio.wrap_future(log.submitting.pool.put([record(1).encode()]))
        assert 1 == log.heads.signed.size
        assert log.lifeline.failure is None


async def test_who_waits_for_a_head_learns_that_none_will_come(tmp_path: Path) -> None:
    """Its entry is stored: it is neither acknowledged nor called refused."""
    async with (
        gated_quorum(tmp_path) as (policy, bare),
        cosigned_log(
            tmp_path / "log",
            policy,
            witness_wait_ms=600_000,
            witness_timeout_ms=600_000,
        ) as (url, log),
    ):
        assert 201 == (await submit(url, [0])).status
        await shown(log, 1, 1)
        asked, cosigned = bare.asked, log.heads.signed
        bare.gate.clear()
        waiting = asyncio.create_task(submit(url, [1]))
        await until(lambda: bare.asked > asked)
        await cosign_elsewhere(bare.witness, cosigned)
        bare.gate.set()
        answer = await waiting
        assert (503, "outcome-unknown") == (answer.status, answer.json()["type"])
        assert 2 == log.heads.signed.size
        await require_stopped(url, log, log.publisher.public_note)


async def test_a_signed_head_is_not_answered_after_a_contradiction(
    tmp_path: Path,
) -> None:
    """Committed before it, and answered after it: nobody is handed that signature."""
    async with (
        bare_quorum(tmp_path) as policy,
        cosigned_log(tmp_path / "log", policy) as (_, log),
    ):
        face = log.submitting
        await face.wait_writable()
        receipt = await face.commit([record(0).encode()])
        assert receipt.snapshot is face.signed_with(receipt)
        await shown(log, 1, 1)
        log.submitting.guard.contradict(ELSEWHERE)
        with pytest.raises(RolledBackError):
            face.signed_with(receipt)


async def test_a_contradicted_log_asks_nobody_any_more(tmp_path: Path) -> None:
    """Else another witness would cosign, and show, what one has contradicted."""
    async with some_witnesses(tmp_path, 2) as witnesses:
        bare = Bare(witnesses[1])
        async with bare.serving() as at:
            policy = policy_of(witnesses, 1, w1=at)
            async with cosigned_log(tmp_path / "log", policy) as (url, log):
                assert 201 == (await submit(url, range(4))).status
                await shown(log, 4, 2)
                await cosign_elsewhere(witnesses[1], log.heads.signed)
                await submit(url, [4])
                await until(lambda: log.standing.guard.is_contradicted)
                await until(lambda: not collecting())


def collecting() -> set[str]:
    """Return the names of the tasks that talk to witnesses."""
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]  # each has a coroutine
    return {name for name in names if name.startswith("Collector.")}


async def test_a_contradiction_is_kept_when_the_disk_takes_it_again(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    async with bare_quorum(tmp_path) as policy:
        async with cosigned_log(folder, policy) as (url, log):
            assert 201 == (await submit(url, [0])).status
            obstacle = folder / "contradictions"
            # No file can be put in its place.
            obstacle.mkdir()
            (obstacle / "full").touch()
            log.submitting.guard.contradict(ELSEWHERE)
            assert obstacle.is_dir()
            (obstacle / "full").unlink()
            obstacle.rmdir()
            log.heads.wake()
            await until(obstacle.is_file)
        nobody = policy.replace("http://127.0.0.1", NOBODY)
        async with cosigned_log(folder, nobody, **TOLD) as (url, log):
            await require_stopped(url, log, log.publisher.public_note)


async def test_any_of_its_names_overrules_what_answers_at_one_url(
    tmp_path: Path,
) -> None:
    """A witness with two keys stands on two lines, and the first gives it its name."""
    other = Actor("witness.example/second", COSIGNATURE, "second").vkey.decode()
    async with gated_quorum(tmp_path) as (policy, bare):
        copy = await copy_behind(tmp_path / "log", policy)
        at = policy.split()[3]
        lines = f"{policy}witness second {other} {at}\n"
        for name, is_contradicted in (("third", True), ("second", False)):
            asked = bare.asked
            async with cosigned_log(
                copy, lines, witness_overruled=(name,), witness_wait_ms=1, **TOLD
            ) as (url, log):
                answer = await submit(url, [40])
                assert (500 if is_contradicted else 202) == answer.status
                assert is_contradicted == log.standing.guard.is_contradicted
            assert bare.asked >= asked


async def test_a_monitoring_prefix_of_no_witness_is_refused(tmp_path: Path) -> None:
    async with bare_quorum(tmp_path) as policy:
        with pytest.raises(RejectedError, match="w9"):
            async with cosigned_log(
                tmp_path / "log", policy, witness_monitoring=(f"w9={NOWHERE}",)
            ):
                pass
