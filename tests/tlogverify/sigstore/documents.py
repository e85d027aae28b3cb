"""Bundles spelled by hand: values for JSON, of keys and a small log of this run."""

import copy
import json
from typing import Any

from cryptography import x509

from tests.oracle import rfc6962
from tests.support.rekor import (
    P256,
    KeyKind,
    b64,
    certificate,
    leaf_of,
    pre_authentication,
    private_key,
    sign_digest,
    spki,
    verifier,
)
from tests.tlogverify.actors import LOG
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, Story

V01 = "application/vnd.dev.sigstore.bundle+json;version=0.1"
V02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
V03_OLD = "application/vnd.dev.sigstore.bundle+json;version=0.3"
V03 = "application/vnd.dev.sigstore.bundle.v0.3+json"

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "release", "digest": {"sha256": ARTIFACT_SHA256.hex()}}],
    "predicateType": "https://a.example/said",
    "predicate": {},
}

Place = tuple[str | int, ...]
MATERIAL: Place = ("verificationMaterial",)
ENTRY: Place = (*MATERIAL, "tlogEntries", 0)
PROOF: Place = (*ENTRY, "inclusionProof")
NOTE: Place = (*PROOF, "checkpoint", "envelope")
MISSING = object()
"""Stands for a member that is taken away."""


def changed(document: Any, place: Place, value: object) -> Any:
    """Return a copy in which one place has another value, or is not there."""
    other = copy.deepcopy(document)
    parent = other
    for step in place[:-1]:
        parent = parent[step]
    if value is MISSING:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    return other


def encoded(document: object) -> bytes:
    """Return a document's bytes."""
    return json.dumps(document).encode()


def signer_of(kind: KeyKind, der: bytes | None) -> dict[str, Any]:
    """Return the verifier of a leaf: this run's key, or a certificate."""
    if der is None:
        return verifier(kind, spki(private_key(kind)))
    return verifier(kind, der, "x509Certificate")


def body_of(
    digest: bytes, signature: bytes, kind: KeyKind = P256, der: bytes | None = None
) -> bytes:
    """Return the entry of a signature over a digest, by RFC 8785's own code."""
    stated = {"content": b64(signature), "verifier": signer_of(kind, der)}
    request = {"digest": b64(digest), "signature": stated}
    return leaf_of({"hashedRekordRequestV002": request}, kind)


def entry_of(body: bytes, kind: str = "hashedrekord") -> dict[str, Any]:
    """Return the log's entry of a body, proven by a small log."""
    story = Story(body)
    return {
        "logIndex": str(story.index),
        "logId": {"keyId": b64(LOG.key.key_hash)},
        "kindVersion": {"kind": kind, "version": "0.0.2"},
        "inclusionProof": {
            "logIndex": str(story.index),
            "rootHash": b64(rfc6962.root(story.leaves)),
            "treeSize": str(story.size),
            "hashes": [b64(it) for it in story.path],
            "checkpoint": {"envelope": story.note.decode()},
        },
        "canonicalizedBody": b64(body),
    }


def of_message(
    kind: KeyKind = P256, der: bytes | None = None, artifact: bytes = ARTIFACT
) -> dict[str, Any]:
    """Return a bundle over an artifact, signed by this run's key of a kind."""
    digest = kind.digest(artifact)
    signature = sign_digest(kind, private_key(kind), digest)
    stated = {"algorithm": kind.algorithm, "digest": b64(digest)}
    return {
        "mediaType": V03,
        "verificationMaterial": material(body_of(digest, signature, kind, der), der),
        "messageSignature": {"messageDigest": stated, "signature": b64(signature)},
    }


def of_statement(
    statement: object = STATEMENT,
    kind: KeyKind = P256,
    der: bytes | None = None,
    payload_type: str = PAYLOAD_TYPE,
) -> dict[str, Any]:
    """Return a bundle with an envelope, logged as a hashedrekord."""
    payload = encoded(statement)
    digest = kind.digest(pre_authentication(payload_type, payload))
    signature = sign_digest(kind, private_key(kind), digest)
    return {
        "mediaType": V03,
        "verificationMaterial": material(body_of(digest, signature, kind, der), der),
        "dsseEnvelope": {
            "payload": b64(payload),
            "payloadType": payload_type,
            "signatures": [{"sig": b64(signature)}],
        },
    }


def material(body: bytes, der: bytes | None = None) -> dict[str, Any]:
    """Return the material of one entry; der: the signer's certificate."""
    signer: dict[str, Any] = {"publicKey": {"hint": "a hint"}}
    if der is not None:
        signer = {"certificate": {"rawBytes": b64(der)}}
    return {**signer, "tlogEntries": [entry_of(body)]}


def certified(kind: KeyKind = P256) -> bytes:
    """Return a certificate of this run's key that nobody should believe."""
    return certificate(
        private_key(kind), x509.RFC822Name("a@example.org"), issuer="https://i.example"
    )


def older(document: dict[str, Any], media_type: str) -> dict[str, Any]:
    """Return a bundle of 0.3 as 0.1 or 0.2 writes it; of 0.1 with a promise."""
    other: dict[str, Any] = changed(document, ("mediaType",), media_type)
    found = other["verificationMaterial"]
    if "certificate" in found:
        chain = {"certificates": [found.pop("certificate")]}
        found["x509CertificateChain"] = chain
    if media_type == V01:
        for entry in found["tlogEntries"]:
            entry["inclusionPromise"] = {"signedEntryTimestamp": b64(b"promise")}
            entry["integratedTime"] = "1790000000"
    return other
