"""Ed25519ph signatures verified, because `cryptography` has Ed25519 alone.

    S * B  =  R + SHA-512(dom2(1, "") || R || A || digest) * A

A is the key, R and S are the signature's halves, B is the curve's own point.  All of
it is public, so that time may depend on values.

Some verifiers multiply the equation by the cofactor, and others do not.  A key with a
part of small order is refused, and R is compared by its bytes: then all of them agree.

Source: RFC 8032, 5.1.7, with the formulas of 5.1.4.
"""

import hashlib
from typing import Final, TypeAlias

from tlogverify.errors import SignatureError

_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_ROOT_OF_MINUS_ONE: Final = pow(2, (_PRIME - 1) // 4, _PRIME)
_DOMAIN: Final = b"SigEd25519 no Ed25519 collisions\x01\x00"

_Point: TypeAlias = tuple[int, int, int, int]
"""X, Y, Z and T: the point is (X / Z, Y / Z), and T is X * Y / Z."""

_NEUTRAL: Final[_Point] = (0, 1, 1, 0)


def verify_ed25519ph(public: bytes, digest: bytes, signature: bytes) -> None:
    """Prove that a key of 32 bytes signed a SHA-512 digest; raises SignatureError."""
    commitment, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    key = _decode(public)
    if (
        len(signature) != 64
        or scalar >= _ORDER
        or key is None
        or _encode(key) == _encode(_NEUTRAL)
        or _encode(_multiply(_ORDER, key)) != _encode(_NEUTRAL)
    ):
        raise SignatureError("a key or a signature has no form of Ed25519ph")
    hashed = hashlib.sha512(_DOMAIN + commitment + public + digest).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    implied = _add(_multiply(scalar, _BASE), _multiply(_ORDER - challenge, key))
    if _encode(implied) != commitment:
        raise SignatureError("the signature is not of this key and of what is signed")


def _decode(encoded: bytes) -> _Point | None:
    """Return the point of 32 bytes; None unless they are its one form."""
    is_odd, y = divmod(int.from_bytes(encoded, "little"), 1 << 255)
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    if (x * x - square) % _PRIME:
        x = x * _ROOT_OF_MINUS_ONE % _PRIME
    if x % 2 != is_odd:
        x = -x % _PRIME
    point = (x, y, 1, x * y % _PRIME)
    is_on_curve = (x * x - square) % _PRIME == 0
    return point if is_on_curve and _encode(point) == encoded else None


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], -1, _PRIME)
    x, y = point[0] * inverse % _PRIME, point[1] * inverse % _PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * _D % _PRIME, 2 * p[2] * q[2]
    e, f, g, h = (b - a) % _PRIME, (d - c) % _PRIME, (d + c) % _PRIME, (b + a) % _PRIME
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _multiply(scalar: int, point: _Point) -> _Point:
    total = _NEUTRAL
    for bit in f"{scalar:b}":
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


# RFC 8032, 5.1: y = 4/5, and x is even.
_BASE_BYTES: Final = (4 * pow(5, -1, _PRIME) % _PRIME).to_bytes(32, "little")
_BASE: Final = _decode(_BASE_BYTES) or _NEUTRAL
