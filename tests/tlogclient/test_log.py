"""The verbs, against a log on loopback."""

import asyncio

import pytest
from aiohttp import web

import tlogclient
from tests.support.cases import case
from tests.tlogclient.fake_log import (
    PROVENANCE,
    FakeLog,
    Lie,
    entry,
    problem,
    record,
    root,
)
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogclient.histories import require_same
from tlogverify import FormatError, Policy, VerificationError
from tlogverify.hashing import leaf_hash

DIGEST = f"sha256:{PROVENANCE.hex()}"


def test_the_public_names_are_these() -> None:
    assert tlogclient.__all__ == [
        "Attestation",
        "AttestationResult",
        "BlockingLog",
        "Hit",
        "Holding",
        "HoldingResult",
        "IncompleteError",
        "LogClient",
        "MonitorClient",
        "RefusedError",
        "SearchResult",
        "TwoHistoriesError",
        "UnavailableError",
    ]
    assert all(hasattr(tlogclient, name) for name in tlogclient.__all__)


async def test_submit_takes_records_and_bytes_in_order(fake: FakeLog) -> None:
    fake.submit([entry(3)])
    async with LogClient(fake.url, fake.policy) as log:
        proofs = await log.submit([record(1), entry(3), entry(2)])
        assert await log.submit([]) == []
    assert [proof.index for proof in proofs] == [1, 0, 2]
    for proof, number in zip(proofs, (1, 3, 2), strict=True):
        assert proof.extra == entry(number)
        proof.verify(leaf_hash(entry(number)), fake.policy)
    assert fake.batches == [3]


async def test_what_one_request_cannot_hold_is_sent_in_several(fake: FakeLog) -> None:
    entries = [entry(number) for number in range(10_002)]
    async with LogClient(fake.url, fake.policy) as log:
        proofs = await log.submit(entries)
    assert fake.batches == [10_000, 2]
    assert [proof.extra for proof in proofs] == entries
    assert [proof.index for proof in proofs] == list(range(10_002))


async def test_a_refused_position_is_the_callers(fake: FakeLog) -> None:
    entries = [entry(number) for number in range(10_002)]
    fake.bad_entries = {entries[10_001]}
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError) as raised:
            await log.submit(entries)
    assert raised.value.position == 10_001


async def test_a_refused_batch_adds_nothing_and_names_the_entry(fake: FakeLog) -> None:
    fake.bad_entries = {entry(1)}
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError) as raised:
            await log.submit([entry(0), entry(1)])
    assert raised.value.position == 1
    assert fake.entries == []


async def test_an_entry_that_is_not_canonical_is_not_sent(fake: FakeLog) -> None:
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(FormatError):
            await log.submit([b"{}"])
        with pytest.raises(FormatError):
            await log.submit_one(b"{}")
    assert fake.requests == []


async def test_single_submits_share_requests(fake: FakeLog) -> None:
    fake.gate.clear()
    async with LogClient(fake.url, fake.policy) as log:
        first = asyncio.create_task(log.submit_one(record(0)))
        await fake.waiting.wait()
        rest = [asyncio.create_task(log.submit_one(entry(n))) for n in range(1, 50)]
        await asyncio.sleep(0)
        fake.gate.set()
        proofs = await asyncio.gather(first, *rest)
    assert fake.batches == [1, 49]
    assert [proof.extra for proof in proofs] == [entry(n) for n in range(50)]


async def test_a_refused_single_leaves_the_others(fake: FakeLog) -> None:
    fake.bad_entries = {entry(2)}
    async with LogClient(fake.url, fake.policy) as log:
        outcomes = await asyncio.gather(
            *(log.submit_one(entry(n)) for n in range(5)), return_exceptions=True
        )
    refused = outcomes.pop(2)
    assert isinstance(refused, RefusedError)
    assert (refused.type, refused.position) == ("entry-refused", 0)
    assert not any(isinstance(outcome, BaseException) for outcome in outcomes)
    assert fake.batches == [5, 4]


async def test_closing_while_submits_wait_fails_them(fake: FakeLog) -> None:
    fake.gate.clear()
    async with LogClient(fake.url, fake.policy) as log:
        single = asyncio.create_task(log.submit_one(entry(0)))
        batch = asyncio.create_task(log.submit([entry(1)]))
        while len(fake.batches) < 2:
            fake.waiting.clear()
            await fake.waiting.wait()
    for task in (single, batch):
        with pytest.raises(UnavailableError):
            await task


async def test_a_client_that_is_not_open_is_unavailable(fake: FakeLog) -> None:
    log = LogClient(fake.url, fake.policy)
    with pytest.raises(UnavailableError, match="not open"):
        await log.checkpoint()
    async with log:
        pass
    with pytest.raises(UnavailableError):
        await log.submit_one(entry(0))
    assert fake.requests == []


async def test_search_follows_pages_and_proves_each_hit(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(8)])
    async with LogClient(fake.url, fake.policy) as log:
        result = await log.search(DIGEST)
    assert [hit.index for hit in result.hits] == list(range(8))
    assert [hit.entry for hit in result.hits] == [record(n) for n in range(8)]
    assert (result.complete_to, result.next) == (8, None)
    for hit in result.hits:
        hit.proof.verify(leaf_hash(entry(hit.index)), fake.policy)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
async def test_a_search_cut_short_says_where_to_go_on(
    fake: FakeLog, limit: int
) -> None:
    fake.submit([entry(number) for number in range(8)])
    async with LogClient(fake.url, fake.policy) as log:
        result = await log.search(DIGEST, limit=limit)
        assert result.next == limit
        rest = await log.search(DIGEST, start=result.next)
    assert [hit.index for hit in result.hits + rest.hits] == list(range(8))


async def test_a_search_without_hits_says_how_far_it_is_complete(
    fake: FakeLog,
) -> None:
    fake.submit([entry(number) for number in range(3)])
    async with LogClient(fake.url, fake.policy) as log:
        result = await log.search("sha256:" + "00" * 32)
    assert (result.complete_to, result.hits, result.next) == (3, (), None)


async def test_the_least_claim_of_all_pages_counts(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(8)])
    claims = iter([8, 0, 8])
    fake.lie = lambda answer: answer.update(complete_to=next(claims))
    async with LogClient(fake.url, fake.policy) as log:
        result = await log.search(DIGEST)
    assert result.complete_to == 0


async def test_one_answer_is_of_one_log(fake: FakeLog) -> None:
    """The second page has the head of another log that the policy names too."""
    fake.submit([entry(number) for number in range(8)])
    other = FakeLog(b"o" * 32, "log.example/other")
    other.submit([entry(number) for number in range(8)])
    notes = iter([fake.note(), other.note(), fake.note()])
    fake.lie = lambda answer: answer.update(checkpoint=next(notes).decode())
    keys = (b"log " + it.key.encode().encode() + b"\n" for it in (fake, other))
    both = Policy.parse(b"".join(keys) + b"quorum none\n")
    async with LogClient(fake.url, both) as log:
        with pytest.raises(VerificationError, match="one answer is of two logs"):
            await log.search(DIGEST)


async def test_a_hit_that_names_another_digest_is_refused(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(4)])
    other = record(1).subjects[0].sha256.hex()
    fake.lie = lambda answer: answer.update(
        hits=fake.search(DIGEST, 0)["hits"], next=None
    )
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(VerificationError, match="does not name"):
            await log.search(f"sha256:{other}")


async def test_an_entry_that_the_log_does_not_show_is_a_refusal(fake: FakeLog) -> None:
    fake.submit([entry(0)])

    async def search_then_refuse(request: web.Request) -> web.StreamResponse:
        fake.instead.append(problem(404, "unknown"))
        return web.json_response(fake.search(DIGEST, 0))

    fake.instead.append(search_then_refuse)
    async with LogClient(fake.url, fake.policy) as log:
        with pytest.raises(RefusedError, match="unknown"):
            await log.search(DIGEST)


async def test_prove_returns_the_entry_with_its_proof(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(5)])
    async with LogClient(fake.url, fake.policy) as log:
        proof = await log.prove(3)
    assert proof == fake.proof(3)


async def test_the_head_is_opened_by_the_policy(fake: FakeLog) -> None:
    fake.submit([entry(0)])
    async with LogClient(fake.url, fake.policy) as log:
        assert (await log.checkpoint()).checkpoint.size == 1
    async with LogClient(fake.url, FakeLog(b"o" * 32).policy) as log:
        with pytest.raises(VerificationError):
            await log.checkpoint()


async def test_the_head_is_proven_to_extend_an_older_one(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(5)])
    async with LogClient(fake.url, fake.policy) as log:
        old = (await log.checkpoint()).checkpoint
        fake.submit([entry(number) for number in range(9)])
        new = await log.checkpoint(extending=old)
        assert new.checkpoint.size == 9
        fake.entries[2] = entry(99)
        with pytest.raises(VerificationError):
            await log.checkpoint(extending=old)


async def test_one_size_of_a_log_is_proven_to_extend_another(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(9)])
    async with LogClient(fake.url, fake.policy) as log:
        assert fake.note() == await log.note()
        for new in range(10):
            for old in range(new + 1):
                with case(f"{old} to {new}"):
                    history = await log.history(old, new)
                    roots = [root(fake.leaves[:size]) for size in (old, new)]
                    assert [(old, roots[0]), (new, roots[1])] == [
                        history.old,
                        history.new,
                    ]
                    assert 9 == history.head.checkpoint.size
        assert 9 == (await log.history(4)).new.size


async def test_a_history_of_which_one_thing_is_false_is_refused(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(9)])
    lies: dict[str, Lie] = {
        "another old root": lambda it: (
            it.update(path=it["path"][::-1]) if it.get("size") == 6 else None
        ),
        "an inclusion proof of another size": lambda it: (
            it.update(size=5) if it.get("size") == 6 else None
        ),
        "a path between other sizes": lambda it: (
            it.update(old=4) if it.get("old") == 6 else None
        ),
        "a flipped path": lambda it: (
            it.update(path=it["path"][::-1]) if it.get("old") == 6 else None
        ),
        "another new root": lambda it: (
            it.update(path=it["path"][::-1]) if it.get("size") == 7 else None
        ),
    }
    async with LogClient(fake.url, fake.policy) as log:
        for name, lie in lies.items():
            with case(name):
                fake.lie = lie
                with pytest.raises(VerificationError):
                    await log.history(6, 7)
        fake.lie = None
        assert (6, 7) == ((await log.history(6, 7)).old.size, 7)


async def test_a_head_of_another_history_is_told_from_the_logs(fake: FakeLog) -> None:
    fake.submit([entry(number) for number in range(4)])
    async with LogClient(fake.url, fake.policy) as log:
        kept = (await log.checkpoint()).checkpoint
        require_same((await log.history(4)).old, kept)
        require_same((await log.history(4)).old, None)
        fake.entries[2] = entry(99)
        with pytest.raises(VerificationError, match="another history"):
            require_same((await log.history(4)).old, kept)
