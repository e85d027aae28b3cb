from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.actors import TIME_S, WITNESS
from tests.tlogverify.documents import (
    ARTIFACT,
    ARTIFACT_SHA256,
    ENTRY,
    INDEX,
    LEAF,
    NO_EXTRA,
    POLICY,
    PROOF,
    PROOF_TEXT,
    STORY,
    Story,
    entry,
)
from tests.tlogverify.refusal import flip
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.artifact import artifact_sha256, verify_artifact
from tlogverify.errors import (
    FormatError,
    ProofError,
    SignatureError,
    VerificationError,
)
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.record import parse_record
from tlogverify.signed import Signer

NAME = f"sha256:{ARTIFACT_SHA256.hex()}"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "release.tar.gz"
    path.write_bytes(ARTIFACT)
    return path


def test_an_artifact_is_proven_by_path_name_or_digest(release: Path) -> None:
    for artifact in (release, str(release), NAME, ARTIFACT_SHA256):
        proven = verify_artifact(artifact, PROOF, POLICY)
        assert proven.sha256 == ARTIFACT_SHA256
        assert parse_record(ENTRY) == proven.record
        assert (proven.index, proven.leaf_hash) == (INDEX, LEAF)
        assert STORY.head.text == proven.witnessed.checkpoint.encode()
        assert proven.witnessed.witnesses == (Signer(WITNESS.key, TIME_S),)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_artifact_may_be_any_subject_of_the_record(place: int) -> None:
    digests = [b"\x00" * 32, b"\xff" * 32]
    digests.insert(place, ARTIFACT_SHA256)
    story = Story(entry(*sorted(digests)))
    assert verify_artifact(NAME, story.proof, POLICY).index == INDEX


def test_another_artifact_is_not_proven(release: Path) -> None:
    release.write_bytes(ARTIFACT + b"\n")
    for artifact in (release, flip(ARTIFACT_SHA256), "sha256:" + "0" * 64):
        with pytest.raises(VerificationError, match="does not name sha256:"):
            verify_artifact(artifact, PROOF, POLICY)


def test_the_provenance_and_the_signer_are_no_artifacts() -> None:
    record = parse_record(ENTRY)
    assert record.signer is not None
    for digest in (record.provenance, record.signer):
        with pytest.raises(VerificationError, match="does not name"):
            verify_artifact(digest, PROOF, POLICY)


def test_an_entry_that_the_log_does_not_hold_is_not_proven() -> None:
    other = flip(ARTIFACT_SHA256)
    with pytest.raises(ProofError):
        verify_artifact(other, replace(PROOF, extra=entry(other)), POLICY)


def test_an_entry_that_is_no_record_is_refused() -> None:
    proof = Story(b"something else").proof
    with pytest.raises(FormatError, match="is a provenance record"):
        verify_artifact(NAME, proof, POLICY)


def test_a_proof_without_the_entry_is_refused() -> None:
    with pytest.raises(FormatError, match="no extra line"):
        verify_artifact(NAME, NO_EXTRA, POLICY)


def test_a_proof_that_the_policy_does_not_trust_is_refused() -> None:
    with pytest.raises(SignatureError):
        verify_artifact(NAME, PROOF, Policy.parse(b"quorum none"))


@in_one_test(
    "artifact",
    [
        pytest.param("sha256:", id="no-digits"),
        pytest.param("sha256:" + "0" * 63, id="63-digits"),
        pytest.param("sha256:" + "0" * 65, id="65-digits"),
        pytest.param("sha256:" + "A" * 64, id="upper-case"),
        pytest.param("sha256:" + "g" * 64, id="no-hex"),
        pytest.param("sha256:" + "٠" * 64, id="other-digits"),
        pytest.param("sha256:" + "0" * 62 + " 0", id="space"),
        pytest.param("sha256:" + "0" * 63 + "\n", id="newline"),
        pytest.param(b"x" * 31, id="31-bytes"),
        pytest.param(b"x" * 33, id="33-bytes"),
        pytest.param(b"", id="no-bytes"),
        pytest.param(NAME.encode(), id="name-as-bytes"),
    ],
)
def test_a_digest_has_one_spelling(artifact: str | bytes) -> None:
    with pytest.raises(FormatError):
        artifact_sha256(artifact)


@pytest.mark.parametrize("name", ["missing", ".", "release.tar.gz/below"])
def test_a_file_that_is_not_readable_is_an_os_error(release: Path, name: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011  # which one is the system's
        verify_artifact(release.parent / name, PROOF, POLICY)


def test_a_path_with_a_null_is_no_programmers_mistake() -> None:
    with pytest.raises((FormatError, OSError)):
        verify_artifact("a\x00b", PROOF, POLICY)


@thorough
@given(any_bytes | near_misses(PROOF_TEXT))
def test_whatever_the_proof_only_these_errors_come_out(text: bytes) -> None:
    try:
        proven = verify_artifact(ARTIFACT_SHA256, Proof.parse(text), POLICY)
    except (FormatError, VerificationError):
        return
    assert (proven.index, proven.leaf_hash) == (INDEX, LEAF)
