"""A signer's public key or certificate, as the log knows it, and as bundles do."""

import re
from pathlib import Path
from typing import Final

from tlogclient.signers import signer_sha256
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.lines import parse_base64
from tlogverify.sigstore import BundleKey

_LIMIT_BYTES: Final = 1 << 20
_CERTIFICATE: Final = re.compile(
    rb"\s*-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----"
)
# A DER SEQUENCE, or the first line of a PEM block.
_FORMS: Final = re.compile(rb"\x30|\s*-----BEGIN ")


def signer_digest(path: Path) -> bytes:
    """Return the SHA-256 of a key's or certificate's DER.

    Raises FormatError for a private key, and for any other file: its digest would be
    found in no entry, and nobody would learn why.  OSError if it is not readable.
    """
    content = read_bounded(path, "a signer's key or certificate", _LIMIT_BYTES)
    if _FORMS.match(content) is None:
        raise FormatError(
            f"{path} is no public key or certificate in DER or PEM", content
        )
    return signer_sha256(path)


def read_certificate(path: Path) -> BundleKey:
    """Read a certificate in PEM, the first of a chain; FormatError, or OSError."""
    content = read_bounded(path, "a certificate", _LIMIT_BYTES)
    found = _CERTIFICATE.match(content)
    if found is None:
        raise FormatError(f"{path} starts with no CERTIFICATE in PEM")
    der = parse_base64("a certificate", b"".join(found[1].split()))
    return BundleKey(der, is_certificate=True)
