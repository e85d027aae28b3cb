"""A certificate transparency log that promises, and never shows a tree.

Source: RFC 6962, 3.2 and 3.3.
"""

import hashlib
import struct
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlog.trial.certificates import new_key

_SCT_LIST = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_V1, _CERTIFICATE_TIMESTAMP, _PRECERT_ENTRY = 0, 0, 1
_SHA256, _ECDSA = 4, 3


class CtLog:
    """A log of one key."""

    def __init__(self) -> None:
        self._key = new_key()

    @property
    def public_pem(self) -> bytes:
        """Its key, in PEM."""
        return self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    def promise(
        self,
        precertificate: x509.Certificate,
        issuer: ec.EllipticCurvePublicKey,
        extensions: bytes = b"",
    ) -> x509.UnrecognizedExtension:
        """Return the extension that completes a certificate which lacks just it.

        extensions: of the promise itself, opaque.
        """
        time_ms = time.time_ns() // 1_000_000
        tbs = precertificate.tbs_certificate_bytes
        signed = (
            struct.pack(">BBQH", _V1, _CERTIFICATE_TIMESTAMP, time_ms, _PRECERT_ENTRY)
            + hashlib.sha256(_spki(issuer)).digest()
            + len(tbs).to_bytes(3, "big")
            + tbs
            + _sized(extensions)
        )
        signature = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        log_id = hashlib.sha256(_spki(self._key.public_key())).digest()
        sct = (
            struct.pack(">B32sQ", _V1, log_id, time_ms)
            + _sized(extensions)
            + struct.pack(">BBH", _SHA256, _ECDSA, len(signature))
            + signature
        )
        item = struct.pack(">H", len(sct)) + sct
        listed = struct.pack(">H", len(item)) + item
        # A DER OCTET STRING, of less than 128 bytes as long as extensions are short.
        if len(listed) > 127:
            raise ValueError("the promise's extensions are too long", extensions)
        return x509.UnrecognizedExtension(
            _SCT_LIST, bytes([0x04, len(listed)]) + listed
        )


def _sized(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


def _spki(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
