"""Cosignatures of real witnesses over HTTP: quorum, who is missing, what is public."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.cosigned import (
    NOWHERE,
    TOLD,
    cosigned_log,
    policy_of,
    public_policy,
    record,
    shown,
    some_witnesses,
    submit,
    write_key,
)
from tests.support.http import ask
from tests.support.running import ORIGIN, running_log, until
from tests.tlogverify.actors import COSIGNATURE, OTHER_LOG, Actor
from tlog.cli import main
from tlog.errors import RejectedError
from tlogclient import LogClient, UnavailableError
from tlogverify import Proof
from tlogverify.errors import QuorumError, TlogError
from tlogverify.hashing import leaf_hash


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Listen, take requests, and answer none."""
    gone = asyncio.Event()

    async def wait(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(wait, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        gone.set()
        server.close()


@pytest.mark.parametrize("count", [1, 300])
async def test_a_proof_satisfies_the_policy_at_once(tmp_path: Path, count: int) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy_text = policy_of(witnesses, 2)
        async with cosigned_log(tmp_path / "log", policy_text) as (url, log):
            policy = await public_policy(log)
            async with LogClient(url, policy) as client:
                for start in (0, count, 2 * count):
                    records = [record(n) for n in range(start, start + count)]
                    proofs = await client.submit([*records, record(0)])
                    assert [*range(start, start + count), 0] == [
                        it.index for it in proofs
                    ]
                    for proof, it in zip(proofs, records, strict=False):
                        proof.verify(leaf_hash(it.encode()), policy)
                await until(lambda: log.stores.index.complete_to == 3 * count)
                found = await client.search(
                    f"sha256:{record(1).subjects[0].sha256.hex()}"
                )
                assert [1] == [hit.index for hit in found.hits]
                assert 1 == (await client.prove(1)).index
            await shown(log, 3 * count, 3)


async def test_one_entry_as_text_comes_with_its_cosigned_proof(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy_text = policy_of(witnesses, 3)
        async with cosigned_log(tmp_path / "log", policy_text) as (url, log):
            answer = await ask(
                url,
                "/api/v1/entries",
                method="POST",
                headers={"Content-Type": "application/json", "Accept": "text/plain"},
                body=b'{"entries":[' + record(0).encode() + b"]}",
            )
            proof = Proof.parse(answer.body)
            policy = await public_policy(log)
            assert 3 == len(
                proof.verify(leaf_hash(proof.extra or b""), policy).witnesses
            )


@pytest.mark.parametrize("missing", ["refused", "silent"])
async def test_a_witness_that_is_missing_delays_nobody(
    tmp_path: Path, missing: str
) -> None:
    async with some_witnesses(tmp_path) as witnesses, silent() as deaf:
        url_of_w1 = NOWHERE if missing == "refused" else deaf
        policy_text = policy_of(witnesses, 2, w1=url_of_w1)
        async with cosigned_log(tmp_path / "log", policy_text) as (url, log):
            for number in range(5):
                assert 201 == (await submit(url, [number])).status
            await shown(log, 5, 2)
            names = {
                it["name"]: it["outcome"]
                for it in (await ask(url, "/api/v1/log")).json()["witnesses"]
            }
            assert ("cosigned", "cosigned") == (names["w0"], names["w2"])
            assert names["w1"] in {"unavailable", "none"}


async def test_without_the_quorum_the_checkpoint_stays_and_entries_are_kept(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy_text = policy_of(witnesses, 2)
        async with cosigned_log(folder, policy_text) as (url, log):
            assert 201 == (await submit(url, range(3))).status
            await shown(log, 3, 3)
        lost = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE)
        async with cosigned_log(folder, lost, witness_wait_ms=1, **TOLD) as (url, log):
            answer = await submit(url, range(3, 600))
            assert 202 == answer.status
            body = answer.json()
            assert list(range(3, 600)) == [it["index"] for it in body["entries"]]
            first = "/api/v1/proof/inclusion?index=3"
            assert (first, "1") == (body["proofs"][0], answer.headers["retry-after"])
            assert first == answer.headers["location"]
            waiting = await ask(url, first)
            assert (503, "not-cosigned") == (waiting.status, waiting.json()["type"])
            assert 404 == (await ask(url, "/api/v1/proof/inclusion?index=600")).status
            await until(lambda: log.publisher.stored_size == 600)
            assert 3 == log.publisher.public_size
        assert 0 == main(["fsck", str(folder)])
        # Restarted as a crash would have left it, still without a quorum.
        async with cosigned_log(folder, lost, witness_wait_ms=1, **TOLD) as (url, log):
            assert (3, 600) == (log.heads.shown.size, log.heads.signed.size)
            assert 200 == (await submit(url, range(3))).status
            assert 202 == (await submit(url, [599])).status
        async with cosigned_log(folder, policy_text) as (url, log):
            assert 200 == (await submit(url, range(600))).status
            await shown(log, 600, 3)
            assert 200 == (await ask(url, first)).status
        assert 0 == main(["fsck", str(folder)])


async def test_a_head_stays_the_target_until_its_quorum_has_signed(
    tmp_path: Path,
) -> None:
    """Witnesses that each took the newest head would never sign the same one."""
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(tmp_path / "log", lost, **TOLD) as (url, log):
            assert log.standing.witnessing is not None
            dead, *others = (it.state for it in log.standing.witnessing.links)
            await until(lambda: {it.outcome for it in others} == {"cosigned"})
            before = [await it.cosigned_size(ORIGIN) for it in witnesses[1:]]
            for number in range(5):
                assert 201 == (await submit(url, [number], "?wait=signed")).status
            # The others have nothing to do meanwhile.
            await until(lambda: dead.failures > 1)
            assert before == [await it.cosigned_size(ORIGIN) for it in witnesses[1:]]


async def test_a_stop_ends_the_wait_of_submissions(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(
            tmp_path / "log", lost, witness_wait_ms=600_000, **TOLD
        ) as (
            url,
            log,
        ):
            waiting = asyncio.create_task(submit(url, [0]))
            await until(lambda: log.heads.signed.size == 1)
        # Stopped here: whoever waited is told where the proof will be.
        assert 202 == (await waiting).status


async def test_too_many_that_wait_are_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlog.log.cosigning.collector._MOST_WAITING", 0)
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        # Whoever waited here would wait for ten minutes.
        async with cosigned_log(
            tmp_path / "log", lost, witness_wait_ms=600_000, **TOLD
        ) as (
            url,
            _,
        ):
            assert 202 == (await submit(url, [0])).status


async def test_a_retry_gets_the_proof_when_the_quorum_is_back(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(tmp_path / "log", lost, witness_wait_ms=1, **TOLD) as (
            url,
            _,
        ):
            assert 202 == (await submit(url, [0])).status
        policy_text = policy_of(witnesses, 3)
        async with cosigned_log(tmp_path / "log", policy_text) as (url, log):
            client = LogClient(url, await public_policy(log))
            async with client:
                assert 0 == (await client.submit_one(record(0))).index


async def test_the_clients_patience_ends_with_unavailable(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(tmp_path / "log", lost, witness_wait_ms=1, **TOLD) as (
            url,
            log,
        ):
            policy = await public_policy(log)
            async with LogClient(url, policy, attempts=2) as client:
                with pytest.raises(UnavailableError, match="no proof yet"):
                    await client.submit_one(record(0))


async def test_signed_is_answered_at_once_with_the_logs_word_alone(
    tmp_path: Path,
) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(
            tmp_path / "log", lost, witness_wait_ms=600_000, **TOLD
        ) as (
            url,
            log,
        ):
            answer = await submit(url, [0], "?wait=signed")
            assert 201 == answer.status
            note = answer.json()["checkpoint"].encode()
            assert 1 == note.count("—".encode())
            with pytest.raises(QuorumError):
                (await public_policy(log)).open_checkpoint(note)
            for query in (
                "?wait=cosigned",
                "?wait=",
                "?wait=signed&wait=signed",
                "?x=1",
            ):
                assert 400 == (await submit(url, [1], query)).status
            assert 1 == log.heads.signed.size


async def test_out_of_patience_a_log_publishes_without_quorum(
    tmp_path: Path,
) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        lost = policy_of(witnesses, 3, w0=NOWHERE)
        async with cosigned_log(
            tmp_path / "log",
            lost,
            witness_wait_ms=1,
            witness_patience_s=0,
            **TOLD,
        ) as (url, log):
            assert 202 == (await submit(url, range(4))).status
            await until(lambda: log.publisher.public_size == 4)
            policy = await public_policy(log)
            with pytest.raises(QuorumError):
                policy.open_checkpoint(log.publisher.public_note)
            assert 200 == (await ask(url, "/api/v1/proof/inclusion?index=3")).status
            assert 0 == (await ask(url, "/api/v1/log")).json()["cosigned_size"]


async def test_without_a_quorum_line_cosignatures_are_added_as_they_come(
    tmp_path: Path,
) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy_text = policy_of(witnesses, 0, w1=NOWHERE)
        async with cosigned_log(tmp_path / "log", policy_text) as (url, log):
            assert 201 == (await submit(url, [0])).status
            await shown(log, 1, 2)


async def test_a_log_that_gets_witnesses_later_goes_on_from_what_is_public(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy_text = policy_of(witnesses, 2)
        write_key(folder)
        async with running_log(folder) as (url, _):
            assert 201 == (await submit(url, range(700))).status
        async with cosigned_log(folder, policy_text) as (url, log):
            assert 200 == (await submit(url, range(700))).status
            await shown(log, 700, 3)
        # And without them again.
        async with running_log(folder) as (url, log):
            assert 201 == (await submit(url, [700])).status
            await until(lambda: log.publisher.public_size == 701)
    assert 0 == main(["fsck", str(folder)])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("witness w {vkey}\nquorum w\n", "no witness with a URL"),
        ("log {other}\nwitness w {vkey} http://w\nquorum w\n", "this log's key"),
        ("witness w {vkey} ftp://w\nquorum w\n", "URL"),
        ("quorum none\n", "no witness with a URL"),
        ("witness w {vkey} http://w..example\nquorum w\n", "looked up"),
    ],
)
async def test_a_policy_that_cannot_work_is_refused_at_start(
    tmp_path: Path, text: str, why: str
) -> None:
    async with some_witnesses(tmp_path, 1) as (witness,):
        other = OTHER_LOG.vkey.decode()
        filled = text.format(vkey=witness.keys[0].encode(), other=other)
        with pytest.raises(TlogError, match=why):
            async with cosigned_log(tmp_path / "log", filled):
                pass


async def test_a_policy_with_more_witnesses_than_a_note_has_lines_is_refused(
    tmp_path: Path,
) -> None:
    many = [
        Actor(f"w{number}.example", COSIGNATURE, str(number)) for number in range(99)
    ]
    lines = [f"witness w{n} {it.vkey.decode()} http://w" for n, it in enumerate(many)]
    async with cosigned_log(tmp_path / "log", "\n".join([*lines, "quorum w0", ""])):
        pass
    more = Actor("more.example", COSIGNATURE, "more").vkey.decode()
    lines.append(f"witness more {more} http://w")
    with pytest.raises(RejectedError, match="at most 100 lines"):
        async with cosigned_log(
            tmp_path / "other", "\n".join([*lines, "quorum w0", ""])
        ):
            pass
