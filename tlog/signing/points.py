"""What tokens and agents say of a key, in the bytes that `cryptography` reads.  PURE.

Source: PKCS #11 3.0, section 2.3 (CKA_EC_POINT): the DER of an OCTET STRING, which many
tokens leave away.  SEC 1, section 2.3.3 (a P-256 point is 04 || x || y).
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tlogverify.errors import FormatError

_ED25519_BYTES: Final = 32
_P256_BYTES: Final = 65
_SCALAR_BYTES: Final = 32
_OCTET_STRING: Final = 0x04


def ed25519_point(value: bytes) -> Ed25519PublicKey:
    """Read an EC_POINT of edwards25519 in either spelling; raises FormatError."""
    return Ed25519PublicKey.from_public_bytes(_bare(value, _ED25519_BYTES))


def p256_point(value: bytes) -> EllipticCurvePublicKey:
    """Read an EC_POINT of P-256 in either spelling; raises FormatError."""
    point = _bare(value, _P256_BYTES)
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError:
        raise FormatError("the token's EC_POINT is not on P-256") from None


def ecdsa_der(raw: bytes) -> bytes:
    """Return r || s, 32 bytes each, as the DER that everybody else writes."""
    if len(raw) != 2 * _SCALAR_BYTES:
        raise FormatError("a P-256 signature of a token has 64 bytes", len(raw))
    r, s = raw[:_SCALAR_BYTES], raw[_SCALAR_BYTES:]
    return encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))


def _bare(value: bytes, length: int) -> bytes:
    # The two spellings differ in length, so that no value can be read in both ways.
    if len(value) == length:
        return value
    if len(value) == length + 2 and value[:2] == bytes([_OCTET_STRING, length]):
        return value[2:]
    raise FormatError(f"the token's EC_POINT is no point of {length} bytes", len(value))
