"""Ed25519ph: what the specification and the oracle sign, and what nobody may take."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.ed25519ph import (
    NEUTRAL,
    SMALL,
    decode,
    public_key,
    sign,
    sign_crooked,
)
from tests.oracle.test_ed25519ph import PUBLIC, SIGNATURE
from tests.support.cases import case
from tests.tlogverify.refusal import flip
from tests.tlogverify.strategies import thorough
from tlogverify.errors import SignatureError
from tlogverify.sigstore.ed25519ph import verify_ed25519ph

SEED = bytes(range(32))
DIGEST = hashlib.sha512(b"one").digest()
ORDER = 2**252 + 27742317777372353535851937790883648493


def test_the_answer_of_the_specification() -> None:
    digest = hashlib.sha512(b"abc").digest()
    verify_ed25519ph(bytes.fromhex(PUBLIC), digest, bytes.fromhex(SIGNATURE))


@settings(thorough, max_examples=3)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_what_the_oracle_signs_holds(seed: bytes, digest: bytes) -> None:
    verify_ed25519ph(public_key(seed), digest, sign(seed, digest))


def test_one_bit_anywhere_makes_it_another() -> None:
    public, signature = public_key(SEED), sign(SEED, DIGEST)
    for at in range(0, 512, 37):
        for wrong in (
            (public, flip(DIGEST, at), signature),
            (public, DIGEST, flip(signature, at)),
            (flip(public, at % 256), DIGEST, signature),
        ):
            with case(f"bit {at}"), pytest.raises(SignatureError):
                verify_ed25519ph(*wrong)


def test_a_signature_has_one_form() -> None:
    public, signature = public_key(SEED), sign(SEED, DIGEST)
    response = int.from_bytes(signature[32:], "little")
    again = signature[:32] + (response + ORDER).to_bytes(32, "little")
    for wrong in (again, signature[:-1], signature + b"\0", b""):
        with case(wrong.hex()), pytest.raises(SignatureError, match="has no form"):
            verify_ed25519ph(public, DIGEST, wrong)
    for key in (public[:-1], public + b"\0", (2).to_bytes(32, "little")):
        with case(key.hex()), pytest.raises(SignatureError, match="has no form"):
            verify_ed25519ph(key, DIGEST, signature)


def test_points_of_small_order_sign_nothing() -> None:
    """Who multiplies by the cofactor takes what others do not: nobody may disagree."""
    for public in SMALL:
        with case(public.hex()), pytest.raises(SignatureError, match="has no form"):
            verify_ed25519ph(public, DIGEST, b"\x01" + bytes(63))
    torsion = decode(SMALL[-1])
    public, signature = sign_crooked(SEED, DIGEST, NEUTRAL, NEUTRAL)
    verify_ed25519ph(public, DIGEST, signature)
    for parts in ((NEUTRAL, torsion), (torsion, NEUTRAL), (torsion, torsion)):
        with case(str(parts)), pytest.raises(SignatureError):
            verify_ed25519ph(*_crooked(*parts))


def _crooked(
    key_part: tuple[int, int], commitment_part: tuple[int, int]
) -> tuple[bytes, bytes, bytes]:
    public, signature = sign_crooked(SEED, DIGEST, key_part, commitment_part)
    return public, DIGEST, signature


def test_pure_ed25519_is_another_signature() -> None:
    pure = Ed25519PrivateKey.from_private_bytes(SEED).sign(DIGEST)
    with pytest.raises(SignatureError, match="not of this key"):
        verify_ed25519ph(public_key(SEED), DIGEST, pure)
