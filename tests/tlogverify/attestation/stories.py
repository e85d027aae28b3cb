"""Attestations made from the specifications alone, and logs that hold them.

Nothing here calls the code under test: keys come from labels, the bytes that are signed
and the JSON are spelled here.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.tlogverify.documents import ARTIFACT_SHA256, Story

SLSA = "https://slsa.dev/provenance/v1"
SBOM = "https://spdx.dev/Document/v2.3"
BUILDER = "https://builds.example/trusted"
BUILD_TYPE = "https://builds.example/make/v1"
SOURCE = "git+https://git.example/team/app"
IN_TOTO = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Signer:
    """A private key; the same label makes the same one."""

    label: str
    is_p256: bool = False

    @property
    def spki(self) -> bytes:
        """The public key, in DER."""
        public = self.private().public_key()
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def pem(self) -> bytes:
        """The public key, in PEM."""
        lines = base64.encodebytes(self.spki)
        return b"-----BEGIN PUBLIC KEY-----\n%b-----END PUBLIC KEY-----\n" % lines

    @property
    def sha256(self) -> str:
        """The digest of the public key."""
        return hashlib.sha256(self.spki).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """Sign the bytes of a message, always with the same signature."""
        return _sign(self, message)

    def private(self) -> Ed25519PrivateKey | EllipticCurvePrivateKey:
        """Return the private key."""
        seed = hashlib.sha256(self.label.encode()).digest()
        if self.is_p256:
            return derive_private_key(int.from_bytes(seed[:31]), SECP256R1())
        return Ed25519PrivateKey.from_private_bytes(seed)


@cache
def _sign(signer: Signer, message: bytes) -> bytes:
    # ECDSA draws a number for each signature: an envelope made twice would differ.
    key = signer.private()
    if isinstance(key, EllipticCurvePrivateKey):
        return key.sign(message, ECDSA(SHA256()))
    return key.sign(message)


ALICE = Signer("alice")
BOB = Signer("bob", is_p256=True)
MALLORY = Signer("mallory")


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE signs."""
    kind = payload_type.encode()
    parts = [b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode()]
    return b" ".join([*parts, payload])


def provenance(**parameters: object) -> dict[str, object]:
    """Return a SLSA predicate; parameters: the external ones beside the source."""
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"source": SOURCE, **parameters},
            "resolvedDependencies": [{"uri": "git+https://git.example/lib"}],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {"invocationId": "https://builds.example/run/7"},
        },
    }


@dataclass(frozen=True)
class Attestation:
    """An attestation of the artifact of `tests.tlogverify.documents`, and its entry.

    logged_as: what stands in the entry instead of what is true.
    """

    signers: tuple[Signer, ...] = (ALICE,)
    predicate_type: str = SLSA
    predicate: object = None
    subjects: tuple[object, ...] = (
        {"name": "release.tar.gz", "digest": {"sha256": ARTIFACT_SHA256.hex()}},
    )
    statement_type: str = "https://in-toto.io/Statement/v1"
    logged_as: tuple[tuple[str, object], ...] = ()
    envelope_change: tuple[bytes, bytes] = (b"", b"")

    @property
    def payload(self) -> bytes:
        """The statement."""
        predicate = provenance() if self.predicate is None else self.predicate
        return json.dumps(
            {
                "_type": self.statement_type,
                "subject": list(self.subjects),
                "predicateType": self.predicate_type,
                "predicate": predicate,
            }
        ).encode()

    @property
    def envelope(self) -> bytes:
        """The envelope's file, after `envelope_change`."""
        plain = envelope(self.payload, *self.signers)
        old, new = self.envelope_change
        return plain.replace(old, new, 1) if old else plain

    @property
    def record(self) -> bytes:
        """The entry, spelled by hand."""
        record: dict[str, object] = {
            "kind": "provenance",
            "predicateType": self.predicate_type,
            "provenance": {"sha256": hashlib.sha256(self.envelope).hexdigest()},
            "signer": {"sha256": self.signers[0].sha256},
            "subject": [{"sha256": ARTIFACT_SHA256.hex()}],
            "version": 1,
        }
        record |= dict(self.logged_as)
        kept = {name: value for name, value in record.items() if value is not None}
        return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()

    @property
    def story(self) -> Story:
        """A log that holds the entry."""
        return Story(self.record)

    def but(self, **changes: object) -> "Attestation":
        """Return this attestation with something else in it."""
        return replace(self, **changes)  # type: ignore[arg-type]  # each by its field


def envelope(payload: bytes, *signers: Signer, payload_type: str = IN_TOTO) -> bytes:
    """Return a signed envelope, as a file of one line."""
    message = signed_bytes(payload_type, payload)
    return document(
        payloadType=payload_type,
        payload=text_of(payload),
        signatures=[
            {"keyid": it.label, "sig": text_of(it.sign(message))} for it in signers
        ],
    )


def document(**members: object) -> bytes:
    """Return a JSON object as a line."""
    return json.dumps(members).encode() + b"\n"


def text_of(value: bytes) -> str:
    """Return the base64 of some bytes."""
    return base64.b64encode(value).decode()


def write_rules(folder: Path, text: str = "", **keys: Signer) -> Path:
    """Write RULES.toml and the PEM files that it may name; return its path."""
    for name, signer in {"alice": ALICE, "bob": BOB, **keys}.items():
        (folder / f"{name}.pub").write_bytes(signer.pem)
    path = folder / "RULES.toml"
    path.write_text(text or RULES)
    return path


RULES = f"""
predicate_types = ["{SLSA}"]
builders = ["{BUILDER}"]
sources = ["{SOURCE}"]

[[keys]]
file = "alice.pub"
"""
