"""What a policy asks of a checkpoint; its grammar is in `test_policy`."""

from itertools import chain, combinations

import pytest
from hypothesis import given

from tests.tlogverify.actors import (
    COSIGNATURE,
    HEAD,
    LOG,
    LOG_MLDSA,
    MLDSA44,
    ORIGIN,
    OTHER_LOG,
    TIME_S,
    WITNESS,
    Actor,
    Head,
    line,
    note,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.errors import (
    FormatError,
    QuorumError,
    SignatureError,
    VerificationError,
)
from tlogverify.policy import Policy
from tlogverify.signed import Signer

WITNESSES = [
    Actor(f"witness.example/{name}", kind, name)
    for name, kind in zip(
        "abcd", [COSIGNATURE, MLDSA44, COSIGNATURE, MLDSA44], strict=True
    )
]
NAMED = b"".join(
    b"witness %s %s\n" % (witness.seed.encode(), witness.vkey) for witness in WITNESSES
)
LOGS = b"log %s\nlog %s\n" % (LOG.vkey, OTHER_LOG.vkey)
LINES = {witness.seed: witness.line(HEAD) for witness in WITNESSES}


def _policy(rules: bytes) -> Policy:
    return Policy.parse(LOGS + NAMED + rules)


def _signed_by(names: str) -> bytes:
    return note(HEAD, LOG.line(HEAD), *(LINES[name] for name in names))


@pytest.mark.parametrize(
    ("rules", "minimal"),
    [
        (b"quorum none", ["-"]),
        (b"quorum a", ["a"]),
        (b"group g any a b\nquorum g", ["a", "b"]),
        (b"group g all a b\nquorum g", ["ab"]),
        (b"group g 2 a b c\nquorum g", ["ab", "ac", "bc"]),
        (b"group x 1 a b\ngroup y all c d\ngroup g all x y\nquorum g", ["acd", "bcd"]),
        (b"group x all a b\ngroup g any x c\nquorum g", ["ab", "c"]),
        (b"group x all a b\ngroup g 2 x c d\nquorum g", ["abc", "abd", "cd"]),
        (b"group x all a b\ngroup g 2 x c d\nquorum x", ["ab"]),
        (b"quorum a\ngroup g all a b", ["a"]),
    ],
)
def test_a_quorum_is_what_its_groups_need(rules: bytes, minimal: list[str]) -> None:
    policy = _policy(rules)
    subsets = chain.from_iterable(combinations("abcd", count) for count in range(5))
    for names in map("".join, subsets):
        if any(set(one) <= {*names, "-"} for one in minimal):
            signers = policy.open_checkpoint(_signed_by(names)).witnesses
            assert len(names) == len(signers)
            continue
        with pytest.raises(QuorumError, match="too few witnesses signed"):
            policy.open_checkpoint(_signed_by(names))


def test_a_policy_tells_who_signed() -> None:
    policy = Policy.parse(
        LOGS + b"log " + LOG_MLDSA.vkey + b"\n" + NAMED + b"quorum a\n"
    )
    signed = note(HEAD, LINES["c"], LOG_MLDSA.line(HEAD), LINES["a"], LOG.line(HEAD))
    witnessed = policy.open_checkpoint(signed)
    assert witnessed.checkpoint.encode() == HEAD.text
    assert witnessed.log == (LOG.key, LOG_MLDSA.key)
    assert witnessed.witnesses == (
        Signer(WITNESSES[0].key, TIME_S),
        Signer(WITNESSES[2].key, TIME_S),
    )


def test_any_one_of_the_logs_suffices() -> None:
    policy = _policy(b"quorum none")
    head = Head(origin=OTHER_LOG.name)
    witnessed = policy.open_checkpoint(note(head, OTHER_LOG.line(head)))
    assert witnessed.log == (OTHER_LOG.key,)


def test_a_log_cannot_vouch_for_the_origin_of_another() -> None:
    policy = _policy(b"quorum none")
    with pytest.raises(SignatureError, match=r"no trusted log key of .*log.example"):
        policy.open_checkpoint(note(HEAD, OTHER_LOG.line(HEAD)))
    # Beside the origin's own it may stand, but is not named as its log.
    both = note(HEAD, OTHER_LOG.line(HEAD), LOG.line(HEAD))
    assert policy.open_checkpoint(both).log == (LOG.key,)


def test_a_witness_cannot_vouch_as_the_log() -> None:
    # The cosigner bears the origin's name, and its key is a witness's alone.
    cosigner = Actor(ORIGIN, COSIGNATURE, "cosigner")
    text = LOGS + b"witness w " + cosigner.vkey + b"\nquorum w\n"
    with pytest.raises(SignatureError, match="no trusted log key"):
        Policy.parse(text).open_checkpoint(note(HEAD, cosigner.line(HEAD)))


def test_a_policy_without_logs_opens_nothing() -> None:
    policy = Policy.parse(b"quorum none")
    with pytest.raises(SignatureError, match="no trusted log key"):
        policy.open_checkpoint(note(HEAD, LOG.line(HEAD)))


def test_a_cosignature_of_another_head_does_not_count() -> None:
    signed = note(HEAD, LOG.line(HEAD), WITNESSES[0].line(Head(size=8)))
    for rules in (b"quorum a", b"quorum none"):
        with pytest.raises(SignatureError, match="wrong signature by"):
            _policy(rules).open_checkpoint(signed)


def test_a_signature_by_a_witness_that_the_policy_does_not_name_does_not_count() -> (
    None
):
    signed = note(HEAD, LOG.line(HEAD), WITNESS.line(HEAD))
    with pytest.raises(QuorumError):
        _policy(b"group g any a b c d\nquorum g").open_checkpoint(signed)


def test_a_witness_does_not_count_twice() -> None:
    signed = note(HEAD, LOG.line(HEAD), LINES["a"], LINES["a"])
    with pytest.raises(SignatureError, match="is named on 2 lines"):
        _policy(b"group g 2 a b\nquorum g").open_checkpoint(signed)


def test_a_quorum_error_names_the_quorum_whatever_its_octets() -> None:
    text = LOGS + b"witness \xff\xe2\x80\xae " + WITNESS.vkey + b"\n"
    policy = Policy.parse(text + b"quorum \xff\xe2\x80\xae")
    with pytest.raises(QuorumError) as caught:
        policy.open_checkpoint(_signed_by(""))
    assert "xff" in str(caught.value)
    assert str(caught.value).isprintable()


VALID = note(
    HEAD, LOG.line(HEAD), LINES["a"], line("x", b"12345"), WITNESSES[2].line(HEAD)
)


@thorough
@given(any_bytes | near_misses(VALID))
def test_whatever_the_bytes_are_only_these_errors_come_out(note_bytes: bytes) -> None:
    try:
        witnessed = _policy(b"quorum a").open_checkpoint(note_bytes)
    except (FormatError, VerificationError):
        return
    assert witnessed.checkpoint.encode() == HEAD.text
    assert Signer(WITNESSES[0].key, TIME_S) in witnessed.witnesses
