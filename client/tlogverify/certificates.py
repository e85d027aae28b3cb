"""Who a certificate names: its subject's identities and the issuer of those.

A certificate is read here and not judged: whether a trusted authority made it is asked
by those who verify signatures.

Source: RFC 5280, 4.2.1.6; Fulcio, `docs/oid-info.md` (1.3.6.1.4.1.57264.1).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.extensions import ExtensionNotFound

from tlogverify.errors import FormatError

MAX_IDENTITIES: Final = 64

_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_OLD_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_USER_NAME: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
_IA5: Final = re.compile(r"[ -~]*")
_UTF8_STRING: Final = b"\x0c"


class CertificateNames(NamedTuple):
    """Whom a certificate names.

    identities: e-mail addresses, URIs, host names and user names of the subject's
    alternative names.  issuer: of the identity, as Fulcio states it, or None.
    """

    identities: tuple[str, ...]
    issuer: str | None


def certificate_names(der: bytes) -> CertificateNames:
    """Return whom the certificate names.

    Raises FormatError if it, or one of these names, cannot be read, or if it has more
    than MAX_IDENTITIES of them.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.serial_number < 0:
            raise ValueError("its serial number is negative")
        extensions = certificate.extensions
        identities = tuple(_identities(extensions))
    # Bytes that strangers sent end in errors of a dozen kinds, documented or not.
    except Exception as error:  # noqa: BLE001 - turned into our own on the spot
        raise FormatError(f"a certificate cannot be read: {error}"[:200]) from None
    if len(identities) > MAX_IDENTITIES:
        raise FormatError(
            f"a certificate names at most {MAX_IDENTITIES} identities", len(identities)
        )
    return CertificateNames(identities, _issuer(extensions))


def _identities(extensions: x509.Extensions) -> Iterator[str]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except ExtensionNotFound:
        return
    for name in found.value:
        if isinstance(name, x509.OtherName):
            if name.type_id == _USER_NAME:
                yield _utf8_string(name.value)
        elif isinstance(
            name, x509.RFC822Name | x509.UniformResourceIdentifier | x509.DNSName
        ):
            if _IA5.fullmatch(name.value) is None:
                raise ValueError("a name in it is not printable ASCII")
            yield name.value


def _issuer(extensions: x509.Extensions) -> str | None:
    """Return the issuer by Fulcio's extension, else by the one that it replaced.

    An issuer that cannot be read counts as absent: nobody accepts an identity by it.
    """
    raw = {
        it.oid: it.value.value
        for it in extensions
        if isinstance(it.value, x509.UnrecognizedExtension)
    }
    with suppress(KeyError, ValueError):
        return _utf8_string(raw[_ISSUER])
    with suppress(KeyError, ValueError):
        return raw[_OLD_ISSUER].decode()
    return None


def _utf8_string(der: bytes) -> str:
    """Return a DER UTF8String's text; ValueError for anything else."""
    for octets in range(4):
        text = der[2 + octets :]
        if der == _UTF8_STRING + _der_length(len(text)) + text:
            return text.decode("utf-8")
    raise ValueError("a name in it is no UTF8String")


def _der_length(size: int) -> bytes:
    """Return a length as DER writes it: by as few octets as can be."""
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
