"""Verifier keys: who may sign, and with what.

    <name> + "+" + <8 lower-case hex: key id> + "+" + base64(<type> || <public key>)

The id of a key is not secret and not collision-resistant: a key is named by its name
*and* its id, and trusted by its public bytes alone.  An id that does not belong to the
key is refused.  Attestations are signed with other keys, which
`tlogverify.attestation.signers` reads.

Source: C2SP signed-note, "Verifier keys" and "Signature types".
"""

import hashlib
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from tlogverify.errors import FormatError, SignatureError
from tlogverify.lines import encode_base64, parse_base64, parse_text

MAX_NAME_BYTES: Final = 255

_HEX_ID: Final = re.compile(rb"[0-9a-f]{8}")


class KeyType(IntEnum):
    """Signature types that a checkpoint can carry and this package can verify."""

    ED25519 = 0x01
    """Ed25519 over the note's text."""
    COSIGNATURE = 0x04
    """Timestamped Ed25519 cosignature."""
    MLDSA44 = 0x06
    """Timestamped ML-DSA-44 cosignature."""


_PUBLIC_BYTES: Final = {
    KeyType.ED25519: 32,
    KeyType.COSIGNATURE: 32,
    KeyType.MLDSA44: 1312,
}


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """One public key under one name.

    Raises FormatError unless name and length are what the type allows.
    """

    name: str
    key_type: KeyType
    public_bytes: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name)
        if len(self.public_bytes) != _PUBLIC_BYTES[self.key_type]:
            raise FormatError("the public key's length", len(self.public_bytes))

    @property
    def key_hash(self) -> bytes:
        """The 32 bytes whose first 4 are the id; Sigstore's name of a log."""
        named = f"{self.name}\n".encode() + bytes([self.key_type]) + self.public_bytes
        return hashlib.sha256(named).digest()

    @property
    def key_id(self) -> bytes:
        """The 4 bytes that stand before this key's signatures."""
        return self.key_hash[:4]

    def encode(self) -> str:
        """Return the key as its one line of text, without LF."""
        material = encode_base64(bytes([self.key_type]) + self.public_bytes)
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verify(self, message: bytes, signature: bytes) -> None:
        """Prove that this key signed `message`; SignatureError if it is not proven."""
        try:
            if self.key_type is KeyType.MLDSA44:
                mldsa = MLDSA44PublicKey.from_public_bytes(self.public_bytes)
                mldsa.verify(signature, message)
            else:
                ed25519 = Ed25519PublicKey.from_public_bytes(self.public_bytes)
                ed25519.verify(signature, message)
        # A build of cryptography may lack ML-DSA: then nothing is proven either.
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            raise SignatureError(f"wrong signature by {self.name}") from None


def parse_verifier_key(line: bytes) -> VerifierKey:
    """Parse the one line of text of a key, without LF.

    Raises FormatError for unknown types and for an id that is not the key's.
    """
    # The base64 may hold a plus sign too: only the first two are separators.
    fields = line.split(b"+", 2)
    if len(fields) != 3:
        raise FormatError("a verifier key is <name>+<id>+<key>", line)
    name, key_id, material = fields
    if _HEX_ID.fullmatch(key_id) is None:
        raise FormatError("a key id is 8 lower-case hex digits", key_id)
    decoded = parse_base64("a verifier key", material)
    known = {int(key_type) for key_type in KeyType}
    if decoded[:1] == b"" or decoded[0] not in known:
        raise FormatError("the key type is not 01, 04 or 06", decoded[:1])
    key = VerifierKey(parse_text("a key name", name), KeyType(decoded[0]), decoded[1:])
    if key.key_id.hex().encode() != key_id:
        raise FormatError(f"the key's id is {key.key_id.hex()}", key_id)
    return key


def require_key_name(name: str) -> None:
    """Raise FormatError unless `name` can stand on a signature line."""
    if not 0 < len(name.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES:
        raise FormatError(f"a key name has 1 to {MAX_NAME_BYTES} bytes", name)
    bad = any(char.isspace() or char == "+" or char < "\x20" for char in name)
    if bad or not _is_unicode(name):
        raise FormatError("a key name has no space, plus sign or control", name)


def _is_unicode(name: str) -> bool:
    # A lone surrogate has no UTF-8 form.
    return not any("\ud800" <= char <= "\udfff" for char in name)
