"""Requests of Sigstore's clients: parsed, checked, and turned into leaf bytes.

    {"hashedRekordRequestV002":{
       "digest":"<base64>",
       "signature":{"content":"<base64>","verifier":{
         "keyDetails":"PKIX_ECDSA_P256_SHA_256",
         "publicKey":{"rawBytes":"<base64>"}}}}}               or "x509Certificate"

    {"dsseRequestV002":{
       "envelope":{"payload":"<base64>","payloadType":"...","signatures":[
         {"sig":"<base64>","keyid":"..."},...]},
       "verifiers":[{"keyDetails":...,"publicKey":...},...]}}

What comes out is what the log keeps: digests, signatures and keys.  An envelope's
payload is hashed here, and nowhere kept.

Source: sigstore/protobuf-specs, `rekor/v2`; sigstore/rekor-tiles, "hashedrekord".
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tlog.entries.protojson import (
    Message,
    parse_message,
    read_bytes,
    read_enum,
    read_list,
    read_message,
    read_text,
)
from tlog.entries.signers import EntrySigner, open_signer
from tlogverify.attestation.dsse import pae
from tlogverify.errors import FormatError
from tlogverify.rekor import MAX_SIGNATURES, RekorEntry, Signature

DsseForm = Literal["hashedrekord", "legacy", "reject"]
"""What a DSSE request is logged as, if it is taken."""

MAX_BODY_BYTES: Final = 256 << 10
"""The most bytes of a request that has no payload in it."""
MAX_DSSE_BODY_BYTES: Final = 4 << 20

_HASHEDREKORD: Final = "hashedRekordRequestV002"
_DSSE: Final = "dsseRequestV002"
_KEY: Final = "publicKey"
_CERTIFICATE: Final = "x509Certificate"

_BODY: Final = frozenset({_HASHEDREKORD, _DSSE})
_REQUEST: Final = frozenset({"digest", "signature"})
_SIGNATURE: Final = frozenset({"content", "verifier"})
_VERIFIER: Final = frozenset({_KEY, _CERTIFICATE, "keyDetails"})
_BYTES: Final = frozenset({"rawBytes"})
_DSSE_REQUEST: Final = frozenset({"envelope", "verifiers"})
_ENVELOPE: Final = frozenset({"payload", "payloadType", "signatures"})
_ENVELOPE_SIGNATURE: Final = frozenset({"sig", "keyid"})


class StatedSigner(NamedTuple):
    """A key as a request states it: its details, its bytes, and what these are."""

    details: str | int
    der: bytes
    is_certificate: bool

    def open(self) -> EntrySigner:
        """Return the key, if it is allowed; raises FormatError."""
        return open_signer(self.details, self.der, is_certificate=self.is_certificate)


@dataclass(frozen=True, slots=True)
class HashedRekordRequest:
    """A signature over a digest; neither is empty, and nothing is checked yet."""

    digest: bytes
    signature: bytes
    signer: StatedSigner


@dataclass(frozen=True, slots=True)
class DsseRequest:
    """An envelope and the keys of its signatures, 1 to 10 each; nothing is checked."""

    payload: bytes
    payload_type: str
    signatures: tuple[bytes, ...]
    signers: tuple[StatedSigner, ...]


def max_body_bytes(dsse: DsseForm) -> int:
    """Return the most that a request's body may have."""
    return MAX_BODY_BYTES if dsse == "reject" else MAX_DSSE_BODY_BYTES


def parse_rekor_request(body: bytes) -> HashedRekordRequest | DsseRequest:
    """Parse a body; raises FormatError naming the first rule that it breaks."""
    message = parse_message(body, _BODY)
    if len(message) != 1:
        raise FormatError(f"the body is one of {_HASHEDREKORD}, {_DSSE}", len(message))
    if _HASHEDREKORD in message:
        return _parse_hashedrekord(message[_HASHEDREKORD])
    return _parse_dsse(message[_DSSE])


def leaf_of_request(
    request: HashedRekordRequest | DsseRequest, dsse: DsseForm
) -> bytes:
    """Check a request's signatures and return the bytes of its entry.

    Costs up to a hundred signature checks: it belongs on a thread.

    Raises FormatError naming the first rule that the request breaks.
    """
    if isinstance(request, HashedRekordRequest):
        return _leaf_of_hashedrekord(request)
    if dsse == "reject":
        raise FormatError(f"this log takes no {_DSSE}: send {_HASHEDREKORD}")
    if dsse == "legacy":
        return _leaf_of_dsse(request)
    if (len(request.signatures), len(request.signers)) != (1, 1):
        raise FormatError("this log takes envelopes of one signature and one verifier")
    signer = request.signers[0].open()
    digest = signer.digest(pae(request.payload_type, request.payload))
    signer.verify(digest, request.signatures[0])
    return _hashedrekord(digest, request.signatures[0], signer)


def _leaf_of_hashedrekord(request: HashedRekordRequest) -> bytes:
    signer = request.signer.open()
    signer.verify(request.digest, request.signature)
    return _hashedrekord(request.digest, request.signature, signer)


def _hashedrekord(digest: bytes, signature: bytes, signer: EntrySigner) -> bytes:
    signatures = (_signature(signature, signer),)
    return RekorEntry("hashedrekord", signer.algorithm, digest, signatures).encode()


def _leaf_of_dsse(request: DsseRequest) -> bytes:
    """Return the leaf of kind dsse; each signature must be of some given key."""
    signers = [stated.open() for stated in request.signers]
    message = pae(request.payload_type, request.payload)
    digests = {it.algorithm: it.digest(message) for it in signers}
    signatures = [
        _signature(content, _signer(content, signers, digests))
        for content in sorted(request.signatures)
    ]
    payload_hash = hashlib.sha256(request.payload).digest()
    return RekorEntry("dsse", "SHA2_256", payload_hash, tuple(signatures)).encode()


def _signer(
    content: bytes, signers: list[EntrySigner], digests: dict[str, bytes]
) -> EntrySigner:
    """Return the first of `signers` that made a signature."""
    for signer in signers:
        try:
            signer.verify(digests[signer.algorithm], content)
        except FormatError:
            continue
        return signer
    raise FormatError("a signature of the envelope is of none of the verifiers")


def _signature(content: bytes, signer: EntrySigner) -> Signature:
    return Signature(content, signer.details, signer.der, signer.is_certificate)


def _parse_hashedrekord(value: object) -> HashedRekordRequest:
    members = read_message(_HASHEDREKORD, value, _REQUEST)
    signature = _required_message("signature", members, "signature", _SIGNATURE)
    return HashedRekordRequest(
        signature=_required_bytes("signature.content", signature, "content"),
        signer=_parse_signer(signature.get("verifier")),
        digest=_required_bytes("digest", members, "digest"),
    )


def _parse_dsse(value: object) -> DsseRequest:
    members = read_message(_DSSE, value, _DSSE_REQUEST)
    envelope = _required_message("envelope", members, "envelope", _ENVELOPE)
    payload = read_bytes("envelope.payload", envelope, "payload")
    payload_type = read_text("envelope.payloadType", envelope, "payloadType")
    signatures = read_list("envelope.signatures", envelope, "signatures")
    signers = read_list("verifiers", members, "verifiers")
    for rule, found in (("signatures", signatures), ("verifiers", signers)):
        if not 0 < len(found) <= MAX_SIGNATURES:
            raise FormatError(f"there are 1 to {MAX_SIGNATURES} {rule}", len(found))
    return DsseRequest(
        payload,
        payload_type,
        tuple(_parse_signature(it) for it in signatures),
        tuple(_parse_signer(it) for it in signers),
    )


def _parse_signature(value: object) -> bytes:
    members = read_message("a signature", value, _ENVELOPE_SIGNATURE)
    # A hint that nothing depends on; it must be a text all the same.
    read_text("keyid", members, "keyid")
    return _required_bytes("a signature's sig", members, "sig")


def _parse_signer(value: object) -> StatedSigner:
    if value is None:
        raise FormatError("a signature has a verifier")
    members = read_message("a verifier", value, _VERIFIER)
    given = [name for name in (_KEY, _CERTIFICATE) if name in members]
    if len(given) != 1:
        raise FormatError(f"a verifier has one of {_KEY}, {_CERTIFICATE}", len(given))
    member = read_message(given[0], members[given[0]], _BYTES)
    return StatedSigner(
        der=_required_bytes(f"{given[0]}.rawBytes", member, "rawBytes"),
        details=read_enum("keyDetails", members, "keyDetails"),
        is_certificate=given[0] == _CERTIFICATE,
    )


def _required_message(
    rule: str, message: Message, name: str, names: frozenset[str]
) -> Message:
    if name not in message:
        raise FormatError(f"{rule} is missing")
    return read_message(rule, message[name], names)


def _required_bytes(rule: str, message: Message, name: str) -> bytes:
    value = read_bytes(rule, message, name)
    if not value:
        raise FormatError(f"{rule} is missing or empty")
    return value
