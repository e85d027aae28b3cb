"""Ed25519ph as RFC 8032 writes it down, slow and with nobody else's code.

Source: RFC 8032, 5.1 and the Python of its section 6.
"""

import hashlib

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_I = pow(2, (_P - 1) // 4, _P)

Point = tuple[int, int]

NEUTRAL: Point = (0, 1)

# All points of small order, and their other encodings: C2SP CCTV, ed25519.
SMALL = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes(31) + b"\x80",
    b"\x01" + bytes(30) + b"\x80",
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]


def sign(seed: bytes, digest: bytes) -> bytes:
    """Return the signature over a SHA-512 digest, without context."""
    expanded = hashlib.sha512(seed).digest()
    scalar = _clamped(expanded)
    public = _encode(_multiply(scalar, _GENERATOR))
    nonce = _hash(expanded[32:], digest)
    commitment = _encode(_multiply(nonce, _GENERATOR))
    challenge = _hash(commitment + public, digest)
    response = (nonce + challenge * scalar) % _ORDER
    return commitment + response.to_bytes(32, "little")


def sign_crooked(
    seed: bytes, digest: bytes, key_part: Point, commitment_part: Point
) -> tuple[bytes, bytes]:
    """Return a key and a signature that have points of small order added to them.

    The equation holds when both of its sides are multiplied by the cofactor.
    """
    expanded = hashlib.sha512(seed).digest()
    scalar = _clamped(expanded)
    public = _encode(_add(_multiply(scalar, _GENERATOR), key_part))
    nonce = _hash(expanded[32:], digest)
    commitment = _encode(_add(_multiply(nonce, _GENERATOR), commitment_part))
    challenge = _hash(commitment + public, digest)
    response = (nonce + challenge * scalar) % _ORDER
    return public, commitment + response.to_bytes(32, "little")


def decode(encoded: bytes) -> Point:
    """Return the point of an encoding that is one."""
    number = int.from_bytes(encoded, "little")
    x, y = _recover(number & ((1 << 255) - 1))
    return (x, y) if x & 1 == number >> 255 else (_P - x, y)


def public_key(seed: bytes) -> bytes:
    """Return the 32 bytes of the seed's public key."""
    scalar = _clamped(hashlib.sha512(seed).digest())
    return _encode(_multiply(scalar, _GENERATOR))


def _clamped(expanded: bytes) -> int:
    scalar = int.from_bytes(expanded[:32], "little")
    return scalar & ((1 << 254) - 8) | (1 << 254)


def _hash(prefix: bytes, digest: bytes) -> int:
    # dom2(1, ""): the prefix that tells Ed25519ph from Ed25519.
    domain = b"SigEd25519 no Ed25519 collisions\x01\x00"
    hashed = hashlib.sha512(domain + prefix + digest).digest()
    return int.from_bytes(hashed, "little") % _ORDER


def _add(p: Point, q: Point) -> Point:
    (x1, y1), (x2, y2) = p, q
    product = _D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, _P)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, _P)
    return x % _P, y % _P


def _multiply(scalar: int, point: Point) -> Point:
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _recover(y: int) -> Point:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _I % _P
    return (x if x % 2 == 0 else _P - x), y


_GENERATOR = _recover(4 * pow(5, _P - 2, _P) % _P)
