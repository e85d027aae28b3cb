"""What is attached to an image: a proof, an envelope, a bundle, any file by its type.

| file | artifactType, and the layer's type |
|---|---|
| a proof of a log, `.tlog-proof` | application/vnd.dev.tlog.proof.v1 |
| a DSSE envelope | application/vnd.dsse.envelope.v1+json |
| a Sigstore bundle v0.3 | application/vnd.dev.sigstore.bundle.v0.3+json |

A file of these kinds that speaks of another artifact than the image is refused: whoever
finds it there could only be misled.  PURE.  Source: cosign's bundle specification.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tlog.errors import RejectedError
from tlog.registry.manifests import MAX_BLOB_BYTES, parse_media_type
from tlog.registry.references import Digest, sha256_of
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.members import parse_object
from tlogverify.attestation.statement import parse_statement
from tlogverify.errors import FormatError
from tlogverify.proof import Proof
from tlogverify.record import parse_record
from tlogverify.rekor import REKOR_START, parse_rekor
from tlogverify.sigstore import Bundle
from tlogverify.sigstore.bundle import NEWEST

PROOF_TYPE: Final = "application/vnd.dev.tlog.proof.v1"
ENVELOPE_TYPE: Final = "application/vnd.dsse.envelope.v1+json"
BUNDLE_TYPE: Final = NEWEST

_PROOF_START: Final = b"c2sp.org/tlog-proof@"
_CONTENT: Final = "dev.sigstore.bundle.content"
_BUNDLE_PREDICATE: Final = "dev.sigstore.bundle.predicateType"
_PREDICATE: Final = "in-toto.io/predicate-type"
_IN_TOTO: Final = "application/vnd.in-toto"
_SAY_TYPE: Final = "say what it is: --type MEDIA/TYPE"


@dataclass(frozen=True, slots=True)
class Payload:
    """Bytes to attach; annotations: of the manifest, but for when it was made."""

    artifact_type: str
    content: bytes = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict)


def recognise(content: bytes, digest: Digest, given: str | None = None) -> Payload:
    """Return what a file is; given: its media type, and nothing of it is read then.

    Raises FormatError for a file of no known kind, and RejectedError for one that does
    not speak of `digest`.
    """
    if len(content) > MAX_BLOB_BYTES:
        raise FormatError(f"what is attached has at most {MAX_BLOB_BYTES} bytes")
    if given is not None:
        return Payload(parse_media_type("--type", given), content)
    if content.startswith(_PROOF_START):
        _require_proof_of(Proof.parse(content), digest)
        return Payload(PROOF_TYPE, content)
    try:
        members = parse_object("a file", content)
    except FormatError:
        raise FormatError(
            f"this is no proof, envelope or bundle: {_SAY_TYPE}"
        ) from None
    if "mediaType" in members:
        return _bundle(Bundle.parse(content), content, digest)
    if "payloadType" in members:
        predicate = _predicate_type(Envelope.parse(content), digest)
        named = {_PREDICATE: predicate} if predicate else {}
        return Payload(ENVELOPE_TYPE, content, named)
    raise FormatError(f"this JSON is no envelope and no bundle: {_SAY_TYPE}")


def _bundle(bundle: Bundle, content: bytes, digest: Digest) -> Payload:
    if bundle.version != "0.3":
        raise FormatError(
            f"a Sigstore bundle to attach is of version 0.3; else {_SAY_TYPE}",
            bundle.media_type,
        )
    signed = bundle.content
    if isinstance(signed, Envelope):
        named = {_CONTENT: "dsse-envelope"}
        if predicate := _predicate_type(signed, digest):
            named[_BUNDLE_PREDICATE] = predicate
        return Payload(BUNDLE_TYPE, content, named)
    if signed.algorithm == "SHA2_256" and signed.digest != sha256_of(digest):
        raise RejectedError(f"the bundle's signature is not of {digest}")
    return Payload(BUNDLE_TYPE, content, {_CONTENT: "message-signature"})


def _predicate_type(envelope: Envelope, digest: Digest) -> str:
    """Return the predicate type of a statement on this image; "" for other payloads."""
    if not envelope.payload_type.startswith(_IN_TOTO):
        return ""
    statement = parse_statement(envelope)
    if not statement.names({"sha256": sha256_of(digest)}):
        raise RejectedError(f"the statement does not name {digest}")
    return statement.predicate_type


def _require_proof_of(proof: Proof, digest: Digest) -> None:
    if proof.extra is None:
        raise FormatError("a proof to attach has an extra line with the entry")
    if proof.extra.startswith(REKOR_START):
        named = {parse_rekor(proof.extra).digest}
    else:
        named = {it.sha256 for it in parse_record(proof.extra).subjects}
    if sha256_of(digest) not in named:
        raise RejectedError(f"the proven entry does not name {digest}")
