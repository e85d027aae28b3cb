"""What a file is, and whether it speaks of the image that it is attached to."""

import base64
import json
from typing import Any

import pytest

from tests.support.cases import case
from tests.support.registry import sha256
from tests.tlogverify.attestation.stories import SLSA, Attestation
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, Story
from tlog.errors import RejectedError
from tlog.registry.payloads import recognise
from tlog.registry.references import Digest
from tlogverify.errors import FormatError

IMAGE = Digest(sha256(ARTIFACT))
OTHER = Digest(sha256(b"another image"))
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
OLDER = "application/vnd.dev.sigstore.bundle+json;version=0.2"
ENVELOPE = Attestation().envelope
SIGNATURE = {
    "messageDigest": {
        "algorithm": "SHA2_256",
        "digest": base64.b64encode(ARTIFACT_SHA256).decode(),
    },
    "signature": "AA==",
}


def bundle(media_type: str = BUNDLE, **content: Any) -> bytes:
    material = {"publicKey": {"hint": "a key"}, "tlogEntries": []}
    members = {"mediaType": media_type, "verificationMaterial": material}
    return json.dumps({**members, **content}).encode()


def test_each_kind_is_recognised_by_its_bytes() -> None:
    signed: dict[str, Any] = {"messageSignature": SIGNATURE}
    known: dict[str, tuple[bytes, str, dict[str, str]]] = {
        "a proof": (Story().text, "application/vnd.dev.tlog.proof.v1", {}),
        "an envelope": (
            *(ENVELOPE, "application/vnd.dsse.envelope.v1+json"),
            {"in-toto.io/predicate-type": SLSA},
        ),
        "a bundle of an envelope": (
            *(bundle(dsseEnvelope=json.loads(ENVELOPE)), BUNDLE),
            {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": SLSA,
            },
        ),
        "a bundle of a signature": (
            *(bundle(**signed), BUNDLE),
            {"dev.sigstore.bundle.content": "message-signature"},
        ),
        "a bundle, its type in the older spelling": (
            *(
                bundle(
                    "application/vnd.dev.sigstore.bundle+json;version=0.3", **signed
                ),
            ),
            *(BUNDLE, {"dev.sigstore.bundle.content": "message-signature"}),
        ),
    }
    for name, (content, kind, annotations) in known.items():
        with case(name):
            found = recognise(content, IMAGE)
            assert (kind, content) == (found.artifact_type, found.content)
            assert annotations == found.annotations


def test_what_speaks_of_another_artifact_is_refused() -> None:
    contents = {
        "a proof": Story().text,
        "an envelope": ENVELOPE,
        "a bundle": bundle(dsseEnvelope=json.loads(ENVELOPE)),
        "a bundle of a signature": bundle(messageSignature=SIGNATURE),
    }
    for name, content in contents.items():
        with case(name), pytest.raises(RejectedError, match=f"not .* {OTHER}"):
            recognise(content, OTHER)
        # Who says what it is answers for it.
        assert "a/b" == recognise(content, OTHER, "a/b").artifact_type


def test_an_envelope_of_something_else_is_not_looked_into() -> None:
    members = json.loads(ENVELOPE)
    members["payloadType"] = "application/vnd.example+json"
    members["payload"] = base64.b64encode(b"anything").decode()
    assert {} == recognise(json.dumps(members).encode(), OTHER).annotations


def test_what_is_of_no_known_kind_wants_its_type_said() -> None:
    contents = {
        "nothing": b"",
        "bytes": b"\xff\0",
        "other JSON": b"{}",
        "a list": b"[]",
        "a proof cut short": Story().text[:100],
        "an envelope cut short": ENVELOPE[:-9],
        "an older bundle": bundle(OLDER, messageSignature=SIGNATURE),
        "a bundle of nothing": bundle(),
        "a bundle of another version": bundle(BUNDLE.replace("0.3", "0.4")),
        "a bundle of no envelope": bundle(dsseEnvelope={"payload": 1}),
        "a proof without its entry": b"".join(
            line
            for line in Story().text.splitlines(keepends=True)
            if not line.startswith(b"extra ")
        ),
    }
    for name, content in contents.items():
        with case(name), pytest.raises(FormatError):
            recognise(content, IMAGE)


def test_a_type_is_a_media_type() -> None:
    for given in ("", "text", "a/b;c=d", "a /b", "a/b\n", "/b", f"a/{'b' * 128}"):
        with case(given), pytest.raises(FormatError, match="--type"):
            recognise(b"", IMAGE, given)
    with pytest.raises(FormatError, match="at most"):
        recognise(bytes((64 << 20) + 1), IMAGE, "a/b")
