"""Our envelopes, verified by software of others where it is installed.

securesystemslib comes with the development requirements; slsa-verifier is a Go program
that is looked for on PATH, and its tests are skipped where it is not there.
"""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey

from tests.tlogverify.attestation.stories import ALICE, BOB, MALLORY, Signer
from tlog.attest.document import NamedDigest, encode_statement, key_id, sign_statement

SLSA_VERIFIER = shutil.which("slsa-verifier")
VSA = "https://slsa.dev/verification_summary/v1"
SHA256 = "12" * 32
P256 = Signer("a release key", is_p256=True)


class KeyOfTests:
    """A key of the tests, behind the seam that a device has."""

    def __init__(self, signer: Signer) -> None:
        self.public = signer.spki
        self._signer = signer

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)


def summary() -> dict[str, object]:
    """Return the predicate that slsa-verifier judges under a key that one names."""
    return {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": "2026-11-01T12:00:00Z",
        "resourceUri": "pkg:generic/app",
        "policy": {"uri": "https://verifier.example/policy"},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_1"],
    }


def envelope_by(signer: Signer) -> bytes:
    subject = NamedDigest("app", bytes.fromhex(SHA256))
    statement = encode_statement([subject], VSA, summary())
    return sign_statement(statement, KeyOfTests(signer))


def key_of(signer: Signer) -> SSlibKey:
    return SSlibKey.from_crypto(load_der_public_key(signer.spki))


@pytest.mark.parametrize("signer", [ALICE, BOB, P256])
def test_securesystemslib_verifies_it_by_the_key_alone(signer: Signer) -> None:
    envelope = Envelope.from_dict(json.loads(envelope_by(signer)))
    assert key_id(signer.spki) == key_of(signer).keyid
    assert [key_id(signer.spki)] == [*envelope.verify([key_of(signer)], 1)]
    with pytest.raises(VerificationError):
        envelope.verify([key_of(MALLORY)], 1)


@pytest.mark.parametrize("signer", [ALICE, BOB, P256])
def test_the_signature_counts_once(signer: Signer) -> None:
    envelope = Envelope.from_dict(json.loads(envelope_by(signer)))
    with pytest.raises(VerificationError):
        envelope.verify([key_of(signer), key_of(MALLORY)], 2)


@pytest.mark.skipif(SLSA_VERIFIER is None, reason="slsa-verifier is not installed")
@pytest.mark.parametrize(
    ("signer", "trusted", "status"),
    [(BOB, BOB, 0), (P256, P256, 0), (ALICE, ALICE, 0), (BOB, P256, 1)],
    ids=["p-256", "another-p-256", "ed25519", "another-key"],
)
def test_slsa_verifier_verifies_it_by_the_key_alone(
    tmp_path: Path, signer: Signer, trusted: Signer, status: int
) -> None:
    assert SLSA_VERIFIER is not None
    (tmp_path / "app.intoto.jsonl").write_bytes(envelope_by(signer))
    (tmp_path / "key.pub").write_bytes(trusted.pem)
    ended = subprocess.run(
        [
            *(SLSA_VERIFIER, "verify-vsa", "--subject-digest", f"sha256:{SHA256}"),
            *("--attestation-path", "app.intoto.jsonl", "--public-key-path", "key.pub"),
            *("--verifier-id", "https://verifier.example"),
            *("--resource-uri", "pkg:generic/app"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert status == ended.returncode, ended.stderr


def test_what_is_signed_is_the_same_under_both_names() -> None:
    first, second = json.loads(envelope_by(ALICE))["signatures"]
    assert ("", first["sig"]) == (second["keyid"], second["sig"])
    assert 64 == len(base64.b64decode(first["sig"]))
