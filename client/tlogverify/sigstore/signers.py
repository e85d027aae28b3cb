"""Keys that sign what bundles hold: of a public key, or of a certificate.

    PKIX_ECDSA_P256_SHA_256  P384  P521    ECDSA, signatures in DER
    PKIX_RSA_PKCS1V15_2048_SHA256  3072  4096
    PKIX_ED25519_PH                        Ed25519ph without context

A signature is over a digest, by the hash that goes with the key.  A certificate gives
its key and nothing else: nobody here says whose key that is.

Source: sigstore architecture-docs, algorithm-registry; RFC 5280, 4.1.2.7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.x509 import load_der_x509_certificate

from tlogverify.attestation.signers import MAX_PEM_BYTES
from tlogverify.certificates import certificate_names
from tlogverify.errors import FormatError, SignatureError
from tlogverify.rekor import HASH_OF, Signature
from tlogverify.sigstore.ed25519ph import verify_ed25519ph

_HASHES: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "SHA2_256": hashes.SHA256(),
    "SHA2_384": hashes.SHA384(),
    "SHA2_512": hashes.SHA512(),
}
_CURVES: Final = {
    "secp256r1": "PKIX_ECDSA_P256_SHA_256",
    "secp384r1": "PKIX_ECDSA_P384_SHA_384",
    "secp521r1": "PKIX_ECDSA_P521_SHA_512",
}
_MODULI: Final = {
    2048: "PKIX_RSA_PKCS1V15_2048_SHA256",
    3072: "PKIX_RSA_PKCS1V15_3072_SHA256",
    4096: "PKIX_RSA_PKCS1V15_4096_SHA256",
}
# Go refuses larger ones, and so do all who verify with it.
_MAX_EXPONENT: Final = 2**31 - 1


def curve_or_modulus(key: object) -> str | None:
    """Return the details of an ECDSA or RSA key; None for every other key."""
    if isinstance(key, EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name)
    if isinstance(key, RSAPublicKey):
        is_small = key.public_numbers().e <= _MAX_EXPONENT
        return _MODULI.get(key.key_size) if is_small else None
    return None


@dataclass(frozen=True, slots=True)
class BundleKey:
    """A key that may have signed; der: its SPKI, or the certificate that it is in.

    Raises FormatError for what is neither, and for a key that no log takes.
    """

    der: bytes
    is_certificate: bool = False

    def __post_init__(self) -> None:
        if self.is_certificate:
            # Whatever cannot be read of it is refused here.
            certificate_names(self.der)
        elif _spki(_load(self.der)) != self.der:
            raise FormatError("a public key has one DER form")
        self.details  # noqa: B018 - refuses a key of another kind

    @classmethod
    def of_pem(cls, pem: bytes) -> "BundleKey":
        """Parse the PEM of one public key.

        Raises FormatError, which shows nothing of the text: it may be a private key.
        """
        if b"PRIVATE KEY" in pem:
            raise FormatError("a private key stands where a public key must")
        if len(pem) > MAX_PEM_BYTES or pem.count(b"-----BEGIN PUBLIC KEY-----") != 1:
            raise FormatError("a signer's key is one PUBLIC KEY in PEM")
        return cls(_spki(_load(pem)))

    @property
    def spki(self) -> bytes:
        """The public key's DER, also of a certificate."""
        return _spki(self._key())

    @property
    def details(self) -> str:
        """What a log calls this kind of key: a name of `HASH_OF`."""
        key = self._key()
        found = curve_or_modulus(key)
        if isinstance(key, Ed25519PublicKey):
            found = "PKIX_ED25519_PH"
        if found is None:
            raise FormatError(f"a signer's key is one of {', '.join(HASH_OF)}")
        return found

    @property
    def algorithm(self) -> str:
        """The hash that its signatures are over, as a log names it."""
        return HASH_OF[self.details]

    def digest(self, message: bytes) -> bytes:
        """Return the digest of a message that a signature would be over."""
        hasher = hashes.Hash(_HASHES[self.algorithm])
        hasher.update(message)
        return hasher.finalize()

    def made(self, signature: Signature) -> bool:
        """Tell whether a log's entry names this key or certificate, bytes for bytes."""
        return (self.der, self.is_certificate, self.details) == (
            signature.der,
            signature.is_certificate,
            signature.details,
        )

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Prove that this key signed a digest; SignatureError if it is not proven."""
        key, prehashed = self._key(), Prehashed(_HASHES[self.algorithm])
        try:
            if isinstance(key, EllipticCurvePublicKey):
                key.verify(signature, digest, ECDSA(prehashed))
                return
            if isinstance(key, RSAPublicKey):
                key.verify(signature, digest, padding.PKCS1v15(), prehashed)
                return
        except InvalidSignature:
            raise SignatureError(
                "the signature is not of this key and of what is signed"
            ) from None
        # `details` knows no other kind.
        raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        verify_ed25519ph(raw, digest, signature)

    def _key(self) -> PublicKeyTypes:
        if not self.is_certificate:
            return _load(self.der)
        try:
            return load_der_x509_certificate(self.der).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise FormatError("a certificate's key cannot be read") from None


def _load(key: bytes) -> PublicKeyTypes:
    load = load_der_public_key if key.startswith(b"\x30") else load_pem_public_key
    try:
        return load(key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a signer's key is a SubjectPublicKeyInfo") from None


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
