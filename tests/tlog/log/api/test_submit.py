"""POST /api/v1/entries: what is answered is proven, with the verifier's code."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.http import Answer, post
from tests.support.openapi import require_documented
from tests.support.proofs import verify_receipt
from tests.support.records import (
    canonical,
    cbor_body,
    full_record,
    json_body,
    record,
    records,
)
from tests.support.running import running_log
from tlog.log.life import Log
from tlogverify import Policy, Proof, verify_artifact

CBOR = "application/cbor"


class Submitter:
    """Submits to one log, and verifies all that it answers."""

    def __init__(self, url: str, log: Log) -> None:
        self.url = url
        self.log = log

    async def submit(self, *values: object, media_type: str = "") -> Answer:
        """Submit and prove."""
        body = cbor_body(*values) if media_type == CBOR else json_body(*values)
        answer = await post(self.url, body, media_type=media_type or "application/json")
        require_documented("POST", "/api/v1/entries", answer)
        vkeys = [key.encode() for key in self.log.keys]
        verify_receipt(answer.json(), [canonical(it) for it in values], vkeys)
        return answer

    async def proof(self, value: object) -> tuple[int, Proof]:
        """Submit one entry and parse the proof file that is the answer."""
        headers = {"Accept": "text/plain"}
        answer = await post(self.url, json_body(value), headers=headers)
        require_documented("POST", "/api/v1/entries", answer)
        return answer.status, Proof.parse(answer.body)


@pytest.fixture
async def submitter(tmp_path: Path) -> AsyncIterator[Submitter]:
    async with running_log(tmp_path / "log") as (url, log):
        yield Submitter(url, log)


def indexes(answer: Answer) -> list[int]:
    return [placed["index"] for placed in answer.json()["entries"]]


def duplicates(answer: Answer) -> list[bool]:
    return [placed["duplicate"] for placed in answer.json()["entries"]]


@pytest.mark.parametrize("media_type", ["application/json", CBOR])
async def test_new_entries_are_201_and_proven_by_one_range(
    submitter: Submitter, media_type: str
) -> None:
    for first, end in [(0, 1), (1, 3), (3, 10), (10, 266), (266, 600), (600, 601)]:
        answer = await submitter.submit(*records(first, end), media_type=media_type)
        document = answer.json()
        assert 201 == answer.status
        assert list(range(first, end)) == indexes(answer)
        assert (first, end) == (document["range"]["start"], document["range"]["end"])
        assert {} == document["paths"]
        assert not any(duplicates(answer))


async def test_both_spellings_of_a_value_are_one_entry(submitter: Submitter) -> None:
    await submitter.submit(full_record(), media_type=CBOR)
    answer = await submitter.submit(full_record())
    assert (200, [0], [True]) == (answer.status, indexes(answer), duplicates(answer))


async def test_known_entries_are_200_and_have_a_path_each(
    submitter: Submitter,
) -> None:
    await submitter.submit(*records(0, 300))
    answer = await submitter.submit(record(299), record(0), record(7))
    document = answer.json()
    assert 200 == answer.status
    assert [299, 0, 7] == indexes(answer)
    assert {"0", "7", "299"} == set(document["paths"])
    assert {"start": 300, "end": 300, "left": [], "right": []} == document["range"]
    assert all(duplicates(answer))


async def test_many_known_entries_are_proven_too(submitter: Submitter) -> None:
    await submitter.submit(*records(0, 200))
    answer = await submitter.submit(*records(0, 200))
    assert (200, 200) == (answer.status, len(answer.json()["paths"]))


async def test_known_and_new_entries_share_one_answer(submitter: Submitter) -> None:
    await submitter.submit(*records(0, 5))
    answer = await submitter.submit(record(9), record(2), record(8), record(4))
    assert 201 == answer.status
    assert [5, 2, 6, 4] == indexes(answer)
    assert [False, True, False, True] == duplicates(answer)
    assert {"2", "4"} == set(answer.json()["paths"])


async def test_what_stands_twice_in_a_request_is_added_once(
    submitter: Submitter,
) -> None:
    answer = await submitter.submit(record(1), record(2), record(1), record(2))
    assert 201 == answer.status
    assert [0, 1, 0, 1] == indexes(answer)
    assert [False, False, True, True] == duplicates(answer)
    assert {} == answer.json()["paths"]
    assert 2 == submitter.log.heads.signed.size


async def test_ten_thousand_entries_are_one_request(submitter: Submitter) -> None:
    answer = await submitter.submit(*records(0, 10_000))
    assert (201, 10_000) == (answer.status, submitter.log.heads.signed.size)


async def test_a_record_of_256_subjects_is_an_entry(submitter: Submitter) -> None:
    answer = await submitter.submit(record("large", subjects=256))
    assert 201 == answer.status


async def test_one_entry_can_be_answered_by_its_proof_file(
    submitter: Submitter,
) -> None:
    await submitter.submit(*records(0, 300))
    value = full_record("release")
    policy = Policy.parse(submitter.log.standing.policy.encode())
    artifact = "sha256:" + value["subject"][0]["sha256"]  # type: ignore[index]
    for expected in (201, 200):
        status, proof = await submitter.proof(value)
        assert expected == status
        proven = verify_artifact(artifact, proof, policy)
        assert (300, canonical(value)) == (proven.index, proof.extra)


async def test_a_proof_file_for_two_entries_is_not_acceptable(
    submitter: Submitter,
) -> None:
    answer = await post(
        submitter.url, json_body(*records(0, 2)), headers={"Accept": "text/plain"}
    )
    require_documented("POST", "/api/v1/entries", answer)
    assert (406, "not-acceptable") == (answer.status, answer.json()["type"])
    assert 0 == submitter.log.heads.signed.size


async def test_requests_at_the_same_time_are_each_proven_and_agree(
    submitter: Submitter,
) -> None:
    # Each request shares half of its entries with the next one.
    parts = [records(10 * nth, 10 * nth + 20) for nth in range(40)]
    answers = await asyncio.gather(*(submitter.submit(*part) for part in parts))
    found: dict[str, set[int]] = {}
    for answer in answers:
        for placed in answer.json()["entries"]:
            found.setdefault(placed["leaf_hash"], set()).add(placed["index"])
    assert 410 == submitter.log.heads.signed.size
    assert [{index} for index in range(410)] == sorted(found.values(), key=min)


async def test_entries_keep_their_index_after_a_restart(tmp_path: Path) -> None:
    first, second = records(0, 300), records(300, 310)
    async with running_log(tmp_path) as (url, log):
        await Submitter(url, log).submit(*first)
    async with running_log(tmp_path) as (url, log):
        submitter = Submitter(url, log)
        answer = await submitter.submit(*second, *first)
        assert [*range(300, 310), *range(300)] == indexes(answer)


async def test_a_comma_in_a_predicate_type_is_a_character_like_any_other(
    submitter: Submitter,
) -> None:
    value = {**record(), "predicateType": "urn:" + "," * 200}
    answer = await submitter.submit(value)
    assert 201 == answer.status
