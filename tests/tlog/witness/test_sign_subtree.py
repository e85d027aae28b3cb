"""sign-subtree: every subtree of small trees, and one answer for each broken rule.

Source: C2SP tlog-witness, "sign-subtree"; tlog-cosignature, "subtree/v1".
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.refused import require_told
from tests.support.witnessing import (
    TEXT_TYPE,
    History,
    Served,
    histories,
    require_subtree_cosigned,
    running_witness,
    subtree_body,
)
from tests.tlogverify.actors import (
    LOG,
    MLDSA44,
    OTHER_LOG,
    STRANGER,
    Actor,
    Head,
    line,
    note,
    oddly,
)
from tlogverify.keys import VerifierKey

MOST = 16
HONEST, FORKED = histories(MOST, common=5)


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_witness(tmp_path / "w", LOG, OTHER_LOG) as found:
        yield found


def mldsa_key(served: Served) -> VerifierKey:
    (key,) = [it for it in served.keys if it.key_type is MLDSA44]
    return key


async def cosigned_note(served: Served, size: int, history: History = HONEST) -> bytes:
    """Have a head cosigned, and return the note that is served of it."""
    old = await served.cosigned_size(history.origin) or 0
    assert 200 == (await served.add(history.request(old, size))).status
    return (await served.newest(history.origin)).body


def honest_body(start: int, end: int, size: int, signed: bytes) -> bytes:
    tree = HONEST.tree
    path = tree.subtree_path(start, end, size)
    return subtree_body(start, end, tree.mth(start, end), path, signed)


async def test_every_subtree_of_every_small_tree_is_cosigned(served: Served) -> None:
    key = mldsa_key(served)
    for size in range(1, MOST + 1):
        signed = await cosigned_note(served, size)
        for start in range(size + 1):
            for end in range(start, size + 2):
                answer = await served.sign(honest_body_of(start, end, size, signed))
                if not rfc6962.is_valid_subtree(start, end) or end > size:
                    require_told(answer, 400, "invalid-request", "")
                    continue
                assert (200, TEXT_TYPE) == (
                    answer.status,
                    answer.headers["content-type"],
                )
                place = (start, end, HONEST.tree.mth(start, end))
                require_subtree_cosigned(answer.body, LOG.name, place, key)


def honest_body_of(start: int, end: int, size: int, signed: bytes) -> bytes:
    if rfc6962.is_valid_subtree(start, end) and end <= size:
        return honest_body(start, end, size, signed)
    return subtree_body(start, end, bytes(32), [], signed)


async def test_each_hash_of_a_subtree_proof_counts(served: Served) -> None:
    size = 13
    signed = await cosigned_note(served, size)
    tree = HONEST.tree
    for start in range(size):
        for end in range(start + 1, size + 1):
            if not rfc6962.is_valid_subtree(start, end):
                continue
            path, good = tree.subtree_path(start, end, size), tree.mth(start, end)
            others = [(bytes(32), path), (good, [*path, bytes(32)])]
            others += [
                (good, [*path[:at], bytes(32), *path[at + 1 :]])
                for at in range(len(path))
            ]
            others += [(good, path[:-1])] if path else []
            for subtree, other in others:
                body = subtree_body(start, end, subtree, other, signed)
                require_told(await served.sign(body), 422, "unproven", "")


async def test_an_older_cosigned_head_proves_its_subtrees_still(served: Served) -> None:
    older = await cosigned_note(served, 5)
    await cosigned_note(served, 12)
    answer = await served.sign(honest_body(0, 3, 5, older))
    place = (0, 3, HONEST.tree.mth(0, 3))
    require_subtree_cosigned(answer.body, LOG.name, place, mldsa_key(served))


async def test_an_unknown_keys_line_may_have_unused_bits(served: Served) -> None:
    signed = await cosigned_note(served, 12)
    odd = oddly(STRANGER.line(HONEST.head(12)))
    answer = await served.sign(honest_body(0, 4, 12, signed + odd))
    place = (0, 4, HONEST.tree.mth(0, 4))
    require_subtree_cosigned(answer.body, LOG.name, place, mldsa_key(served))


async def test_nothing_is_stored_by_signing_a_subtree(served: Served) -> None:
    signed = await cosigned_note(served, 12)
    assert 200 == (await served.sign(honest_body(0, 4, 12, signed))).status
    assert signed == (await served.newest()).body


async def test_a_head_without_the_witnesss_cosignature_is_refused(
    served: Served,
) -> None:
    signed = await cosigned_note(served, 12)
    text, _, lines = signed.rpartition(b"\n\n")
    by_log, by_ed25519, by_mldsa = lines.splitlines(keepends=True)
    own, head = mldsa_key(served), HONEST.head(12)
    stranger = Actor(own.name, MLDSA44, "another key").line(head)
    forged = line(own.name, own.key_id + bytes(2428))
    bad = by_mldsa[:-8] + b"AAAAAAA\n" if by_mldsa[-3:-2] != b"=" else b""
    fork = note(FORKED.head(12), LOG.line(FORKED.head(12))) + by_mldsa
    notes = {
        "the log's line alone": text + b"\n\n" + by_log,
        "the Ed25519 cosignature alone": text + b"\n\n" + by_log + by_ed25519,
        "another key of the name": text + b"\n\n" + by_log + stranger,
        "a forged line": text + b"\n\n" + by_log + forged,
        "a forged line beside the good one": signed + forged,
        "the good line twice": signed + by_mldsa,
        "another head": fork,
        "an extension line": text + b"\nx\n\n" + lines,
        "another size": signed.replace(b"\n12\n", b"\n13\n"),
    }
    if bad:
        notes["a changed line"] = text + b"\n\n" + by_log + bad
    for title, other in notes.items():
        answer = await served.sign(honest_body(4, 8, 12, other))
        assert 403 == answer.status, (title, answer)
        require_told(answer, 403, "unproven-signature", "")
    # The log's own line is not asked for: the witness verified it.
    alone = text + b"\n\n" + by_mldsa
    assert 200 == (await served.sign(honest_body(4, 8, 12, alone))).status


async def test_a_cosigned_subtree_of_the_front_is_a_head_of_its_own(
    served: Served,
) -> None:
    """Time 0 and start 0: it states what the larger cosignature states already."""
    signed = await cosigned_note(served, 12)
    answer = await served.sign(honest_body(0, 8, 12, signed))
    head = HONEST.head(8)
    answer = await served.sign(honest_body(4, 8, 8, note(head, answer.body)))
    place = (4, 8, HONEST.tree.mth(4, 8))
    require_subtree_cosigned(answer.body, LOG.name, place, mldsa_key(served))


async def test_a_cosigned_subtree_of_elsewhere_is_no_head(served: Served) -> None:
    signed = await cosigned_note(served, 12)
    lines = (await served.sign(honest_body(8, 12, 12, signed))).body
    inner = HONEST.tree.mth(8, 12)
    for size in (4, 12):
        other = note(Head(LOG.name, size, inner), lines)
        answer = await served.sign(subtree_body(0, size, inner, [], other))
        require_told(answer, 403, "unproven-signature", "")


async def test_one_logs_cosignature_says_nothing_of_another_log(
    served: Served,
) -> None:
    signed = await cosigned_note(served, 12)
    lines = signed.rpartition(b"\n\n")[2]
    other = replace(HONEST.head(12), origin=OTHER_LOG.name)
    answer = await served.sign(honest_body(4, 8, 12, note(other, lines)))
    require_told(answer, 403, "unproven-signature", "")


async def test_the_order_of_answers(served: Served) -> None:
    """Form, origin, signature, proof."""
    signed = await cosigned_note(served, 12)
    unknown = signed.replace(LOG.name.encode(), b"log.example/no")
    unsigned = HONEST.note(12)
    tree, wrong = HONEST.tree, bytes(32)
    path = tree.subtree_path(4, 8, 12)
    bodies = [
        (subtree_body(4, 9, wrong, path, unknown), 400, "invalid-request"),
        (subtree_body(12, 13, wrong, path, unknown), 400, "invalid-request"),
        (subtree_body(12, 13, wrong, path, unsigned), 400, "invalid-request"),
        (subtree_body(4, 8, wrong, path, unknown), 404, "unknown-origin"),
        (subtree_body(4, 8, wrong, path, unsigned), 403, "unproven-signature"),
        (subtree_body(4, 8, wrong, path, signed), 422, "unproven"),
    ]
    for body, status, token in bodies:
        require_told(await served.sign(body), status, token, "")


@pytest.mark.parametrize("keys", ["ed25519", "mldsa44"])
async def test_only_ml_dsa_signs_subtrees(tmp_path: Path, keys: str) -> None:
    async with running_witness(tmp_path / "w", keys=keys) as served:
        signed = await cosigned_note(served, 12)
        answer = await served.sign(honest_body(4, 8, 12, signed))
        if keys == "ed25519":
            require_told(answer, 403, "unproven-signature", "no ML-DSA-44 key")
        else:
            place = (4, 8, HONEST.tree.mth(4, 8))
            require_subtree_cosigned(answer.body, LOG.name, place, mldsa_key(served))
