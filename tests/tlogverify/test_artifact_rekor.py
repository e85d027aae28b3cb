"""An artifact that a Rekor entry names, and what is said of its signer."""

import hashlib
import json
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.rekor import P256, certificate, private_key
from tests.tlogverify.documents import (
    ARTIFACT,
    ARTIFACT_SHA256,
    INDEX,
    POLICY,
    POLICY_TEXT,
    Story,
)
from tlogverify.__main__ import main
from tlogverify.artifact import verify_artifact
from tlogverify.errors import VerificationError
from tlogverify.rekor import Kind, RekorEntry, Signature

DETAILS = {
    "SHA2_256": "PKIX_ECDSA_P256_SHA_256",
    "SHA2_384": "PKIX_ECDSA_P384_SHA_384",
    "SHA2_512": "PKIX_ED25519_PH",
}
LONGER = ["SHA2_384", "SHA2_512"]
SIGNED = "(signature and certificate were not judged here)"


def entry_of(
    content: bytes, algorithm: str = "SHA2_256", kind: Kind = "hashedrekord"
) -> RekorEntry:
    digest = hashlib.new(algorithm.replace("SHA2_", "sha"), content).digest()
    signature = Signature(b"s", DETAILS[algorithm], b"key", False)
    return RekorEntry(kind, algorithm, digest, (signature,))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    path = tmp_path / "release"
    path.write_bytes(ARTIFACT)
    return path


@pytest.mark.parametrize(
    "entry",
    [*(entry_of(ARTIFACT, it) for it in DETAILS), entry_of(ARTIFACT, kind="dsse")],
)
def test_a_file_is_proven_by_a_rekor_entry(entry: RekorEntry, release: Path) -> None:
    proof = Story(entry.encode()).proof
    for artifact in (release, str(release)):
        proven = verify_artifact(artifact, proof, POLICY)
        assert (entry, INDEX) == (proven.record, proven.index)
        assert ARTIFACT_SHA256 == proven.sha256


@pytest.mark.parametrize("algorithm", DETAILS)
def test_another_file_is_not_proven(algorithm: str, release: Path) -> None:
    proof = Story(entry_of(ARTIFACT + b"\n", algorithm).encode()).proof
    with pytest.raises(VerificationError, match="does not name"):
        verify_artifact(release, proof, POLICY)


def test_a_digest_is_proven_by_an_entry_with_a_sha_256() -> None:
    proof = Story(entry_of(ARTIFACT).encode()).proof
    for artifact in (ARTIFACT_SHA256, f"sha256:{ARTIFACT_SHA256.hex()}"):
        assert ARTIFACT_SHA256 == verify_artifact(artifact, proof, POLICY).sha256


@pytest.mark.parametrize("algorithm", LONGER)
def test_a_sha_256_says_nothing_of_a_longer_hash(algorithm: str) -> None:
    proof = Story(entry_of(ARTIFACT, algorithm).encode()).proof
    for artifact in (ARTIFACT_SHA256, f"sha256:{ARTIFACT_SHA256.hex()}"):
        with pytest.raises(VerificationError, match="only a file"):
            verify_artifact(artifact, proof, POLICY)


@pytest.fixture
def signed(release: Path) -> tuple[Path, bytes]:
    """Return a release with a proof beside it, and the certificate that signed it."""
    der = certificate(
        private_key(P256), x509.RFC822Name("a@example.org"), issuer="https://i.example"
    )
    signature = Signature(b"s", P256.details, der, True)
    entry = RekorEntry("hashedrekord", "SHA2_256", ARTIFACT_SHA256, (signature,))
    release.with_name("policy").write_bytes(POLICY_TEXT)
    release.with_name("release.tlog-proof").write_bytes(Story(entry.encode()).text)
    return release, der


def test_the_command_says_who_signed_and_that_it_did_not_judge(
    signed: tuple[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    release, der = signed
    assert 0 == main([str(release), "--policy", str(release.with_name("policy"))])
    digest = hashlib.sha256(der).hexdigest()
    expected = (
        f"; signed with certificate sha256:{digest} of a@example.org, issuer "
        f"https://i.example {SIGNED}\n"
    )
    assert capsys.readouterr().out.endswith(expected)


def test_the_signer_is_in_the_json(
    signed: tuple[Path, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    release, der = signed
    policy = str(release.with_name("policy"))
    assert 0 == main([str(release), "--policy", policy, "--json"])
    document = json.loads(capsys.readouterr().out)
    stated = {
        "certificate": hashlib.sha256(der).hexdigest(),
        "identities": ["a@example.org"],
        "issuer": "https://i.example",
    }
    assert ("hashedrekord", [stated]) == (document["kind"], document["signers"])
    assert "provenance" not in document
