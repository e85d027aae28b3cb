"""What an answer to a submission proves: honest ones at every size, then every lie."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.support.cases import case, in_one_test
from tests.tlogclient.fake_log import FakeLog, entry, leaf
from tlogclient.answers import open_extension, open_proof, open_submitted
from tlogverify import FormatError, ProofError, SignatureError, VerificationError
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.hashing import leaf_hash
from tlogverify.note import parse_note

Change = Callable[[dict[str, Any]], object]

SENT = [entry(9), entry(2), entry(10), entry(9), entry(5), entry(11), entry(2)]
"""In a log of 0 to 6: new 7, known 2, new 8, its repetition, known 5, new 9, ..."""


def honest() -> tuple[FakeLog, dict[str, Any]]:
    log = FakeLog()
    log.submit([entry(number) for number in range(7)])
    return log, log.submit(SENT)


def encode(answer: object) -> bytes:
    return json.dumps(answer).encode()


def flip(text: str, at: int = 0) -> str:
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def test_an_honest_answer_proves_each_entry_at_every_size() -> None:
    for size in (*range(18), 31, 32, 33):
        with case(f"size {size}"):
            for count in (1, 2, 3, 5, 8):
                with case(f"count {count}"):
                    log = FakeLog()
                    log.submit([entry(number) for number in range(size)])
                    sent = [
                        entry(number)
                        for number in range(size - 2, size + count)
                        if number >= 0
                    ]
                    proofs = open_submitted(encode(log.submit(sent)), sent, log.policy)
                    assert [proof.extra for proof in proofs] == sent
                    assert [proof.index for proof in proofs] == [
                        log.indexes[item] for item in sent
                    ]
                    for proof, item in zip(proofs, sent, strict=True):
                        proof.verify(leaf_hash(item), log.policy)


def test_repeated_and_known_entries_get_the_proof_of_their_one_index() -> None:
    log, answer = honest()
    proofs = open_submitted(encode(answer), SENT, log.policy)
    assert [proof.index for proof in proofs] == [7, 2, 8, 7, 5, 9, 2]
    assert proofs[0] == proofs[3]
    for proof, item in zip(proofs, SENT, strict=True):
        proof.verify(leaf_hash(item), log.policy)


def test_an_answer_where_nothing_is_new_has_an_empty_range() -> None:
    log, _ = honest()
    answer = log.submit(SENT)
    assert answer["range"]["start"] == answer["range"]["end"]
    proofs = open_submitted(encode(answer), SENT, log.policy)
    assert [proof.index for proof in proofs] == [7, 2, 8, 7, 5, 9, 2]


def place(position: int, **changes: object) -> Change:
    return lambda answer: answer["entries"][position].update(changes)


def span(**changes: object) -> Change:
    return lambda answer: answer["range"].update(changes)


def top(**changes: object) -> Change:
    return lambda answer: answer.update(changes)


def path(index: str, change: Callable[[list[str]], object]) -> Change:
    return lambda answer: change(answer["paths"][index])


def edit_note(edit: Callable[[str], str]) -> Change:
    return lambda answer: answer.update(checkpoint=edit(answer["checkpoint"]))


def other_log(origin: str) -> Change:
    def change(answer: dict[str, Any]) -> None:
        other = FakeLog(b"o" * 32, origin)
        other.submit([entry(number) for number in range(7)])
        answer.update(other.submit(SENT))

    return change


LIES: list[tuple[str, Change, type[Exception]]] = [
    ("new-index-up", place(0, index=8), VerificationError),
    ("new-index-down", place(0, index=6), VerificationError),
    ("new-index-out-of-tree", place(5, index=10), VerificationError),
    ("known-index-up", place(4, index=6), FormatError),
    ("known-index-into-range", place(4, index=9), VerificationError),
    ("repeated-index", place(3, index=8), VerificationError),
    ("known-then-other", place(6, index=5), VerificationError),
    (
        "new-swapped",
        lambda a: a["entries"].insert(0, a["entries"].pop(2)),
        VerificationError,
    ),
    ("leaf-other", place(0, leaf_hash=leaf(entry(1)).hex()), VerificationError),
    ("leaf-upper", place(0, leaf_hash=leaf(entry(9)).hex().upper()), FormatError),
    ("leaf-short", place(0, leaf_hash=leaf(entry(9)).hex()[:-2]), FormatError),
    ("leaf-number", place(0, leaf_hash=7), FormatError),
    ("new-is-duplicate", place(0, duplicate=True), VerificationError),
    ("known-is-new", place(1, duplicate=False), VerificationError),
    ("repeated-is-new", place(3, duplicate=False), VerificationError),
    ("duplicate-is-1", place(1, duplicate=1), FormatError),
    ("index-bool", place(0, index=True), FormatError),
    ("index-float", place(0, index=7.0), FormatError),
    ("index-text", place(0, index="7"), FormatError),
    ("index-negative", place(0, index=-7), FormatError),
    ("index-huge", place(0, index=2**63), FormatError),
    ("index-null", place(0, index=None), FormatError),
    ("place-member", place(0, more=1), FormatError),
    ("place-list", lambda a: a["entries"].__setitem__(0, []), FormatError),
    ("range-start-up", span(start=8), VerificationError),
    ("range-start-down", span(start=6), VerificationError),
    ("range-end-up", span(end=11), VerificationError),
    ("range-end-down", span(end=9), VerificationError),
    ("range-backwards", span(start=10, end=7), FormatError),
    ("range-empty", span(start=10, end=10), FormatError),
    ("range-left-missing", lambda a: a["range"]["left"].pop(), ProofError),
    (
        "range-left-flipped",
        lambda a: a["range"]["left"].__setitem__(0, flip(a["range"]["left"][0])),
        ProofError,
    ),
    ("range-left-reversed", lambda a: a["range"]["left"].reverse(), ProofError),
    (
        "range-right-more",
        lambda a: a["range"]["right"].append(a["range"]["left"][0]),
        ProofError,
    ),
    (
        "range-left-short",
        lambda a: a["range"]["left"].__setitem__(0, "AAAA"),
        FormatError,
    ),
    (
        "range-left-many",
        lambda a: a["range"].update(left=a["range"]["left"] * 40),
        FormatError,
    ),
    (
        "range-left-bits",
        lambda a: a["range"]["left"].__setitem__(0, "A" * 42 + "B="),
        FormatError,
    ),
    ("range-left-number", lambda a: a["range"]["left"].__setitem__(0, 1), FormatError),
    ("range-member", span(more=[]), FormatError),
    ("path-flipped", path("2", lambda p: p.__setitem__(0, flip(p[0]))), ProofError),
    (
        "path-last-flipped",
        path("5", lambda p: p.__setitem__(-1, flip(p[-1]))),
        ProofError,
    ),
    ("path-short", path("2", lambda p: p.pop()), ProofError),
    ("path-long", path("2", lambda p: p.append(p[0])), ProofError),
    ("path-swapped", lambda a: a["paths"].update({"2": a["paths"]["5"]}), ProofError),
    ("path-missing", lambda a: a["paths"].pop("2"), FormatError),
    ("path-of-other", lambda a: a["paths"].update({"3": a["paths"]["2"]}), FormatError),
    (
        "path-index-spelled",
        lambda a: a["paths"].update({"02": a["paths"].pop("2")}),
        FormatError,
    ),
    ("paths-list", top(paths=[]), FormatError),
    ("entries-fewer", lambda a: a["entries"].pop(), FormatError),
    ("entries-more", lambda a: a["entries"].append(a["entries"][-1]), FormatError),
    ("entries-object", top(entries={}), FormatError),
    ("member-more", top(more=1), FormatError),
    ("member-missing", lambda a: a.pop("origin"), FormatError),
    ("origin-other", top(origin="log.example/other"), VerificationError),
    ("origin-number", top(origin=1), FormatError),
    ("checkpoint-surrogate", top(checkpoint="\ud800"), FormatError),
    ("checkpoint-empty", top(checkpoint=""), FormatError),
    ("checkpoint-number", top(checkpoint=1), FormatError),
    ("checkpoint-older", top(checkpoint=FakeLog().note().decode()), VerificationError),
    (
        "checkpoint-size",
        edit_note(lambda n: n.replace("\n10\n", "\n11\n")),
        SignatureError,
    ),
    ("checkpoint-signature", edit_note(lambda n: flip(n, len(n) - 20)), SignatureError),
    (
        "checkpoint-unsigned",
        edit_note(lambda n: n.partition("\n\n")[0] + "\n"),
        FormatError,
    ),
    ("log-other-key", other_log("log.example/fake"), SignatureError),
    ("log-other-origin", other_log("log.example/other"), SignatureError),
]


@in_one_test(("change", "error"), [pytest.param(*lie[1:], id=lie[0]) for lie in LIES])
def test_an_answer_with_one_lie_is_refused(
    change: Change, error: type[Exception]
) -> None:
    log, answer = honest()
    change(answer)
    with pytest.raises(error):
        open_submitted(encode(answer), SENT, log.policy)


def test_each_hash_of_an_answer_counts() -> None:
    for size in (1, 2, 3, 7, 8, 12):
        with case(f"size {size}"):
            log = FakeLog()
            log.submit([entry(number) for number in range(size)])
            sent = [entry(0), entry(50), entry(51)]
            answer = log.submit(sent)
            range_ = answer["range"]
            for hashes in (range_["left"], range_["right"], *answer["paths"].values()):
                for at, text in enumerate(hashes):
                    hashes[at] = flip(text)
                    with pytest.raises(ProofError):
                        open_submitted(encode(answer), sent, log.policy)
                    hashes[at] = text
            open_submitted(encode(answer), sent, log.policy)


def test_one_entry_cannot_be_added_twice() -> None:
    log = FakeLog()
    log.submit([entry(0)])
    sent = [entry(1)]
    log.submit(sent)
    log.indexes.clear()
    doubled = log.submit([*sent, *sent])
    doubled["entries"][1].update(index=1)
    with pytest.raises(VerificationError, match="two indexes"):
        open_submitted(encode(doubled), [*sent, *sent], log.policy)


@pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
def test_no_flipped_bit_gives_other_proofs_or_other_errors(mask: int) -> None:
    log, answer = honest()
    text = encode(answer)
    expected = open_submitted(text, SENT, log.policy)
    for at in range(len(text)):
        changed = text[:at] + bytes([text[at] ^ mask]) + text[at + 1 :]
        with suppress(FormatError, VerificationError):
            assert open_submitted(changed, SENT, log.policy) == expected


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"1", b'""', b"{}"])
def test_what_is_no_answer_is_malformed(text: bytes) -> None:
    with pytest.raises(FormatError):
        open_submitted(text, [entry(0)], FakeLog().policy)


def test_a_proof_is_of_the_index_asked_for() -> None:
    log, _ = honest()
    proof = log.proof(3)
    assert open_proof(proof.encode(), 3, log.policy) == proof
    with pytest.raises(VerificationError, match="of entry 3, not 4"):
        open_proof(proof.encode(), 4, log.policy)


def test_a_proof_without_its_entry_is_malformed() -> None:
    log, _ = honest()
    lines = log.proof(3).encode().split(b"\n")
    with pytest.raises(FormatError):
        open_proof(b"\n".join([lines[0], *lines[2:]]), 3, log.policy)


def test_a_proof_of_another_entry_is_refused() -> None:
    log, _ = honest()
    text = log.proof(3).encode().replace(b"index 3", b"index 4")
    with pytest.raises(ProofError):
        open_proof(text, 4, log.policy)


def test_a_head_extends_every_older_one() -> None:
    for old in range(10):
        with case(f"old {old}"):
            log, _ = honest()
            older = parse_checkpoint(parse_note(log.note(old)).text)
            head = open_extension(encode(log.extension(old)), older, log.policy)
            assert head.checkpoint.size == 10


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(top(old=4), VerificationError, id="old"),
        pytest.param(top(new=9), VerificationError, id="new"),
        pytest.param(lambda a: a["path"].pop(), ProofError, id="path-short"),
        pytest.param(
            lambda a: a["path"].__setitem__(0, flip(a["path"][0])),
            ProofError,
            id="path-flipped",
        ),
        pytest.param(top(more=1), FormatError, id="member"),
    ],
)
def test_a_head_that_is_not_proven_to_extend_is_refused(
    change: Change, error: type[Exception]
) -> None:
    log, _ = honest()
    older = parse_checkpoint(parse_note(log.note(5)).text)
    answer = log.extension(5)
    change(answer)
    with pytest.raises(error):
        open_extension(encode(answer), older, log.policy)


def test_the_head_of_another_log_extends_nothing() -> None:
    log, _ = honest()
    other = FakeLog(b"o" * 32, "log.example/other")
    older = parse_checkpoint(parse_note(other.note()).text)
    with pytest.raises(VerificationError, match="another log"):
        open_extension(encode(log.extension(0)), older, log.policy)
