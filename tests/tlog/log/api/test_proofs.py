"""Inclusion and consistency over HTTP, verified with the verifier's code."""

import asyncio

import pytest

from tests.support.cases import in_one_test
from tests.support.filled import ENTRIES, LEAVES, SIZE, TREE, Filled
from tests.support.http import Answer, ask
from tests.support.openapi import require_documented
from tests.support.proofs import hashes
from tlogverify import Policy, Proof, verify_artifact, verify_consistency
from tlogverify.merkle import verify_inclusion

pytestmark = pytest.mark.asyncio(loop_scope="module")
BOTH_WAYS = True
AT_FRONT = True

INDEXES = [0, 1, 127, 128, 254, 255, 256, 257, 298, 299]
SIZES = [1, 2, 3, 127, 128, 129, 255, 256, 257, 299, 300]


async def get(filled: Filled, target: str, accept: str = "*/*") -> Answer:
    answer = await ask(filled.url, target, headers={"Accept": accept})
    require_documented("GET", target, answer)
    return answer


@in_one_test("index", INDEXES)
async def test_an_entry_is_proven_by_its_index(filled: Filled, index: int) -> None:
    answer = await get(filled, f"/api/v1/proof/inclusion?index={index}")
    document = answer.json()
    head = filled.head(document["checkpoint"])
    assert (200, index, SIZE) == (answer.status, document["index"], document["size"])
    assert SIZE == head.size
    path = hashes(document["path"])
    verify_inclusion(index, SIZE, LEAVES[index], path, head.root)


@in_one_test("index", INDEXES)
async def test_an_entry_is_proven_by_its_leaf_hash(filled: Filled, index: int) -> None:
    target = "/api/v1/proof/inclusion?"
    by_hash = await get(filled, f"{target}leaf_hash={LEAVES[index].hex()}")
    by_index = await get(filled, f"{target}index={index}")
    assert by_index.body == by_hash.body


@in_one_test("size", SIZES)
async def test_an_entry_is_proven_in_every_older_tree(
    filled: Filled, size: int
) -> None:
    wanted = sorted({0, size // 2, size - 1})
    targets = [f"/api/v1/proof/inclusion?index={it}&size={size}" for it in wanted]
    answers = await asyncio.gather(*(get(filled, target) for target in targets))
    for index, answer in zip(wanted, answers, strict=True):
        assert size == answer.json()["size"]
        path = hashes(answer.json()["path"])
        verify_inclusion(index, size, LEAVES[index], path, TREE.root(size))


@in_one_test("index", INDEXES)
async def test_an_inclusion_proof_comes_as_a_proof_file(
    filled: Filled, index: int
) -> None:
    target = f"/api/v1/proof/inclusion?index={index}"
    answer = await get(filled, target, "text/plain")
    proof = Proof.parse(answer.body)
    assert (index, ENTRIES[index]) == (proof.index, proof.extra)
    proof.verify(LEAVES[index], Policy.parse(filled.log.standing.policy.encode()))


async def test_a_proof_file_verifies_offline_with_the_policy_that_the_log_tells(
    filled: Filled,
) -> None:
    told = (await get(filled, "/api/v1/log")).json()
    target = f"/api/v1/proof/inclusion?leaf_hash={LEAVES[7].hex()}"
    answer = await get(filled, target, "text/plain, */*")
    artifact = ENTRIES[7].partition(b'"subject":[{"sha256":"')[2][:64].decode()
    policy = Policy.parse(told["policy"].encode())
    proven = verify_artifact(f"sha256:{artifact}", Proof.parse(answer.body), policy)
    assert 7 == proven.index


@in_one_test("new", SIZES)
async def test_every_older_tree_is_proven_consistent(filled: Filled, new: int) -> None:
    wanted = [0, *(old for old in SIZES if old <= new)]
    targets = [f"/api/v1/proof/consistency?old={old}&new={new}" for old in wanted]
    answers = await asyncio.gather(*(get(filled, target) for target in targets))
    for old, answer in zip(wanted, answers, strict=True):
        document = answer.json()
        assert (old, new) == (document["old"], document["new"])
        assert "checkpoint" not in document
        path = hashes(document["path"])
        verify_consistency(old, new, path, TREE.root(old), TREE.root(new))


@in_one_test("old", [0, *SIZES])
async def test_consistency_with_the_head_comes_with_its_checkpoint(
    filled: Filled, old: int
) -> None:
    document = (await get(filled, f"/api/v1/proof/consistency?old={old}")).json()
    head = filled.head(document["checkpoint"])
    assert head.size == document["new"]
    path = hashes(document["path"])
    verify_consistency(old, head.size, path, TREE.root(old), head.root)
