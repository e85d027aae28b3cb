from pathlib import Path

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.actors import (
    COSIGNATURE,
    ED25519,
    LOG,
    LOG_MLDSA,
    MLDSA44,
    ORIGIN,
    WITNESS,
    WITNESS_MLDSA,
    Actor,
    Head,
    note,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, QuorumError, SignatureError
from tlogverify.hashing import to_hash
from tlogverify.policy import (
    MAX_LINES,
    MAX_POLICY_BYTES,
    Policy,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
)

THIRD = Actor("witness.example/w3", COSIGNATURE, "w3")
L = b"log " + LOG.vkey + b"\n"
W1 = b"witness w1 " + WITNESS.vkey + b"\n"
W2 = b"witness w2 " + WITNESS_MLDSA.vkey + b"\n"
W3 = b"witness w3 " + THIRD.vkey + b"\n"
ALL = L + W1 + W2 + W3
Q = b"quorum none\n"


def test_a_policy_holds_what_its_lines_say() -> None:
    text = (
        b"# Which logs, which witnesses.\n\n"
        b"log " + LOG.vkey + b" https://log.example/2026\n"
        b"log " + LOG_MLDSA.vkey + b"\n"
        b"\t witness\tw1  " + WITNESS.vkey + b"\thttps://witness.example/w1 \t\n"
        b" \t\n" + W2 + W3 + b"  # an indented comment\n"
        b"group inner any w1 w2\n"
        b"group outer all inner w3\n"
        b"quorum outer\n"
    )
    policy = Policy.parse(text)
    assert policy == Policy(
        logs=(
            PolicyLog(LOG.key, "https://log.example/2026"),
            PolicyLog(LOG_MLDSA.key, None),
        ),
        witnesses=(
            PolicyWitness(b"w1", WITNESS.key, "https://witness.example/w1"),
            PolicyWitness(b"w2", WITNESS_MLDSA.key, None),
            PolicyWitness(b"w3", THIRD.key, None),
        ),
        groups=(
            PolicyGroup(b"inner", 1, (b"w1", b"w2")),
            PolicyGroup(b"outer", 2, (b"inner", b"w3")),
        ),
        quorum=b"outer",
    )


@in_one_test(
    "text",
    [
        pytest.param(Q, id="no-logs"),
        pytest.param(Q[:-1], id="no-final-newline"),
        pytest.param(b"\n\n" + Q + b"\n \t\n", id="blank-lines"),
        pytest.param(b"#\n#x\n \t# \xff\n" + Q, id="comments"),
        pytest.param(b"  quorum\t \tnone  ", id="spaces-and-tabs"),
        pytest.param(Q + ALL, id="lines-behind-the-quorum"),
        pytest.param(ALL + b"group unused any w1\n" + Q, id="unused-names"),
        pytest.param(W1 + b"quorum w1", id="a-witness-as-quorum"),
        pytest.param(W1 + b"group g 1 w1\nquorum g", id="a-group-of-one"),
        pytest.param(ALL + b"group g 3 w1 w2 w3\nquorum g", id="threshold-of-all"),
        pytest.param(b"witness log " + WITNESS.vkey + b"\nquorum log", id="named-log"),
        pytest.param(b"witness quorum " + WITNESS.vkey + b"\n" + Q, id="named-quorum"),
        pytest.param(
            b"witness all " + WITNESS.vkey + b"\ngroup any all all\n" + Q,
            id="named-all-and-any",
        ),
        pytest.param(b"witness NONE " + WITNESS.vkey + b"\nquorum NONE", id="NONE"),
        pytest.param(
            b"witness \xff\xfe " + WITNESS.vkey + b"\nquorum \xff\xfe", id="opaque-name"
        ),
        pytest.param(b"witness w# " + WITNESS.vkey + b"\nquorum w#", id="hash-in-name"),
        pytest.param(
            L + b"witness w " + Actor(ORIGIN, COSIGNATURE, "log").vkey + b"\nquorum w",
            id="a-log-and-a-witness-share-a-key",
        ),
        pytest.param(L + b"log " + LOG_MLDSA.vkey + b"\n" + Q, id="two-keys-of-a-log"),
        pytest.param(b"#\n" * (MAX_LINES - 1) + Q, id="4096-lines"),
        pytest.param(b"#" * (MAX_POLICY_BYTES - len(Q) - 1) + b"\n" + Q, id="1-mib"),
    ],
)
def test_a_policy_is_parsed(text: bytes) -> None:
    Policy.parse(text)


def _logs_and_witnesses(count: int) -> bytes:
    logs = [Actor(f"l{at}", ED25519, f"l{at}").vkey for at in range(count)]
    witnesses = [Actor(f"w{at}", COSIGNATURE, f"w{at}").vkey for at in range(count)]
    groups = [b"group g%d any %d\n" % (at, at) for at in range(count)]
    lines = [b"log %s\n" % vkey for vkey in logs]
    lines += [b"witness %d %s\n" % pair for pair in enumerate(witnesses)]
    return b"".join([*lines, *groups, Q])


def test_32_logs_witnesses_and_groups_are_parsed() -> None:
    policy = Policy.parse(_logs_and_witnesses(32))
    counts = len(policy.logs), len(policy.witnesses), len(policy.groups)
    assert counts == (32, 32, 32)


@in_one_test(
    ("text", "rule"),
    [
        # The file
        (b"", "has one quorum line"),
        (L, "has one quorum line"),
        (b"#" * (MAX_POLICY_BYTES + 1), "at most 1048576 bytes"),
        (b"#\n" * MAX_LINES + Q, "at most 4096 lines"),
        (L + Q.replace(b"\n", b"\r\n"), "line 2: an octet"),
        (b"\x00" + Q, "line 1: an octet"),
        (b"# \x0b\n" + Q, "line 1: an octet"),
        (b"# \x7f\n" + Q, "line 1: an octet"),
        (b"\x1f" + Q, "line 1: an octet"),
        (b"\xef\xbb\xbf" + Q, "line 1: not a log"),
        (b"Quorum none\n", "line 1: not a log"),
        (b"\xc2\xa0quorum none", "line 1: not a log"),
        (b"trust me\n" + Q, "line 1: not a log"),
        # log <vkey> [<url>]
        (b"log\n" + Q, "line 1: not a log"),
        (L[:-1] + b" a b\n" + Q, "line 1: not a log"),
        (L[:-1] + b" # comment\n" + Q, "line 1: not a log"),
        (L[:-1] + b" \xff\n" + Q, "line 1: a URL is ASCII"),
        (b"log x\n" + Q, "line 1: a verifier key is"),
        (b"log " + WITNESS.vkey + b"\n" + Q, "a log's key has type 01 or 06"),
        (L + L + Q, "line 2: a public key stands here twice"),
        (
            L + b"log " + Actor("renamed", ED25519, "log").vkey + b"\n" + Q,
            "line 2: a public key stands here twice",
        ),
        # witness <name> <vkey> [<url>]
        (b"witness w1\n" + Q, "line 1: not a log"),
        (b"witness " + WITNESS.vkey + b"\n" + Q, "line 1: not a log"),
        (W1[:-1] + b" a b\n" + Q, "line 1: not a log"),
        (W1[:-1] + b" h\xc3\xa9\n" + Q, "line 1: a URL is ASCII"),
        (b"witness w1 x\n" + Q, "line 1: a verifier key is"),
        (b"witness w " + LOG.vkey + b"\n" + Q, "witness's key has type 04 or 06"),
        (b"witness none " + WITNESS.vkey + b"\n" + Q, "none is not a name to define"),
        (W1 + W1.replace(b" w1 ", b" x ") + Q, "a public key stands here twice"),
        (
            W1 + b"witness x " + Actor("x", COSIGNATURE, "w1").vkey + b"\n" + Q,
            "line 2: a public key stands here twice",
        ),
        (W1 + W2.replace(b" w2 ", b" w1 ") + Q, "line 2: a name is defined twice"),
        # group <name> all|any|<k> <member>...
        (ALL + b"group g any\n" + Q, "line 5: not a log"),
        (ALL + b"group g\n" + Q, "line 5: not a log"),
        (ALL + b"group none any w1\n" + Q, "none is not a name to define"),
        (ALL + b"group w1 any w2\n" + Q, "a name is defined twice"),
        (ALL + b"group g 0 w1\n" + Q, "threshold is at least 1"),
        (ALL + b"group g 2 w1\n" + Q, "threshold must be a decimal up to 1"),
        (ALL + b"group g 01 w1\n" + Q, "threshold must be a decimal"),
        (ALL + b"group g +1 w1\n" + Q, "threshold must be a decimal"),
        (ALL + b"group g -1 w1\n" + Q, "threshold must be a decimal"),
        (ALL + b"group g 1_0 w1\n" + Q, "threshold must be a decimal"),
        (ALL + "group g ١ w1\n".encode() + Q, "threshold must be a decimal"),
        (ALL + b"group g ALL w1\n" + Q, "threshold must be a decimal"),
        (ALL + b"group g any w4\n" + Q, "member is not defined above it: found b'w4'"),
        (ALL + b"group g any none\n" + Q, "member is not defined above it"),
        (ALL + b"group g any g\n" + Q, "member is not defined above it"),
        (b"group g any w1\n" + W1 + Q, "line 1: a group's member is not defined"),
        (W1 + b"group a any b\ngroup b any a\n" + Q, "line 2: a group's member"),
        (ALL + b"group g any w1 w1\n" + Q, "a name is a member twice"),
        (ALL + b"group g any w1\ngroup h any w1\n" + Q, "line 6: a name is a member"),
        (ALL + b"group g any w1 # w2\n" + Q, "member is not defined above it"),
        # quorum <name>|none
        (b"quorum\n", "line 1: not a log"),
        (W1 + b"quorum w1 w1\n", "line 2: not a log"),
        (b"quorum none # none\n", "line 1: not a log"),
        (Q + Q, "line 2: a policy has one quorum line"),
        (Q + W1 + b"quorum w1\n", "line 3: a policy has one quorum line"),
        (W1 + b"quorum w2\n", "the quorum is not defined above it"),
        (b"quorum w1\n" + W1, "line 1: the quorum is not defined above it"),
        (b"quorum #\n", "line 1: the quorum is not defined above it"),
        (L + b"quorum " + ORIGIN.encode(), "the quorum is not defined above it"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(text: bytes, rule: str) -> None:
    with pytest.raises(FormatError) as caught:
        Policy.parse(text)
    assert rule in str(caught.value)


def test_a_policy_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_bytes(ALL + Q)
    assert Policy.parse(ALL + Q) == Policy.read(path) == Policy.read(str(path))


def test_a_policy_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "policy"
    path.write_bytes(b"#" * (MAX_POLICY_BYTES + 1))
    with pytest.raises(FormatError, match="a policy has at most 1048576 bytes"):
        Policy.read(path)


def test_a_policy_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Policy.read(tmp_path / "policy")


@thorough
@given(any_bytes | near_misses(ALL + b"group g 2 w1 w2 w3\nquorum g\n"))
def test_whatever_the_bytes_are_only_format_errors_come_out(text: bytes) -> None:
    try:
        policy = Policy.parse(text)
    except FormatError:
        return
    names = {w.name for w in policy.witnesses} | {g.name for g in policy.groups}
    assert policy.quorum is None or policy.quorum in names
    assert all(1 <= group.needed <= len(group.members) for group in policy.groups)
    assert MLDSA44 not in {log.key.key_type for log in policy.logs}


RETIRED = b"#!tlog retired %s+%s 7\n" % (LOG.name.encode(), LOG.key_id.hex().encode())


def test_a_key_of_a_log_retires_at_a_size() -> None:
    policy = Policy.parse(L + RETIRED + b"#!tlogs are a comment\n" + Q)
    assert (PolicyLog(LOG.key, None, 7),) == policy.logs
    for size, signs in ((7, True), (8, False)):
        head = Checkpoint(ORIGIN, size, to_hash(bytes(32)))
        assert signs == policy.logs[0].signs(head)
    assert not policy.logs[0].signs(Checkpoint("other", 7, to_hash(bytes(32))))


@pytest.mark.parametrize(
    "text",
    [
        RETIRED + L + Q,
        L + RETIRED + RETIRED + Q,
        L + RETIRED.replace(b"retired", b"expired") + Q,
        L + RETIRED.replace(b" 7", b" 07") + Q,
        L + RETIRED.replace(b" 7", b"") + Q,
        L + RETIRED.replace(b" 7", b" 7 8") + Q,
        L + RETIRED.replace(b"+", b"+0") + Q,
    ],
)
def test_a_retirement_that_breaks_a_rule_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError, match="policy line"):
        Policy.parse(text)


def test_a_head_that_a_retired_key_alone_signed_is_refused() -> None:
    second = Actor(LOG.name, ED25519, "the log's second key")
    policy = Policy.parse(L + b"log " + second.vkey + b"\n" + RETIRED + Q)
    for size, by, is_good in (
        (7, (LOG,), True),
        (8, (LOG,), False),
        (8, (LOG, second), True),
        (8, (second,), True),
    ):
        head = Head(ORIGIN, size, bytes(32))
        signed = note(head, *(it.line(head) for it in by))
        if is_good:
            vouching = {key.public_bytes for key in policy.open_checkpoint(signed).log}
            expected = {it.public_bytes for it in by} - (
                {LOG.public_bytes} if size > 7 else set()
            )
            assert expected == vouching
        else:
            with pytest.raises(SignatureError, match="retired at size 7 signed this"):
                policy.open_checkpoint(signed)


def test_a_witness_that_retired_counts_for_no_later_head() -> None:
    name = b"%s+%s" % (WITNESS.name.encode(), WITNESS.key_id.hex().encode())
    retired = b"#!tlog retired " + name + b" 7\n"
    policy = Policy.parse(L + W1 + W2 + retired + b"group g any w1 w2\nquorum g\n")
    for size, by, counted in (
        (7, (WITNESS,), [WITNESS]),
        (8, (WITNESS,), []),
        (8, (WITNESS, WITNESS_MLDSA), [WITNESS_MLDSA]),
    ):
        head = Head(ORIGIN, size, bytes(32))
        signed = note(head, LOG.line(head), *(it.line(head) for it in by))
        if counted:
            witnesses = policy.open_checkpoint(signed).witnesses
            assert [it.key for it in counted] == [it.key for it in witnesses]
        else:
            with pytest.raises(QuorumError, match="too few witnesses signed"):
                policy.open_checkpoint(signed)
    with pytest.raises(FormatError, match="retires, or it does twice"):
        Policy.parse(L + W1 + retired + retired + Q)
