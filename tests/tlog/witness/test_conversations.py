"""Whole conversations, one after the other and all at once: never two histories."""

import asyncio
import random
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.faulty import Fault
from tests.oracle import rfc6962
from tests.support.commits import WaitingConnection, breaks, state_of
from tests.support.http import Answer, ask
from tests.support.refused import require_told
from tests.support.witnessing import (
    SIZE_TYPE,
    History,
    Served,
    histories,
    require_cosigned,
    running_witness,
    served,
    witness_settings,
)
from tests.tlogverify.actors import ED25519, LOG, Actor, Head
from tlog.errors import FatalError
from tlog.witness.opening import OpenWitness

ONE, TWO = histories(40, common=3)


def size_of(answer: Answer) -> int:
    """Return what a 409 tells."""
    assert (409, SIZE_TYPE) == (answer.status, answer.headers["content-type"])
    assert answer.body.endswith(b"\n")
    return int(answer.body)


async def test_a_log_grows_refreshes_loses_its_place_and_finds_it_again(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w") as witness:
        for old, size in ((0, 1), (1, 3), (3, 3), (3, 5), (5, 40)):
            answer = await witness.add(ONE.request(old, size))
            require_cosigned(answer.body, ONE.head(size), witness.keys)
        # The log was restored from a copy: it begins from where the witness is.
        told = size_of(await witness.add(ONE.request(0, 40)))
        assert 200 == (await witness.add(ONE.request(told, 40))).status
        # A log that has fewer leaves than the witness knows cannot go on.
        assert 40 == size_of(await witness.add(ONE.request(5, 12)))
        require_told(await witness.add(ONE.request(5, 4)), 400, "invalid-request", "")


async def test_of_two_that_start_from_one_size_one_is_cosigned(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as witness:
        assert 200 == (await witness.add(ONE.request(0, 3))).status
        answers = await asyncio.gather(
            witness.add(ONE.request(3, 5)), witness.add(ONE.request(3, 7))
        )
        assert [200, 409] == sorted(it.status for it in answers)
        (lost,) = [it for it in answers if it.status == 409]
        told = size_of(lost)
        assert told == await witness.cosigned_size()
        if told == 5:
            assert 200 == (await witness.add(ONE.request(5, 7))).status


async def pursue(
    witness: Served, history: History, size: int, left: list[tuple[int, bytes]]
) -> None:
    """Ask as a log does, until a head of `size` is cosigned or can never be."""
    old = 0
    while old <= size:
        answer = await witness.add(history.request(old, size))
        if answer.status == 409:
            told = size_of(answer)
            assert told != old
            old = told
            continue
        if answer.status == 200:
            require_cosigned(answer.body, history.head(size), witness.keys)
            left.append((size, history.tree.root(size)))
        else:
            require_told(answer, 422, "unproven", "")
        return


def require_one_history(left: list[tuple[int, bytes]]) -> None:
    """Assert that all heads are of one history, pair by pair."""
    for pair in combinations(set(left), 2):
        assert any(
            all(history.tree.root(size) == root for size, root in pair)
            for history in (ONE, TWO)
        ), pair


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("keys", ["ed25519", "both"])
async def test_fifty_at_once_on_two_forks_get_one_history(
    tmp_path: Path, seed: int, keys: str
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to repeat it
    left: list[tuple[int, bytes]] = []
    async with running_witness(tmp_path / "w", keys=keys) as witness:
        asked = [
            pursue(witness, chance.choice([ONE, TWO]), chance.randint(0, 40), left)
            for _ in range(50)
        ]
        await asyncio.gather(*asked)
        newest = (await witness.newest()).body
    assert left
    require_one_history(left)
    size, root = max(left)
    assert Head(LOG.name, size, root).text == newest.rpartition(b"\n\n")[0] + b"\n"


async def test_many_logs_share_commits_and_none_is_mixed_up(tmp_path: Path) -> None:
    logs = [Actor(f"log{n}.example", ED25519, f"log {n}") for n in range(30)]
    leaves = [rfc6962.leaf_hashes(9, log.name) for log in logs]
    many = [History(it, log) for it, log in zip(leaves, logs, strict=True)]
    async with running_witness(tmp_path / "w", *logs, keys="ed25519") as witness:
        for old, size in ((0, 2), (2, 5), (5, 9)):
            bodies = [it.request(old, size) for it in many]
            answers = await asyncio.gather(*map(witness.add, bodies))
            for answer, history in zip(answers, many, strict=True):
                require_cosigned(answer.body, history.head(size), witness.keys)
    async with running_witness(tmp_path / "w", *logs, keys="ed25519") as witness:
        for history in many:
            newest = (await witness.newest(history.origin)).body
            assert newest.startswith(history.note(9))


async def begin(witness: Served, body: bytes) -> asyncio.StreamWriter:
    """Send a request, and do not read its answer."""
    place = urlsplit(witness.url)
    _, writer = await asyncio.open_connection(place.hostname, place.port)
    head = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    await writer.drain()
    return writer


async def test_nothing_leaves_before_the_commit(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as witness:
        state = state_of(witness.witness)
        waiting = state.writing = WaitingConnection(state.writing)
        asked = asyncio.create_task(witness.add(ONE.request(0, 5)))
        await asyncio.to_thread(waiting.entered.wait)
        assert await witness.cosigned_size() is None
        assert {"alive": True} == (await ask(witness.url, "/healthz")).json()
        assert not asked.done()
        waiting.let_go.set()
        assert 200 == (await asked).status
        assert 5 == await witness.cosigned_size()


async def test_who_hangs_up_within_its_turn_holds_up_nobody_and_loses_nothing(
    tmp_path: Path,
) -> None:
    async with running_witness(tmp_path / "w") as witness:
        state = state_of(witness.witness)
        waiting = state.writing = WaitingConnection(state.writing)
        writer = await begin(witness, ONE.request(0, 5))
        await asyncio.to_thread(waiting.entered.wait)
        fork = asyncio.create_task(witness.add(TWO.request(0, 7)))
        queued = [await begin(witness, TWO.request(0, 9)) for _ in range(3)]
        for each in (writer, *queued):
            each.transport.abort()
        assert 200 == (await ask(witness.url, "/healthz")).status
        waiting.let_go.set()
        # Its turn ended with a head that is known, though nobody heard of it.
        assert 5 == size_of(await fork)
        require_told(await witness.add(TWO.request(5, 9)), 422, "unproven", "")
        assert 200 == (await witness.add(ONE.request(5, 9))).status


async def test_who_hangs_up_within_the_body_changes_nothing(tmp_path: Path) -> None:
    async with running_witness(tmp_path / "w") as witness:
        body = ONE.request(0, 5)
        place = urlsplit(witness.url)
        for end in range(0, len(body), 16):
            _, writer = await asyncio.open_connection(place.hostname, place.port)
            head = b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: %d\r\n"
            writer.write(head % len(body) + b"\r\n" + body[:end])
            await writer.drain()
            writer.transport.abort()
        assert await witness.cosigned_size() is None
        assert 200 == (await witness.add(body)).status


async def ask_once_of_broken(opened: OpenWitness, body: bytes) -> None:
    async with served(opened) as witness:
        answer = await witness.add(body)
        require_told(answer, 503, "outcome-unknown", "restarting")


FAULTS = [
    (step, persists)
    for step in ("BEGIN", "INSERT", "UPDATE", "COMMIT")
    for persists in (False, True)
]


@pytest.mark.parametrize(("step", "persists"), FAULTS)
async def test_a_commit_that_fails_is_not_answered_and_not_half_done(
    tmp_path: Path, step: str, persists: bool
) -> None:
    folder = tmp_path / "w"
    async with running_witness(folder) as witness:
        if step == "UPDATE":
            assert 200 == (await witness.add(ONE.request(0, 4))).status
    old = 4 if step == "UPDATE" else 0
    opened = OpenWitness(witness_settings(folder))
    fault = Fault(step, 1, persists)
    breaks(opened, fault)
    if step != "COMMIT":
        async with served(opened) as witness:
            answer = await witness.add(ONE.request(old, 5))
            require_told(answer, 503, "busy", "")
            assert fault.has_struck
            assert int(answer.headers["retry-after"]) > 0
            assert (old or None) == await witness.cosigned_size()
            # Nothing was stored: another history may come in its place.
            assert 200 == (await witness.add(ONE.request(old, 7))).status
        return
    with pytest.raises(FatalError, match="unknown"):
        await ask_once_of_broken(opened, ONE.request(old, 5))
    assert fault.has_struck
    async with running_witness(folder) as witness:
        assert (5 if persists else None) == await witness.cosigned_size()
        known = 5 if persists else 0
        assert 200 == (await witness.add(ONE.request(known, 9))).status


async def test_after_an_unknown_outcome_nothing_is_cosigned_until_a_restart(
    tmp_path: Path,
) -> None:
    """Two requests are under way; the second must not build on the first."""
    witness = OpenWitness(witness_settings(tmp_path / "w"))
    fault = Fault("COMMIT", 1, persists=True)
    breaks(witness, fault)
    bodies = [ONE.request(0, 5), TWO.request(0, 7), ONE.request(0, 5)]
    answers = await asyncio.gather(
        *map(witness.cosigner.add_checkpoint, bodies), return_exceptions=True
    )
    assert [FatalError] * 3 == [type(it) for it in answers]
    assert fault.has_struck
    assert witness.failure is not None
    assert not witness.claims()["state_writable"]
    await witness.close()


async def test_turns_that_outlive_their_clients_are_not_committed_after_the_close(
    tmp_path: Path,
) -> None:
    witness = OpenWitness(witness_settings(tmp_path / "w"))
    state = state_of(witness)
    waiting = state.writing = WaitingConnection(state.writing)
    first = asyncio.create_task(witness.cosigner.add_checkpoint(ONE.request(0, 5)))
    await asyncio.to_thread(waiting.entered.wait)
    turns = [witness.cosigner.add_checkpoint(ONE.request(5, n)) for n in (7, 9)]
    asked = [first, *map(asyncio.create_task, turns)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    closing = asyncio.create_task(witness.close())
    await asyncio.sleep(0)
    waiting.let_go.set()
    await closing
    mine = {asyncio.current_task()}
    while others := asyncio.all_tasks() - mine:
        await asyncio.wait(others)
    assert witness.failure is None
    async with running_witness(tmp_path / "w") as reopened:
        assert 5 == await reopened.cosigned_size()


async def test_a_full_disk_is_busy_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_witness(tmp_path / "w") as witness:
        assert 200 == (await witness.add(ONE.request(0, 5))).status
        monkeypatch.setattr("tlog.durable.database.RESERVE_BYTES", 1 << 62)
        answer = await witness.add(ONE.request(5, 9))
        require_told(answer, 503, "busy", "disk")
        assert 503 == (await ask(witness.url, "/readyz")).status
        assert 5 == await witness.cosigned_size()
        monkeypatch.undo()
        assert 200 == (await witness.add(ONE.request(5, 9))).status


def test_the_log_of_this_module_signs_both_histories() -> None:
    assert LOG.name == ONE.origin == TWO.origin
    assert ONE.tree.root(3) == TWO.tree.root(3)
    assert ONE.tree.root(4) != TWO.tree.root(4)
