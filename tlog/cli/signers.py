"""A signer's public key or certificate, as the log knows it."""

import re
from pathlib import Path
from typing import Final

from tlogclient.signers import signer_sha256
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

_LIMIT_BYTES: Final = 1 << 20
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
