"""The keys that a Rekor entry may be signed with, and whether one of them signed.

    PKIX_ECDSA_P256_SHA_256          5    ECDSA, DER signatures
    PKIX_ED25519_PH                  8    Ed25519ph without context
    PKIX_RSA_PKCS1V15_2048_SHA256    9    PKCS#1 v1.5
    PKIX_RSA_PKCS1V15_3072_SHA256   10
    PKIX_RSA_PKCS1V15_4096_SHA256   11
    PKIX_ECDSA_P384_SHA_384         12
    PKIX_ECDSA_P521_SHA_512         13

A signature is over a digest that the sender states: the artifact is never here.  A
certificate's key is used, and its names must be readable; nothing else is required of
it.

Source: sigstore/protobuf-specs, `PublicKeyDetails`; RFC 8032, 5.1 (Ed25519ph).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from Crypto.Hash import SHA512
from Crypto.Signature import eddsa
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)
from cryptography.x509 import load_der_x509_certificate

from tlogverify.certificates import certificate_names
from tlogverify.errors import FormatError
from tlogverify.rekor import HASH_OF, SHA2_BYTES
from tlogverify.sigstore.signers import curve_or_modulus

DETAILS_BY_NUMBER: Final[Mapping[int, str]] = {
    5: "PKIX_ECDSA_P256_SHA_256",
    8: "PKIX_ED25519_PH",
    9: "PKIX_RSA_PKCS1V15_2048_SHA256",
    10: "PKIX_RSA_PKCS1V15_3072_SHA256",
    11: "PKIX_RSA_PKCS1V15_4096_SHA256",
    12: "PKIX_ECDSA_P384_SHA_384",
    13: "PKIX_ECDSA_P521_SHA_512",
}

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA2_256": hashes.SHA256(),
    "SHA2_384": hashes.SHA384(),
    "SHA2_512": hashes.SHA512(),
}

_POINT_BYTES: Final = 32
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_NEUTRAL: Final = (0, 1)

_Key = ec.EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey


class EntrySigner(NamedTuple):
    """A key that is allowed: one row of the table above.

    details: which.  der: as it was sent, an SPKI or a certificate.
    """

    key: _Key
    details: str
    der: bytes
    is_certificate: bool

    @property
    def algorithm(self) -> str:
        """The hash that its signatures are over, a key of `SHA2_BYTES`."""
        return HASH_OF[self.details]

    def digest(self, message: bytes) -> bytes:
        """Return the digest of a message that this key's signature would be over."""
        hasher = hashes.Hash(_HASHES[self.algorithm])
        hasher.update(message)
        return hasher.finalize()

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Prove that the key signed `digest`; FormatError if it did not.

        That is the sender's mistake, and not a claim that somebody may rely on.
        """
        if len(digest) != SHA2_BYTES[self.algorithm]:
            size = SHA2_BYTES[self.algorithm]
            raise FormatError(f"a digest for this key has {size} bytes", len(digest))
        try:
            if isinstance(self.key, Ed25519PublicKey):
                _verify_ed25519ph(self.key, digest, signature)
                return
            prehashed = Prehashed(_HASHES[self.algorithm])
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, digest, padding.PKCS1v15(), prehashed)
            else:
                self.key.verify(signature, digest, ec.ECDSA(prehashed))
        except (InvalidSignature, ValueError):
            raise FormatError("the signature is not of this key and digest") from None


def open_signer(details: str | int, der: bytes, *, is_certificate: bool) -> EntrySigner:
    """Return the key of an SPKI or a certificate, if it is allowed.

    details: by name or by number, what the sender says of it.

    Raises FormatError for a key that cannot be read, is not in the table, or is not
    what the details say.
    """
    if is_certificate:
        return _allowed(details, _certified_key(der), der, is_certificate=True)
    return _open_key(details, der)


# Who signs with a key sends it each time; a certificate rarely comes twice.
@lru_cache(maxsize=256)
def _open_key(details: str | int, der: bytes) -> EntrySigner:
    return _allowed(details, _public_key(der), der, is_certificate=False)


def _allowed(
    details: str | int, key: object, der: bytes, *, is_certificate: bool
) -> EntrySigner:
    named = DETAILS_BY_NUMBER.get(details) if isinstance(details, int) else details
    if named is None or named not in HASH_OF:
        raise FormatError(f"keyDetails is one of {', '.join(HASH_OF)}", details)
    found = curve_or_modulus(key)
    if isinstance(key, Ed25519PublicKey):
        found = "PKIX_ED25519_PH"
    if found != named or not isinstance(key, _Key):
        raise FormatError(f"keyDetails of this key is {found or 'none allowed'}", named)
    return EntrySigner(key, named, der, is_certificate)


def _public_key(der: bytes) -> object:
    try:
        key = load_der_public_key(der)
        encoded = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a public key is a DER SubjectPublicKeyInfo") from None
    if encoded != der:
        # PKCS #1, or another spelling of the same key.
        raise FormatError("a public key is a DER SubjectPublicKeyInfo, in its one form")
    return key


def _certified_key(der: bytes) -> object:
    # Whatever cannot be read of it is refused here.
    certificate_names(der)
    try:
        return load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a certificate's key cannot be read") from None


class _Prehashed(SHA512.SHA512Hash):
    """A SHA-512 that is known already: what an Ed25519ph verifier asks of a hash."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(b"", None)
        self._known = digest

    def digest(self) -> bytes:  # type: ignore[explicit-override]  # typing: from 3.12
        """Return the digest."""
        return self._known


def _verify_ed25519ph(key: Ed25519PublicKey, digest: bytes, signature: bytes) -> None:
    public = eddsa.import_public_key(key.public_bytes_raw())
    commitment = eddsa.import_public_key(signature[:_POINT_BYTES])
    # This library multiplies by the cofactor and Go's does not: they agree where key
    # and commitment have no part of small order.
    if any((it.pointQ * _ORDER).xy != _NEUTRAL for it in (public, commitment)):
        raise ValueError("a point with a part of small order")
    # With the neutral element as its key, a signature can be made for every message.
    if public.pointQ.xy == _NEUTRAL:
        raise ValueError("the neutral element is no key")
    eddsa.new(public, "rfc8032").verify(_Prehashed(digest), signature)
