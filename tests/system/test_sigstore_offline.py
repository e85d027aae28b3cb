"""Bundles of a released Sigstore client, verified by it when nothing runs any more.

Each change of one value, and of each single byte of what is bytes, is refused.  Not
changed here is what sigstore-python 4.5 does not compare: the outer copy of `logIndex`,
the last 28 bytes of `logId`, the name on the checkpoint's signature line, and what no
signature covers in a timestamp.
"""

import base64
import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from cryptography.x509 import InvalidVersion
from sigstore import dsse
from sigstore.errors import Error
from sigstore.models import Bundle
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from tests.support.sigstore.workshop import Client, workshop
from tests.system.server import run_tlog

ARTIFACT = b"the artifact"
REFUSALS = (Error, ValueError, InvalidVersion)
"""What the client refuses with; the last two are of parsers that it calls."""

Place = tuple[str | int, ...]

ENTRY: Place = ("verificationMaterial", "tlogEntries", 0)
PROOF: Place = (*ENTRY, "inclusionProof")
ENVELOPE: Place = (*PROOF, "checkpoint", "envelope")
STAMP: Place = (
    "verificationMaterial",
    "timestampVerificationData",
    "rfc3161Timestamps",
    0,
    "signedTimestamp",
)
BYTES: dict[str, Place] = {
    "signature": ("messageSignature", "signature"),
    "digest": ("messageSignature", "messageDigest", "digest"),
    "certificate": ("verificationMaterial", "certificate", "rawBytes"),
    "body": (*ENTRY, "canonicalizedBody"),
    "root": (*PROOF, "rootHash"),
    "first-hash": (*PROOF, "hashes", 0),
    "second-hash": (*PROOF, "hashes", 1),
    "third-hash": (*PROOF, "hashes", 2),
}
OTHER_VALUES: dict[str, tuple[Place, object]] = {
    "an-index-before": ((*PROOF, "logIndex"), "6"),
    "an-index-after": ((*PROOF, "logIndex"), "8"),
    "a-smaller-tree": ((*PROOF, "treeSize"), "7"),
    "a-larger-tree": ((*PROOF, "treeSize"), "9"),
    "no-hashes": ((*PROOF, "hashes"), []),
    "no-checkpoint": ((*PROOF, "checkpoint"), None),
    "no-body": ((*ENTRY, "canonicalizedBody"), ""),
    "another-kind": ((*ENTRY, "kindVersion", "kind"), "dsse"),
    "another-version": ((*ENTRY, "kindVersion", "version"), "0.0.1"),
    "no-entry": (("verificationMaterial", "tlogEntries"), []),
    "no-timestamp": (
        ("verificationMaterial", "timestampVerificationData", "rfc3161Timestamps"),
        [],
    ),
    "another-media-type": (("mediaType",), "application/json"),
}


@dataclass(frozen=True)
class Kept:
    """What is left when the log and all beside it have ended."""

    folder: Path
    client: Client
    verifier: Verifier
    policy: Identity
    bundle: dict[str, Any]
    attestation: dict[str, Any]

    def verify(self, document: dict[str, Any], artifact: bytes = ARTIFACT) -> None:
        bundle = Bundle.from_json(json.dumps(document))
        self.verifier.verify_artifact(artifact, bundle, self.policy)

    def verify_attestation(self, document: dict[str, Any]) -> None:
        bundle = Bundle.from_json(json.dumps(document))
        self.verifier.verify_dsse(bundle, self.policy)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("workshop")
    statement = (
        dsse.StatementBuilder()
        .subjects(
            [dsse.Subject(name="app.tar", digest=dsse.DigestSet({"sha256": "ab" * 32}))]
        )
        .predicate_type("https://slsa.dev/provenance/v1")
        .predicate({})
        .build()
    )
    with workshop(folder) as shop:
        with shop.signer() as signer:
            for number in range(6):
                signer.sign_artifact(str(number).encode())
            # The eighth entry, with the log's own: its path has three hashes.
            bundle = signer.sign_artifact(ARTIFACT)
            attestation = signer.sign_dsse(statement)
        assert 0 == shop.server.terminate()
        checked = run_tlog("fsck", shop.server.folder)
        assert 0 == checked.returncode, checked.stderr
    client = shop.client
    return Kept(
        folder,
        client,
        client.verifier(),
        client.policy(),
        json.loads(bundle.to_json()),
        json.loads(attestation.to_json()),
    )


def at(document: dict[str, Any], place: Place) -> Any:
    found: Any = document
    for step in place:
        found = found[step]
    return found


def changed(document: dict[str, Any], place: Place, value: object) -> dict[str, Any]:
    other = copy.deepcopy(document)
    at(other, place[:-1])[place[-1]] = value
    return other


def flips(value: bytes) -> Iterator[bytes]:
    """Return the value with the lowest bit of one byte changed, for each byte."""
    for index, byte in enumerate(value):
        yield value[:index] + bytes([byte ^ 1]) + value[index + 1 :]


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def test_what_was_signed_verifies_when_nothing_runs(kept: Kept) -> None:
    assert "8" == at(kept.bundle, (*PROOF, "treeSize"))
    kept.verify(kept.bundle)
    kept.verify_attestation(kept.attestation)


def test_the_command_verifies_when_nothing_runs(kept: Kept, tmp_path: Path) -> None:
    file, bundle = tmp_path / "app.tar", tmp_path / "app.tar.sigstore.json"
    file.write_bytes(ARTIFACT)
    bundle.write_text(json.dumps(kept.bundle))
    verified = kept.client.run_verify(file)
    assert 0 == verified.returncode, verified.stderr
    file.write_bytes(ARTIFACT + b".")
    assert 1 == kept.client.run_verify(file).returncode


def test_each_other_artifact_is_refused(kept: Kept) -> None:
    for artifact in flips(ARTIFACT):
        with pytest.raises(REFUSALS):
            kept.verify(kept.bundle, artifact)


@pytest.mark.parametrize("place", BYTES.values(), ids=BYTES)
def test_each_other_byte_of_a_bundle_is_refused(kept: Kept, place: Place) -> None:
    value = base64.b64decode(at(kept.bundle, place))
    for other in flips(value):
        document = changed(kept.bundle, place, encoded(other))
        with pytest.raises(REFUSALS):
            kept.verify(document)


@pytest.mark.parametrize("change", OTHER_VALUES.values(), ids=OTHER_VALUES)
def test_each_other_value_of_a_bundle_is_refused(
    kept: Kept, change: tuple[Place, object]
) -> None:
    place, value = change
    assert value != at(kept.bundle, place)
    with pytest.raises(REFUSALS):
        kept.verify(changed(kept.bundle, place, value))


def test_each_other_byte_of_the_checkpoint_is_refused(kept: Kept) -> None:
    text, line = at(kept.bundle, ENVELOPE).split("\n\n")
    name, signature = line.strip().split(" ")[1:]
    notes = [f"{other.decode()}\n\n{line}" for other in flips(text.encode())]
    notes += [
        f"{text}\n\n— {name} {encoded(other)}\n"
        for other in flips(base64.b64decode(signature))
    ]
    kept.verify(changed(kept.bundle, ENVELOPE, f"{text}\n\n— {name} {signature}\n"))
    for note in notes:
        with pytest.raises(REFUSALS):
            kept.verify(changed(kept.bundle, ENVELOPE, note))


def test_each_other_byte_that_a_timestamp_signs_is_refused(kept: Kept) -> None:
    stamp = base64.b64decode(at(kept.bundle, STAMP))
    signed = tsp.TimeStampResp.load(stamp)["time_stamp_token"]["content"]
    signer = signed["signer_infos"][0]
    parts = (
        signed["encap_content_info"]["content"].contents,
        signer["signed_attrs"].contents,
        signer["signature"].contents,
    )
    for part in parts:
        before, found, after = stamp.partition(part)
        assert part == found
        for other in flips(part):
            document = changed(kept.bundle, STAMP, encoded(before + other + after))
            with pytest.raises(REFUSALS):
                kept.verify(document)


def test_a_timestamp_of_another_signature_is_refused(kept: Kept) -> None:
    other = at(kept.attestation, STAMP)
    with pytest.raises(Error, match="not enough sources of verified time"):
        kept.verify(changed(kept.bundle, STAMP, other))


@pytest.mark.parametrize(
    "place",
    [("dsseEnvelope", "payload"), ("dsseEnvelope", "signatures", 0, "sig")],
    ids=["payload", "signature"],
)
def test_each_other_byte_of_an_envelope_is_refused(kept: Kept, place: Place) -> None:
    for other in flips(base64.b64decode(at(kept.attestation, place))):
        with pytest.raises(REFUSALS):
            kept.verify_attestation(changed(kept.attestation, place, encoded(other)))


def test_another_payload_type_is_refused(kept: Kept) -> None:
    place = ("dsseEnvelope", "payloadType")
    with pytest.raises(Error):
        kept.verify_attestation(changed(kept.attestation, place, "text/plain"))


def test_the_entry_of_another_artifact_is_refused(kept: Kept) -> None:
    (other,) = kept.attestation["verificationMaterial"]["tlogEntries"]
    with pytest.raises(Error):
        kept.verify(changed(kept.bundle, ENTRY, other))


def test_another_log_of_the_same_name_is_refused(kept: Kept, tmp_path: Path) -> None:
    with workshop(tmp_path) as shop:
        other = json.loads(kept.client.trust.read_text())
        theirs = json.loads(shop.client.trust.read_text())
    root = other["trustedRoot"]
    root["tlogs"] = theirs["trustedRoot"]["tlogs"]
    trust = tmp_path / "trust.json"
    trust.write_text(json.dumps(other))
    bundle = Bundle.from_json(json.dumps(kept.bundle))
    with pytest.raises(Error, match="invalid signature"):
        Client(trust, kept.client.issuer).verify(ARTIFACT, bundle)
