"""The two spellings of EC_POINT, against keys that `cryptography` made itself."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tlog.signing.points import ecdsa_der, ed25519_point, p256_point
from tlogverify.errors import FormatError


def test_both_spellings_of_an_edwards_point_are_one_key() -> None:
    public = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\x01").public_key()
    raw = public.public_bytes_raw()
    assert public == ed25519_point(raw) == ed25519_point(b"\x04\x20" + raw)
    for wrong in (raw[1:], b"\x03\x20" + raw, b"\x04\x21" + raw, b"\x04" + raw):
        with pytest.raises(FormatError, match="no point of 32 bytes"):
            ed25519_point(wrong)


def test_both_spellings_of_a_p256_point_are_one_key() -> None:
    public = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    raw = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert public == p256_point(raw) == p256_point(b"\x04\x41" + raw)
    with pytest.raises(FormatError, match="no point of 65 bytes"):
        p256_point(b"\x04\x40" + raw)
    with pytest.raises(FormatError, match="not on P-256"):
        p256_point(raw[:-1] + bytes([raw[-1] ^ 1]))


def test_a_tokens_signature_is_written_as_all_others_are() -> None:
    # r is above 2**255 and s small: DER spells both in another length.
    r, s = 0xFF << 248, 5
    der = bytes.fromhex("3026022100ff") + bytes(31) + bytes.fromhex("020105")
    assert der == ecdsa_der(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    with pytest.raises(FormatError, match="has 64 bytes"):
        ecdsa_der(bytes(63))
