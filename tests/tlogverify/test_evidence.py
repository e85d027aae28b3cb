from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.cases import case, in_one_test
from tests.tlogverify.actors import LOG, LOG_MLDSA, OTHER_LOG, Head, note
from tlogverify.__main__ import main
from tlogverify.errors import FormatError, ProofError, SignatureError, VerificationError
from tlogverify.evidence import MAX_EVIDENCE_BYTES, Evidence
from tlogverify.hashing import to_hash
from tlogverify.policy import Policy

POLICY = Policy.parse(b"log " + LOG.vkey + b"\nquorum none\n")

ONE = rfc6962.leaf_hashes(12, "one")
TWO = [*ONE[:2], *rfc6962.leaf_hashes(10, "two")]


def signed(leaves: list[bytes], size: int) -> bytes:
    """Return a head of the first `size` leaves, signed by the log."""
    head = Head(size=size, root=rfc6962.root(leaves[:size]))
    return note(head, LOG.line(head))


def fork(older: int, newer: int) -> Evidence:
    """Return evidence that history two was signed after history one."""
    return Evidence(
        signed(ONE, older),
        signed(TWO, newer),
        to_hash(rfc6962.root(TWO[:older])),
        tuple(map(to_hash, rfc6962.consistency_path(older, TWO[:newer]))),
    )


SIZES = [(m, n) for n in range(3, 13) for m in range(3, n + 1)]


def test_two_histories_are_proven_at_every_pair_of_sizes() -> None:
    for older, newer in SIZES:
        with case(f"older {older}, newer {newer}"):
            first, second = fork(older, newer).verify(POLICY)
            assert (older, newer) == (first.size, second.size)
            assert first.root != rfc6962.root(TWO[:older])


def test_one_history_is_never_convicted() -> None:
    for older, newer in [(m, n) for m, n in SIZES if m < n]:
        with case(f"older {older}, newer {newer}"):
            honest = replace(fork(older, newer), older=signed(TWO, older))
            with pytest.raises(VerificationError, match="nothing here shows"):
                honest.verify(POLICY)
            for at in range(len(honest.path)):
                path = [*honest.path]
                path[at] = to_hash(bytes(32))
                with pytest.raises(VerificationError):
                    replace(honest, prefix=to_hash(bytes(32)), path=tuple(path)).verify(
                        POLICY
                    )


def test_the_same_head_twice_convicts_nobody() -> None:
    for prefix in (None, to_hash(bytes(32)), to_hash(rfc6962.root(ONE[:5]))):
        same = Evidence(signed(ONE, 5), signed(ONE, 5), prefix)
        with pytest.raises(VerificationError):
            same.verify(POLICY)


def test_two_roots_of_one_size_need_no_proof() -> None:
    Evidence(signed(ONE, 5), signed(TWO, 5)).verify(POLICY)


OTHER_HEAD = Head(origin=OTHER_LOG.name, size=9)

CHANGES: list[tuple[str, Callable[[Evidence], Evidence], type[Exception]]] = [
    ("no prefix", lambda it: replace(it, prefix=None), VerificationError),
    (
        "another prefix",
        lambda it: replace(it, prefix=to_hash(bytes(32))),
        ProofError,
    ),
    ("no path", lambda it: replace(it, path=()), ProofError),
    ("a short path", lambda it: replace(it, path=it.path[:-1]), ProofError),
    (
        "a long path",
        lambda it: replace(it, path=(*it.path, to_hash(bytes(32)))),
        ProofError,
    ),
    (
        "swapped",
        lambda it: replace(it, older=it.newer, newer=it.older),
        VerificationError,
    ),
    (
        "an unsigned head",
        lambda it: replace(it, newer=it.newer.replace(b"\n9\n", b"\n8\n")),
        SignatureError,
    ),
    (
        "another log's head",
        lambda it: replace(it, newer=note(OTHER_HEAD, OTHER_LOG.line(OTHER_HEAD))),
        SignatureError,
    ),
    (
        "a head signed by another key of the name",
        lambda it: replace(it, newer=note(Head(), LOG_MLDSA.line(Head()))),
        SignatureError,
    ),
    ("no note", lambda it: replace(it, older=b"x"), FormatError),
]


@pytest.mark.parametrize(
    ("change", "error"), [it[1:] for it in CHANGES], ids=[it[0] for it in CHANGES]
)
def test_one_change_and_nothing_is_proven(
    change: Callable[[Evidence], Evidence], error: type[Exception]
) -> None:
    evidence = fork(5, 9)
    evidence.verify(POLICY)
    with pytest.raises(error):
        change(evidence).verify(POLICY)


def test_heads_of_two_trusted_logs_are_no_fork() -> None:
    both = Policy.parse(
        b"log " + LOG.vkey + b"\nlog " + OTHER_LOG.vkey + b"\nquorum none\n"
    )
    other = note(OTHER_HEAD, OTHER_LOG.line(OTHER_HEAD))
    with pytest.raises(VerificationError, match="of one log"):
        replace(fork(5, 9), newer=other).verify(both)


@pytest.mark.parametrize("evidence", [fork(5, 9), fork(4, 4), Evidence(b"a", b"b")])
def test_a_file_has_one_spelling(evidence: Evidence) -> None:
    assert evidence == Evidence.parse(evidence.encode())
    assert evidence.encode() == Evidence.parse(evidence.encode()).encode()


TEXT = fork(5, 9).encode()
LINES = TEXT.splitlines(keepends=True)


@in_one_test(
    "text",
    [
        b"",
        TEXT[:-1],
        TEXT + b"\n",
        TEXT.replace(b"@v1", b"@v2"),
        TEXT.replace(b"older ", b"older"),
        TEXT.replace(b"older ", b"newer "),
        TEXT.replace(b"newer ", b"newer  "),
        TEXT.replace(b"prefix ", b"prefix"),
        TEXT.replace(b"\n", b"\r\n"),
        b"".join(LINES[:2]),
        b"".join([LINES[0], LINES[2], LINES[1], *LINES[3:]]),
        TEXT + LINES[-1] * 64,
        TEXT + b"AAAA\n",
    ],
)
def test_another_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        Evidence.parse(text)


def test_a_file_above_the_bound_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "evidence"
    file.write_bytes(b"x" * (MAX_EVIDENCE_BYTES + 1))
    with pytest.raises(FormatError):
        Evidence.read(file)


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        (TEXT, 0, "signed two histories, heads of 5 and 9 entries"),
        (b"".join([*LINES[:3], *LINES[4:]]), 1, "nothing here shows"),
        (TEXT[1:], 2, "unusable input"),
    ],
)
def test_a_shell_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: bytes,
    status: int,
    said: str,
) -> None:
    (tmp_path / "policy").write_bytes(b"log " + LOG.vkey + b"\nquorum none\n")
    (tmp_path / "evidence").write_bytes(text)
    arguments = ["--evidence", str(tmp_path / "evidence")]
    arguments += ["--policy", str(tmp_path / "policy")]
    assert status == main(arguments)
    captured = capsys.readouterr()
    assert said in captured.out + captured.err
    assert status == main([*arguments, "--json"])
    assert f'"proven": {"true" if status == 0 else "false"}' in capsys.readouterr().out
