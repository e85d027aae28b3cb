"""Files of signers: the key or certificate in one, and the digest that entries name.

A signer is named by the SHA-256 of its key or certificate in DER, whichever of DER and
PEM the file is in.  Nothing is parsed below PEM: the bytes are hashed as they are.
"""

import base64
import binascii
import hashlib
import re
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

MAX_SIGNER_BYTES: Final = 1 << 20
"""A file of a signer has at most so many bytes."""

_PEM: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----\s+([A-Za-z0-9+/=\s]+?)-----END \1-----"
)


def signer_sha256(path: Path) -> bytes:
    """Return the SHA-256 of the DER of the one key or certificate in a file.

    Raises FormatError for a private key, for PEM of another number of blocks, and for
    a file above MAX_SIGNER_BYTES; OSError if it cannot be read.
    """
    content = read_bounded(path, "a signer's key or certificate", MAX_SIGNER_BYTES)
    if not content.lstrip().startswith(b"-----BEGIN"):
        return hashlib.sha256(content).digest()
    ders = pem_contents(content)
    if len(ders) != 1:
        raise FormatError(f"{path} is one key or certificate, in DER or PEM", len(ders))
    return hashlib.sha256(ders[0]).digest()


def pem_contents(content: bytes) -> list[bytes]:
    """Return the DER of each PEM block; without PEM the list is empty.

    A block whose base64 is broken is passed over.  Raises FormatError for a private
    key, since no entry names its digest.
    """
    found: list[bytes] = []
    for match in _PEM.finditer(content):
        if b"PRIVATE" in match[1]:
            raise FormatError("this is a private key; its public half is meant")
        try:
            found.append(base64.b64decode(b"".join(match[2].split()), validate=True))
        except binascii.Error:
            continue
    return found
