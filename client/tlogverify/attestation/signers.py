"""Public keys of those who sign attestations: Ed25519, and ECDSA P-256 with SHA-256.

A key is its SubjectPublicKeyInfo, in DER: two PEM texts of one key are one key.  ECDSA
signatures are DER (RFC 3279, 2.2.3), as OpenSSL, cosign and securesystemslib write
them, or r and s alone, each as long as the curve's field (IEEE P1363), as JOSE and the
Web's crypto do.  One of the few files that import `cryptography`.

Source: RFC 5280, 4.1.2.7; RFC 8410; RFC 5480; PEM by RFC 7468.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from tlogverify.errors import FormatError, SignatureError

MAX_PEM_BYTES: Final = 16_384

_PEM: Final = re.compile(
    rb"\s*-----BEGIN PUBLIC KEY-----\s[A-Za-z0-9+/=\s]+-----END PUBLIC KEY-----\s*"
)


@dataclass(frozen=True, slots=True)
class SignerKey:
    """One public key that may sign attestations; spki: its DER, as `of_pem` makes it.

    Raises FormatError for what is no key of the two kinds.
    """

    spki: bytes

    def __post_init__(self) -> None:
        if _spki(_load(self.spki)) != self.spki:
            raise FormatError("a public key has one DER form")

    @classmethod
    def of_pem(cls, pem: bytes) -> "SignerKey":
        """Parse the PEM of one public key.

        Raises FormatError, which shows nothing of the text: it may be a private key.
        """
        if b"PRIVATE KEY" in pem:
            raise FormatError("a private key stands where a public key must")
        if len(pem) > MAX_PEM_BYTES or _PEM.fullmatch(pem) is None:
            raise FormatError("a signer's key is one PUBLIC KEY in PEM")
        return cls(_spki(_load(pem)))

    @property
    def sha256(self) -> bytes:
        """The digest by which records name the signer."""
        return hashlib.sha256(self.spki).digest()

    def verify(self, message: bytes, signature: bytes) -> None:
        """Prove that this key signed `message`; SignatureError if it is not proven."""
        key = _load(self.spki)
        try:
            if isinstance(key, Ed25519PublicKey):
                key.verify(signature, message)
            else:
                _verify_ecdsa(key, message, signature)
        except InvalidSignature:
            raise SignatureError(f"wrong signature by {self.sha256.hex()}") from None

    def could_write(self, signature: bytes) -> bool:
        """Tell whether bytes have the form of this kind of key's signatures."""
        key = _load(self.spki)
        if isinstance(key, Ed25519PublicKey):
            return len(signature) == 64
        try:
            decode_dss_signature(signature)
        except ValueError:
            return len(signature) == _raw_bytes(key)
        return True


def _verify_ecdsa(
    key: EllipticCurvePublicKey, message: bytes, signature: bytes
) -> None:
    try:
        key.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        # DER may have that length too: so it is tried first.
        if len(signature) != _raw_bytes(key):
            raise
        half = len(signature) // 2
        r, s = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
        key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))


def _raw_bytes(key: EllipticCurvePublicKey) -> int:
    return 2 * ((key.key_size + 7) // 8)


def _load(key: bytes) -> Ed25519PublicKey | EllipticCurvePublicKey:
    load = load_der_public_key if key.startswith(b"\x30") else load_pem_public_key
    try:
        loaded = load(key)
    except (ValueError, UnsupportedAlgorithm):
        raise FormatError("a signer's key is a SubjectPublicKeyInfo") from None
    if isinstance(loaded, Ed25519PublicKey):
        return loaded
    if isinstance(loaded, EllipticCurvePublicKey) and isinstance(
        loaded.curve, SECP256R1
    ):
        return loaded
    raise FormatError("a signer's key is Ed25519 or ECDSA P-256")


def _spki(key: Ed25519PublicKey | EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
