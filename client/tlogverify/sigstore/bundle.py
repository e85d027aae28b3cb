"""Sigstore bundles: a signature, what verifies it, and the log's entries of it.

    {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
     "verificationMaterial":{
       "certificate":{"rawBytes":"<base64>"},     or "publicKey":{"hint":"<text>"}
       "tlogEntries":[...],                       as in `tlogverify.sigstore.entries`
       "timestampVerificationData":{
         "rfc3161Timestamps":[{"signedTimestamp":"<base64>"},...]}},
     "messageSignature":{                         or "dsseEnvelope":{...}
       "messageDigest":{"algorithm":"SHA2_256","digest":"<base64>"},
       "signature":"<base64>"}}

    0.1   application/vnd.dev.sigstore.bundle+json;version=0.1   x509CertificateChain
    0.2   application/vnd.dev.sigstore.bundle+json;version=0.2   x509CertificateChain
    0.3   application/vnd.dev.sigstore.bundle+json;version=0.3   certificate
          application/vnd.dev.sigstore.bundle.v0.3+json          certificate

A log entry of 0.1 has a promise; of 0.2 and 0.3 a proof with a checkpoint.  That a
bundle can be parsed proves nothing: `tlogverify.sigstore.verify` does.

Source: sigstore/protobuf-specs, `sigstore_bundle.proto`; sigstore client-spec, 4.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlogverify.attestation.dsse import (
    MAX_ENVELOPE_BYTES,
    MAX_SIGNATURES,
    Envelope,
    EnvelopeSignature,
)
from tlogverify.attestation.members import parse_object, required_text
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import encode_base64, parse_base64
from tlogverify.rekor import SHA2_BYTES
from tlogverify.sigstore.entries import ENTRY_MEMBERS, LogEntry, read_log_entry
from tlogverify.sigstore.members import (
    Members,
    message,
    messages,
    require_known,
    required_message,
    short_text,
    some_bytes,
)

NEWEST: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
VERSIONS: Final[Mapping[str, str]] = {
    "application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3": "0.3",
    NEWEST: "0.3",
}
"""The version of each media type."""

MAX_BUNDLE_BYTES: Final = MAX_ENVELOPE_BYTES + (1 << 22)
MAX_VALUES: Final = 8_192
"""Brackets and commas; a value of JSON costs many times its bytes."""
MAX_ENTRIES: Final = 16
MAX_CERTIFICATES: Final = 16
MAX_TIMESTAMPS: Final = 32
"""The bound of sigstore-go and sigstore-python."""
MAX_DER_BYTES: Final = 1 << 16
MAX_SIGNATURE_BYTES: Final = 1 << 14
MAX_HINT_CHARS: Final = 1_024

_RULE: Final = "a bundle"
_BUNDLE: Final = frozenset(
    {"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"}
)
_SIGNERS: Final = ("publicKey", "x509CertificateChain", "certificate")
_MATERIAL: Final = frozenset({*_SIGNERS, "tlogEntries", "timestampVerificationData"})
_ENVELOPE: Final = frozenset({"payload", "payloadType", "signatures"})
_BREAKS: Final = str.maketrans("", "", "\r\n")


@dataclass(frozen=True, slots=True)
class MessageSignature:
    """A signature over an artifact itself.

    algorithm, digest: of the artifact, as the sender states it; "" and b"" where it
    does not.  Nothing is verified.
    """

    signature: bytes
    algorithm: str = ""
    digest: bytes = b""

    def __post_init__(self) -> None:
        if not 0 < len(self.signature) <= MAX_SIGNATURE_BYTES:
            raise FormatError(f"a signature has 1 to {MAX_SIGNATURE_BYTES} bytes")
        if self.algorithm or self.digest:
            size = SHA2_BYTES.get(self.algorithm)
            if size is None:
                raise FormatError("a messageDigest is of SHA2", self.algorithm)
            if len(self.digest) != size:
                raise FormatError(
                    f"a digest of {self.algorithm} has {size} bytes", len(self.digest)
                )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle; nothing in it is verified.

    hint: what the sender calls the key, where no certificate is there.
    certificates: in DER, the signer's first; exactly one in version 0.3.
    timestamps: RFC 3161 answers, in DER.

    Raises FormatError if a value, or their combination, is against the version.
    """

    content: MessageSignature | Envelope
    hint: str = ""
    certificates: tuple[bytes, ...] = ()
    entries: tuple[LogEntry, ...] = ()
    timestamps: tuple[bytes, ...] = ()
    media_type: str = NEWEST

    def __post_init__(self) -> None:
        if self.media_type not in VERSIONS:
            raise FormatError(
                "a bundle's mediaType is one of versions 0.1 to 0.3", self.media_type
            )
        if self.hint and self.certificates:
            raise FormatError("a bundle has a public key or certificates, not both")
        if len(self.certificates) > (1 if self.version == "0.3" else MAX_CERTIFICATES):
            raise FormatError("a bundle's certificates", len(self.certificates))
        if len(self.entries) > MAX_ENTRIES:
            raise FormatError(f"a bundle has at most {MAX_ENTRIES} log entries")
        if len(self.timestamps) > MAX_TIMESTAMPS:
            raise FormatError(f"a bundle has at most {MAX_TIMESTAMPS} timestamps")
        for entry in self.entries:
            self._require_proof(entry)

    def _require_proof(self, entry: LogEntry) -> None:
        if self.version == "0.1":
            if not entry.promise:
                raise FormatError("a log entry of version 0.1 has an inclusionPromise")
        elif entry.proof is None or not entry.proof.checkpoint:
            raise FormatError(
                f"a log entry of version {self.version} has an inclusionProof with a "
                "checkpoint"
            )

    @property
    def version(self) -> str:
        """The version: "0.1", "0.2" or "0.3"."""
        return VERSIONS[self.media_type]

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Bundle":
        """Read a bundle's file; FormatError, or OSError if it is not readable."""
        return cls.parse(read_bounded(Path(path), _RULE, MAX_BUNDLE_BYTES))

    @classmethod
    def parse(cls, text: bytes) -> "Bundle":
        """Parse a bundle of JSON; raises FormatError naming the rule it breaks."""
        if len(text) > MAX_BUNDLE_BYTES:
            raise FormatError(f"{_RULE} has at most {MAX_BUNDLE_BYTES} bytes")
        if sum(map(text.count, (b"{", b"[", b","))) > MAX_VALUES:
            raise FormatError(f"{_RULE} has at most {MAX_VALUES} brackets and commas")
        members = require_known(_RULE, parse_object(_RULE, text), _BUNDLE)
        media_type = required_text(_RULE, members, "mediaType")
        if media_type not in VERSIONS:
            # The version decides what else stands there, and is told first.
            raise FormatError(
                "a bundle's mediaType is one of versions 0.1 to 0.3", media_type
            )
        rule = "verificationMaterial"
        material = required_message(_RULE, members, rule, _MATERIAL)
        hint, certificates = _read_signer(material, VERSIONS[media_type])
        return cls(
            content=_read_content(members),
            hint=hint,
            certificates=certificates,
            entries=tuple(
                map(
                    read_log_entry,
                    messages(rule, material, "tlogEntries", ENTRY_MEMBERS, MAX_ENTRIES),
                )
            ),
            timestamps=_read_timestamps(material),
            media_type=media_type,
        )

    def encode(self) -> bytes:
        """Return the bundle's JSON, in one line without white space."""
        material: dict[str, object] = {}
        certificates = [{"rawBytes": encode_base64(it)} for it in self.certificates]
        if not certificates:
            material["publicKey"] = {"hint": self.hint} if self.hint else {}
        elif self.version == "0.3":
            material["certificate"] = certificates[0]
        else:
            material["x509CertificateChain"] = {"certificates": certificates}
        material["tlogEntries"] = [it.members() for it in self.entries]
        if self.timestamps:
            stamps = [{"signedTimestamp": encode_base64(it)} for it in self.timestamps]
            material["timestampVerificationData"] = {"rfc3161Timestamps": stamps}
        members: dict[str, object] = {"mediaType": self.media_type}
        members["verificationMaterial"] = material
        if isinstance(self.content, Envelope):
            members["dsseEnvelope"] = _encode_envelope(self.content)
        else:
            members["messageSignature"] = _encode_message(self.content)
        return json.dumps(members, separators=(",", ":")).encode("ascii")


def _read_signer(material: Members, version: str) -> tuple[str, tuple[bytes, ...]]:
    given = [name for name in _SIGNERS if material.get(name) is not None]
    allowed = "certificate" if version == "0.3" else "x509CertificateChain"
    if len(given) != 1 or given[0] not in {"publicKey", allowed}:
        raise FormatError(
            f"verificationMaterial of version {version} has either publicKey or "
            f"{allowed}: found {' and '.join(given) or 'neither'}"
        )
    rule = "verificationMaterial"
    key = message(rule, material, "publicKey", {"hint"})
    if key is not None:
        return short_text("publicKey", key, "hint", MAX_HINT_CHARS), ()
    one = message(rule, material, "certificate", {"rawBytes"})
    if one is not None:
        return "", (some_bytes("certificate", one, "rawBytes", MAX_DER_BYTES),)
    chain = required_message(rule, material, "x509CertificateChain", {"certificates"})
    found = messages(
        "x509CertificateChain", chain, "certificates", {"rawBytes"}, MAX_CERTIFICATES
    )
    if not found:
        raise FormatError("an x509CertificateChain has a certificate")
    return "", tuple(
        some_bytes("certificates", it, "rawBytes", MAX_DER_BYTES) for it in found
    )


def _read_timestamps(material: Members) -> tuple[bytes, ...]:
    name = "timestampVerificationData"
    stamps = message("verificationMaterial", material, name, {"rfc3161Timestamps"})
    if stamps is None:
        return ()
    found = messages(
        name, stamps, "rfc3161Timestamps", {"signedTimestamp"}, MAX_TIMESTAMPS
    )
    return tuple(_read_timestamp(it) for it in found)


def _read_timestamp(members: Members) -> bytes:
    text = short_text(
        "rfc3161Timestamps", members, "signedTimestamp", 2 * MAX_DER_BYTES
    )
    # Timestamps are made by hand too, and the program `base64` breaks lines.
    stamp = parse_base64("signedTimestamp", text.translate(_BREAKS).encode())
    if not stamp:
        raise FormatError("a signedTimestamp is not empty")
    return stamp


def _read_content(members: Members) -> MessageSignature | Envelope:
    signed = message(_RULE, members, "messageSignature", {"messageDigest", "signature"})
    envelope = message(_RULE, members, "dsseEnvelope", _ENVELOPE)
    if signed is not None and envelope is None:
        return _read_message(signed)
    if envelope is not None and signed is None:
        return _read_envelope(envelope)
    raise FormatError("a bundle has either a messageSignature or a dsseEnvelope")


def _read_message(members: Members) -> MessageSignature:
    rule = "messageSignature"
    stated = message(rule, members, "messageDigest", {"algorithm", "digest"})
    signature = some_bytes(rule, members, "signature", MAX_SIGNATURE_BYTES)
    if stated is None:
        return MessageSignature(signature)
    return MessageSignature(
        signature,
        required_text("messageDigest", stated, "algorithm"),
        some_bytes("messageDigest", stated, "digest", max(SHA2_BYTES.values())),
    )


def _read_envelope(members: Members) -> Envelope:
    rule = "dsseEnvelope"
    found = messages(rule, members, "signatures", {"sig", "keyid"}, MAX_SIGNATURES)
    if not found:
        raise FormatError("a dsseEnvelope has a signature")
    return Envelope(
        required_text(rule, members, "payloadType"),
        parse_base64(
            f"{rule}.payload", required_text(rule, members, "payload").encode()
        ),
        tuple(
            EnvelopeSignature(
                some_bytes("signatures", it, "sig", MAX_SIGNATURE_BYTES),
                short_text("signatures", it, "keyid", MAX_HINT_CHARS),
            )
            for it in found
        ),
    )


def _encode_message(content: MessageSignature) -> dict[str, object]:
    members: dict[str, object] = {}
    if content.digest:
        digest = encode_base64(content.digest)
        members["messageDigest"] = {"algorithm": content.algorithm, "digest": digest}
    members["signature"] = encode_base64(content.signature)
    return members


def _encode_envelope(content: Envelope) -> dict[str, object]:
    return {
        "payload": encode_base64(content.payload),
        "payloadType": content.payload_type,
        "signatures": [
            {"sig": encode_base64(it.sig)} | ({"keyid": it.keyid} if it.keyid else {})
            for it in content.signatures
        ],
    }
