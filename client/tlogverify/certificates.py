"""Who a certificate names: its subject's identities and the issuer of those.

A certificate is read here and not judged: whether a trusted authority made it is asked
by those who verify signatures.

Source: RFC 5280, 4.2.1.6; Fulcio, `docs/oid-info.md` (1.3.6.1.4.1.57264.1).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.x509.extensions import ExtensionNotFound

from tlogverify.errors import FormatError

MAX_IDENTITIES: Final = 64

_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_OLD_ISSUER: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
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
        extensions = certificate.extensions
        identities = tuple(_identities(extensions))
        issuer = _issuer(extensions)
    # What the library says of bytes that are none, in its many ways.
    except (ValueError, TypeError, x509.DuplicateExtension) as error:
        raise FormatError(f"a certificate cannot be read: {error}"[:200]) from None
    except x509.UnsupportedGeneralNameType as error:
        raise FormatError(f"a certificate has an unknown name: {error}"[:200]) from None
    if len(identities) > MAX_IDENTITIES:
        raise FormatError(
            f"a certificate names at most {MAX_IDENTITIES} identities", len(identities)
        )
    return CertificateNames(identities, issuer)


def _identities(extensions: x509.Extensions) -> Iterator[str]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except ExtensionNotFound:
        return
    for name in found.value:
        if isinstance(name, x509.OtherName):
            text = _utf8_string(name.value)
            if text is not None:
                yield text
        elif isinstance(
            name, x509.RFC822Name | x509.UniformResourceIdentifier | x509.DNSName
        ):
            yield name.value


def _issuer(extensions: x509.Extensions) -> str | None:
    """Return the issuer by Fulcio's extension, or by the one that it replaced."""
    raw = {
        it.oid: it.value.value
        for it in extensions
        if isinstance(it.value, x509.UnrecognizedExtension)
    }
    if _ISSUER in raw:
        return _utf8_string(raw[_ISSUER])
    return raw[_OLD_ISSUER].decode() if _OLD_ISSUER in raw else None


def _utf8_string(der: bytes) -> str | None:
    """Return a DER UTF8String's text, None for another type; ValueError if broken."""
    if not der.startswith(_UTF8_STRING):
        return None
    for octets in range(4):
        text = der[2 + octets :]
        if der == _UTF8_STRING + _der_length(len(text)) + text:
            return text.decode("utf-8")
    raise ValueError("a UTF8String's length")


def _der_length(size: int) -> bytes:
    """Return a length as DER writes it: by as few octets as can be."""
    if size < 0x80:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets
