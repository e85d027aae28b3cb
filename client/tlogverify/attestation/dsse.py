"""DSSE: signed envelopes.

    {"payload":"<base64>","payloadType":"<text>",
     "signatures":[{"keyid":"<hint>","sig":"<base64>"},...]}

A signature is over the type and the payload's bytes, never over their JSON.  That an
envelope can be parsed proves nothing; `Envelope.verify` does.

Source: DSSE v1.0.2, protocol.md and envelope.md.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tlogverify.attestation.members import (
    array_member,
    optional_text,
    parse_object,
    required_text,
)
from tlogverify.attestation.signers import SignerKey
from tlogverify.errors import FormatError, SignatureError

MAX_ENVELOPE_BYTES: Final = 1 << 24
MAX_SIGNATURES: Final = 10

_RULE: Final = "an envelope"
_TO_STANDARD: Final = str.maketrans("-_", "+/")


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed; lengths are in bytes.

    Source: DSSE protocol.md, "Signature Definition".
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True, slots=True)
class EnvelopeSignature:
    """One signature; keyid: whatever the sender wrote, "" for none.  Never trusted."""

    sig: bytes
    keyid: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload and signatures that are said to be of it."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]

    @classmethod
    def parse(cls, text: bytes) -> "Envelope":
        """Parse the JSON of one envelope; raises FormatError.

        Unknown members are ignored.  Source: DSSE envelope.md, "Parsing rules".
        """
        if len(text) > MAX_ENVELOPE_BYTES:
            raise FormatError(f"{_RULE} has at most {MAX_ENVELOPE_BYTES} bytes")
        members = parse_object(_RULE, text)
        signatures = array_member(_RULE, members, "signatures", MAX_SIGNATURES)
        return cls(
            required_text(_RULE, members, "payloadType"),
            _decode(required_text(_RULE, members, "payload")),
            tuple(
                EnvelopeSignature(
                    _decode(required_text("a signature", it, "sig")),
                    optional_text("a signature", it, "keyid"),
                )
                for it in signatures
            ),
        )

    def verify(
        self, keys: Iterable[SignerKey], threshold: int
    ) -> tuple[SignerKey, ...]:
        """Return those of `keys` that signed, once they are `threshold` different ones.

        Every signature is tried with every key: a keyid is the sender's word.  One key
        counts once, however often it signed or was given.

        Raises SignatureError if fewer signed.
        Source: DSSE protocol.md, "Multi-signature Verification".
        """
        message, trusted = pae(self.payload_type, self.payload), tuple(keys)
        signed = tuple(it for it in dict.fromkeys(trusted) if self._is_by(it, message))
        if len(signed) < max(threshold, 1):
            raise SignatureError(
                f"{len(signed)} of the trusted keys signed the envelope, "
                f"{max(threshold, 1)} must" + ("" if signed else self._why(trusted))
            )
        return signed

    def _why(self, keys: tuple[SignerKey, ...]) -> str:
        """Tell a wrong key from a wrong encoding, where that can be told."""
        if not self.signatures:
            return ": it has no signature"
        if any(self._is_by(key, self.payload) for key in keys):
            return ": a trusted key signed the bare payload, not DSSE's encoding of it"
        if any(key.could_write(it.sig) for key in keys for it in self.signatures):
            return ": another key did, or the envelope was changed since"
        found = len(self.signatures[0].sig)
        return (
            f": wrong encoding, {found} bytes in base64 are no signature by such a key "
            "(Ed25519: 64 bytes; ECDSA: DER, or r and s alone)"
        )

    def _is_by(self, key: SignerKey, message: bytes) -> bool:
        for signature in self.signatures:
            try:
                key.verify(message, signature.sig)
            except SignatureError:
                continue
            return True
        return False


def _decode(field: str) -> bytes:
    # Either alphabet is allowed, a mixture is a third spelling of the same bytes.
    standard = field.translate(_TO_STANDARD)
    mixed = standard != field and not {"+", "/"}.isdisjoint(field)
    try:
        decoded = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{_RULE} has base64", field) from None
    if mixed or base64.b64encode(decoded).decode() != standard:
        raise FormatError(f"{_RULE} has base64 in one spelling", field)
    return decoded
