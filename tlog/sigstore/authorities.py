"""Authorities out of PEM files: chains of certificates, keys of CT logs.

A chain stands leaf-most first and ends with its root; each certificate is signed by the
next.  Whether an authority deserves trust is asked of nobody: the operator says so.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DuplicateExtension,
    ExtendedKeyUsage,
    ExtensionNotFound,
    InvalidVersion,
    UnsupportedGeneralNameType,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tlog.sigstore.instance import require_url
from tlog.sigstore.neighbours import Document
from tlog.sigstore.validity import EPOCH
from tlogverify.errors import FormatError
from tlogverify.lines import encode_base64
from tlogverify.sigstore.signers import curve_or_modulus

MAX_PEM_BYTES: Final = 1 << 20
MAX_CHAIN: Final = 16

_NONE: Final = (ValueError, InvalidVersion, CryptographyDeprecationWarning)
_NO_EXTENSION: Final = (
    ValueError,
    ExtensionNotFound,
    DuplicateExtension,
    UnsupportedGeneralNameType,
)


def certificate_authority(url: str, pem: bytes) -> Document:
    """Return a TrustedRoot's item for a Fulcio: its chain, of authorities alone."""
    require_url("Fulcio's URL", url)
    chain = _parse_pem_chain(pem)
    require_certificate_authority(chain)
    return _authority(url, chain)


def timestamp_authority(url: str, pem: bytes) -> Document:
    """Return a TrustedRoot's item for a TSA: from what signs times up to the root."""
    require_url("the timestamp authority's URL", url)
    chain = _parse_pem_chain(pem)
    require_timestamp_authority(chain)
    return _authority(url, chain)


def ct_log(url: str, pem: bytes) -> Document:
    """Return a TrustedRoot's item for a certificate transparency log.

    Its validity starts with the epoch: a log promised long before ours was there, and
    clients compare the promise's time.
    """
    require_url("the CT log's URL", url)
    if _count_blocks(pem) > 1:
        raise FormatError("a CT log's key is one public key in PEM")
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError("a CT log's key is a public key in PEM") from None
    details = _details_of(key)
    if details is None:
        raise FormatError("a CT log's key is ECDSA, RSA or Ed25519 of a known size")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": encode_base64(der),
            "keyDetails": details,
            "validFor": {"start": EPOCH},
        },
        "logId": {"keyId": encode_base64(hashlib.sha256(der).digest())},
    }


def parse_key(rule: str, der: bytes) -> object:
    """Return a public key out of DER: SubjectPublicKeyInfo, or RSA's own form."""
    try:
        return load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise FormatError(f"{rule} is a public key in DER") from None


def details_of(key: object) -> tuple[str, ...]:
    """Return what a TrustedRoot may call the key; nothing if clients cannot read it."""
    details = _details_of(key)
    if details is None:
        return ()
    if isinstance(key, RSAPublicKey):
        # The old name, without the size: a public log of 2021 has it.
        return (details, "PKCS1_RSA_PKCS1V5")
    return (details,)


def parse_certificates(ders: Sequence[bytes]) -> list[Certificate]:
    """Return certificates out of DER; raises FormatError."""
    try:
        with _strictly():
            return [load_der_x509_certificate(der) for der in ders]
    except _NONE:
        raise FormatError("a chain is of X.509 certificates") from None


def require_certificate_authority(chain: Sequence[Certificate]) -> None:
    """Raise FormatError unless it is a Fulcio's: whole, and authorities alone."""
    _require_chain(chain)
    if not all(_is_authority(certificate) for certificate in chain):
        raise FormatError("Fulcio's chain is of certificate authorities alone")


def require_timestamp_authority(chain: Sequence[Certificate]) -> None:
    """Raise FormatError unless it is whole and starts with what signs times."""
    _require_chain(chain)
    if len(chain) < 2:
        raise FormatError(
            "a timestamp authority's chain has its own certificate and a root",
            len(chain),
        )
    if not _stamps_times(chain[0]):
        raise FormatError("a timestamp authority's chain starts with what signs times")


def _count_blocks(pem: bytes) -> int:
    begun, ended = pem.count(b"-----BEGIN "), pem.count(b"-----END ")
    if begun != ended:
        raise FormatError("PEM has an END for each BEGIN: the file is cut", begun)
    return begun


def _parse_pem_chain(pem: bytes) -> list[Certificate]:
    _count_blocks(pem)
    try:
        with _strictly():
            return load_pem_x509_certificates(pem)
    except _NONE:
        raise FormatError("a chain is certificates in PEM") from None


@contextmanager
def _strictly() -> Iterator[None]:
    """Have what the library only warns of, and will refuse, refused today."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        yield


def _require_chain(chain: Sequence[Certificate]) -> None:
    if not 0 < len(chain) <= MAX_CHAIN:
        raise FormatError(f"a chain has 1 to {MAX_CHAIN} certificates", len(chain))
    for number, (certificate, issuer) in enumerate(
        zip(chain, [*chain[1:], chain[-1]], strict=True), 1
    ):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            raise FormatError(
                "in a chain each certificate is signed by the next, the last by itself",
                number,
            ) from None


def _authority(url: str, chain: Sequence[Certificate]) -> Document:
    start = max(certificate.not_valid_before_utc for certificate in chain)
    return {
        "subject": {
            "organization": _name(chain[-1], NameOID.ORGANIZATION_NAME),
            "commonName": _name(chain[-1], NameOID.COMMON_NAME),
        },
        "uri": url,
        "certChain": {
            "certificates": [
                {"rawBytes": encode_base64(certificate.public_bytes(Encoding.DER))}
                for certificate in chain
            ]
        },
        # What was signed before all of the chain was valid cannot be by it.
        "validFor": {"start": start.strftime("%Y-%m-%dT%H:%M:%SZ")},
    }


def _name(certificate: Certificate, oid: ObjectIdentifier) -> str:
    try:
        found = certificate.subject.get_attributes_for_oid(oid)
    except ValueError:
        raise FormatError("a root's subject is a name that can be read") from None
    return str(found[0].value) if found else ""


def _is_authority(certificate: Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except _NO_EXTENSION:
        return False


def _stamps_times(certificate: Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(ExtendedKeyUsage)
    except _NO_EXTENSION:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in found.value


def _details_of(key: object) -> str | None:
    return (
        "PKIX_ED25519" if isinstance(key, Ed25519PublicKey) else curve_or_modulus(key)
    )
