import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import in_one_test
from tests.tlogverify.actors import LOG, SOME_HASH, STRANGER, note
from tests.tlogverify.documents import (
    ENTRY,
    INDEX,
    LEAF,
    NO_EXTRA,
    POLICY,
    PROOF,
    PROOF_TEXT,
    SIZE,
    STORY,
    Story,
)
from tests.tlogverify.refusal import changed_paths, flip
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tests.tlogverify.test_lines import NOT_DECIMAL
from tlogverify.errors import (
    FormatError,
    ProofError,
    QuorumError,
    SignatureError,
    VerificationError,
)
from tlogverify.hashing import Hash, to_hash
from tlogverify.lines import MAX_SIZE
from tlogverify.proof import MAX_PROOF_BYTES, Proof

HASH = base64.b64encode(SOME_HASH)
MAGIC = b"c2sp.org/tlog-proof@v1\n"


def test_a_proof_file_holds_what_its_lines_say() -> None:
    path = tuple(Hash(sibling) for sibling in STORY.path)
    assert Proof(INDEX, path, STORY.note, ENTRY) == PROOF
    assert PROOF.encode() == PROOF_TEXT


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MAGIC + b"index 0\n\nx", id="no-hashes"),
        pytest.param(MAGIC + b"extra AA==\nindex 0\n\nx", id="extra"),
        pytest.param(MAGIC + b"index 5\n" + HASH + b"\n\nx\n\ny\n", id="one-hash"),
        pytest.param(MAGIC + b"index 0\n" + (HASH + b"\n") * 63 + b"\nx", id="63"),
        pytest.param(MAGIC + b"index %d\n\nx" % MAX_SIZE, id="largest-index"),
        pytest.param(MAGIC + b"index 0\n\n\n", id="a-note-of-a-newline"),
    ],
)
def test_a_proof_file_is_parsed(text: bytes) -> None:
    assert text == Proof.parse(text).encode()


@in_one_test("index", [f for f in NOT_DECIMAL if b"\n" not in f])
def test_another_spelling_of_an_index_is_refused(index: bytes) -> None:
    with pytest.raises(FormatError):
        Proof.parse(MAGIC + b"index " + index + b"\n\nx")


@in_one_test(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n\nx", id="no-header"),
        pytest.param(MAGIC, id="first-line-alone"),
        pytest.param(MAGIC + b"\nx", id="no-index"),
        pytest.param(MAGIC + b"index 0\n", id="no-blank-line"),
        pytest.param(MAGIC + b"index 0\n\n", id="no-note"),
        pytest.param(b"index 0\n\nx", id="no-first-line"),
        pytest.param(b"c2sp.org/tlog-proof@v2\nindex 0\n\nx", id="another-version"),
        pytest.param(b"c2sp.org/tlog-proof@v1 \nindex 0\n\nx", id="space-behind"),
        pytest.param(b"\n" + MAGIC + b"index 0\n\nx", id="blank-line-before"),
        pytest.param(b"\xef\xbb\xbf" + MAGIC + b"index 0\n\nx", id="byte-order-mark"),
        pytest.param(MAGIC + b"Index 0\n\nx", id="upper-case"),
        pytest.param(MAGIC + b"index\t0\n\nx", id="tab"),
        pytest.param(MAGIC + b"index\n\nx", id="index-without-value"),
        pytest.param(MAGIC + b"index 0\r\n\nx", id="return-behind-the-index"),
        pytest.param(MAGIC + b"index 0\nindex 0\n\nx", id="two-indexes"),
        pytest.param(MAGIC + HASH + b"\nindex 0\n\nx", id="hash-first"),
        pytest.param(MAGIC + b"index 0\nextra AA==\n\nx", id="extra-behind-index"),
        pytest.param(MAGIC + b"extra \nindex 0\n\nx", id="empty-extra"),
        pytest.param(MAGIC + b"extra\nindex 0\n\nx", id="extra-without-value"),
        pytest.param(MAGIC + b"extra AA=\nindex 0\n\nx", id="extra-not-padded"),
        pytest.param(MAGIC + b"extra AB==\nindex 0\n\nx", id="extra-trailing-bits"),
        pytest.param(MAGIC + b"extra A A==\nindex 0\n\nx", id="extra-with-space"),
        pytest.param(MAGIC + b"extra AA==\n\nx", id="extra-alone"),
        pytest.param(MAGIC + b"extra AA==\nextra AA==\nindex 0\n\nx", id="two-extras"),
        pytest.param(MAGIC + b"future 1\nindex 0\n\nx", id="unknown-line"),
        pytest.param(MAGIC + b"index 0\nfuture 1\n\nx", id="unknown-line-behind"),
        pytest.param(MAGIC + b"index 0\n" + HASH[:-1] + b"\n\nx", id="hash-cut"),
        pytest.param(MAGIC + b"index 0\n" + HASH[:40] + b"\n\nx", id="hash-of-30"),
        pytest.param(MAGIC + b"index 0\n" + HASH + b" \n\nx", id="space-behind-hash"),
        pytest.param(MAGIC + b"index 0\n" + HASH + b"\r\n\nx", id="return"),
        pytest.param(MAGIC + b"index 0\n" + (HASH + b"\n") * 64 + b"\nx", id="64"),
        pytest.param(
            MAGIC + b"index 0\n\n" + b"x" * MAX_PROOF_BYTES, id="above-the-limit"
        ),
    ],
)
def test_another_form_is_no_proof_file(text: bytes) -> None:
    with pytest.raises(FormatError):
        Proof.parse(text)


@pytest.mark.parametrize(
    ("index", "path", "note_bytes", "extra"),
    [
        pytest.param(-1, (), b"x", None, id="negative-index"),
        pytest.param(MAX_SIZE + 1, (), b"x", None, id="large-index"),
        pytest.param(0, (SOME_HASH,) * 64, b"x", None, id="64-hashes"),
        pytest.param(0, (Hash(b"short"),), b"x", None, id="short-hash"),
        pytest.param(0, (), b"", None, id="no-note"),
        pytest.param(0, (), b"x", b"", id="empty-extra"),
    ],
)
def test_a_value_that_has_no_file_is_refused(
    index: int, path: tuple[Hash, ...], note_bytes: bytes, extra: bytes | None
) -> None:
    with pytest.raises(FormatError):
        Proof(index, path, note_bytes, extra)


def test_a_proof_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "release.tlog-proof"
    path.write_bytes(PROOF_TEXT)
    assert Proof.read(path) == Proof.read(str(path)) == PROOF


def test_a_proof_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "release.tlog-proof"
    path.write_bytes(MAGIC + b"x" * MAX_PROOF_BYTES)
    with pytest.raises(FormatError, match="a proof has at most"):
        Proof.read(path)


def test_a_proof_file_has_room_for_the_largest_entry_path_and_note() -> None:
    proof = Proof(0, (SOME_HASH,) * 63, b"x" * (1 << 20), b"x" * 65_535)
    assert proof == Proof.parse(proof.encode())


# Verification


@pytest.mark.parametrize(
    ("index", "size"), [(0, 1), (0, 2), (1, 2), (6, 7), (255, 257)]
)
def test_an_entry_is_proven(index: int, size: int) -> None:
    story = Story(index=index, size=size)
    witnessed = story.proof.verify(LEAF, POLICY)
    assert story.head.text == witnessed.checkpoint.encode()


def test_an_entry_is_proven_without_extra() -> None:
    assert NO_EXTRA.verify(LEAF, POLICY).checkpoint.size == SIZE


def test_a_path_with_one_change_is_refused() -> None:
    for what, changed in changed_paths(PROOF.path):
        if what.startswith("short"):
            continue
        proof = replace(PROOF, path=tuple(to_hash(value) for value in changed))
        with pytest.raises(ProofError):
            proof.verify(LEAF, POLICY)


@pytest.mark.parametrize("index", [0, 2, 4, 6, 7, 8, MAX_SIZE])
def test_a_proof_for_another_index_is_refused(index: int) -> None:
    with pytest.raises(ProofError):
        replace(PROOF, index=index).verify(LEAF, POLICY)


@pytest.mark.parametrize(
    "leaf",
    [flip(LEAF), STORY.leaves[0], rfc6962.leaf_hash(ENTRY + b"\n"), b"", LEAF[:-1]],
)
def test_another_leaf_is_not_proven(leaf: bytes) -> None:
    with pytest.raises(ProofError):
        PROOF.verify(leaf, POLICY)


def test_a_proof_in_another_tree_is_refused() -> None:
    other = replace(PROOF, note=Story(entry=b"another entry").note)
    with pytest.raises(ProofError):
        other.verify(LEAF, POLICY)


@pytest.mark.parametrize(
    ("note_bytes", "error"),
    [
        (note(STORY.head, STRANGER.line(STORY.head)), SignatureError),
        (note(STORY.head, LOG.line(STORY.head)), QuorumError),
        (STORY.note + b"\n", FormatError),
        (STORY.note[:-1], FormatError),
        (b"\n" + STORY.note, FormatError),
        (b"x", FormatError),
    ],
)
def test_a_note_that_does_not_satisfy_the_policy_is_refused(
    note_bytes: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        replace(PROOF, note=note_bytes).verify(LEAF, POLICY)


def test_extra_is_not_believed() -> None:
    # The file does not authenticate it: only its hash as the leaf would.
    replace(PROOF, extra=b"something else").verify(LEAF, POLICY)


@thorough
@given(any_bytes | near_misses(PROOF_TEXT))
def test_whatever_the_bytes_are_only_these_errors_come_out(text: bytes) -> None:
    try:
        proof = Proof.parse(text)
    except FormatError:
        return
    assert text == proof.encode()
    try:
        witnessed = proof.verify(LEAF, POLICY)
    except (FormatError, VerificationError):
        return
    assert witnessed.checkpoint.encode() == STORY.head.text
    assert (proof.index, proof.path) == (PROOF.index, PROOF.path)


@pytest.mark.exhaustive
@thorough
@given(
    st.integers(0, MAX_SIZE),
    st.lists(st.binary(min_size=32, max_size=32).map(to_hash), max_size=63).map(tuple),
    st.binary(min_size=1),
    st.none() | st.binary(min_size=1),
)
def test_whatever_encodes_parses(
    index: int, path: tuple[Hash, ...], note_bytes: bytes, extra: bytes | None
) -> None:
    proof = Proof(index, path, note_bytes, extra)
    assert proof == Proof.parse(proof.encode())
