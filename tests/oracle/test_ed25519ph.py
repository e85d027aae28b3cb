"""The textbook against the vector of the textbook's own authors."""

import hashlib

from tests.oracle.ed25519ph import public_key, sign

# RFC 8032, 7.3.
SEED = "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42"
PUBLIC = "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf"
SIGNATURE = (
    "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
    "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
)


def test_the_known_answer() -> None:
    seed = bytes.fromhex(SEED)
    assert PUBLIC == public_key(seed).hex()
    assert SIGNATURE == sign(seed, hashlib.sha512(b"abc").digest()).hex()
