"""The seven keys: what each signs is taken, and nothing beside the table is."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.oracle import ed25519ph
from tests.oracle.ed25519ph import NEUTRAL, SMALL, sign
from tests.oracle.test_ed25519ph import PUBLIC, SIGNATURE
from tests.support.cases import in_one_test
from tests.support.rekor import (
    ED25519PH,
    KINDS,
    P256,
    KeyKind,
    certificate,
    private_key,
    sign_digest,
    spki,
)
from tlog.entries.signers import open_signer
from tlogverify.errors import FormatError

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.details)
ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")


@each_kind
@pytest.mark.parametrize("is_certificate", [False, True], ids=["key", "certificate"])
def test_each_kind_of_key_signs(kind: KeyKind, is_certificate: bool) -> None:
    key = private_key(kind)
    der = certificate(key) if is_certificate else spki(key)
    for details in (kind.details, kind.number):
        signer = open_signer(details, der, is_certificate=is_certificate)
        assert (kind.details, kind.algorithm) == (signer.details, signer.algorithm)
        digest = signer.digest(b"an artifact")
        assert kind.digest(b"an artifact") == digest
        signer.verify(digest, sign_digest(kind, key, digest))


@each_kind
def test_another_digest_is_not_signed(kind: KeyKind) -> None:
    key = private_key(kind)
    signer = open_signer(kind.details, spki(key), is_certificate=False)
    signature = sign_digest(kind, key, kind.digest(b"one"))
    with pytest.raises(FormatError, match="the signature is not of this key"):
        signer.verify(kind.digest(b"another"), signature)


@each_kind
def test_another_key_did_not_sign(kind: KeyKind) -> None:
    signer = open_signer(kind.details, spki(kind.make()), is_certificate=False)
    digest = kind.digest(b"one")
    with pytest.raises(FormatError, match="the signature is not of this key"):
        signer.verify(digest, sign_digest(kind, private_key(kind), digest))


@each_kind
@pytest.mark.parametrize("at", [0, 8, -1])
def test_a_signature_with_one_bit_changed_does_not_hold(kind: KeyKind, at: int) -> None:
    key, digest = private_key(kind), kind.digest(b"one")
    signer = open_signer(kind.details, spki(key), is_certificate=False)
    signature = bytearray(sign_digest(kind, key, digest))
    signature[at] ^= 1
    with pytest.raises(FormatError, match="the signature is not of this key"):
        signer.verify(digest, bytes(signature))


@each_kind
@pytest.mark.parametrize("change", [-1, 1])
def test_a_digest_of_another_length_is_refused(kind: KeyKind, change: int) -> None:
    key, digest = private_key(kind), kind.digest(b"one")
    signer = open_signer(kind.details, spki(key), is_certificate=False)
    wrong = digest[:change] if change < 0 else digest + b"\0"
    with pytest.raises(FormatError, match=f"has {len(digest)} bytes"):
        signer.verify(wrong, sign_digest(kind, key, digest))


@each_kind
@pytest.mark.parametrize("other", KINDS, ids=lambda kind: kind.details)
def test_details_are_what_the_key_is(kind: KeyKind, other: KeyKind) -> None:
    der = spki(private_key(kind))
    if kind is other:
        assert kind.details == open_signer(other.number, der, is_certificate=False)[1]
        return
    # A key that was opened before is still not what it was not.
    open_signer(kind.details, der, is_certificate=False)
    with pytest.raises(FormatError, match=f"keyDetails of this key is {kind.details}"):
        open_signer(other.details, der, is_certificate=False)


@in_one_test(
    "details",
    [
        *("", "PKIX_ED25519", "PKIX_RSA_PSS_2048_SHA256", "pkix_ed25519_ph"),
        *("PKIX_RSA_PKCS1V15_2048", "LMS_SHA256", "PKIX_ECDSA_P256_SHA_384"),
        *(0, 1, 2, 3, 4, 6, 7, 14, 15, 16, 17, 18, 19, 20, -5, 2**40),
    ],
)
def test_details_outside_the_table_are_refused(details: str | int) -> None:
    for kind in KINDS:
        with pytest.raises(FormatError, match="keyDetails is one of"):
            open_signer(details, spki(private_key(kind)), is_certificate=False)


OTHER_KEYS: dict[str, Callable[[], Any]] = {
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "secp224r1": lambda: ec.generate_private_key(ec.SECP224R1()),
    "rsa1024": lambda: rsa.generate_private_key(65_537, 1024),  # noqa: S505 - refused
    "rsa2056": lambda: rsa.generate_private_key(65_537, 2056),
    "dsa": lambda: dsa.generate_private_key(1024),  # noqa: S505 - refused
    "x25519": x25519.X25519PrivateKey.generate,
}


@pytest.mark.parametrize("name", OTHER_KEYS)
def test_keys_outside_the_table_are_refused(name: str) -> None:
    der = spki(OTHER_KEYS[name]())
    for kind in KINDS:
        with pytest.raises(FormatError, match="keyDetails of this key is none allowed"):
            open_signer(kind.details, der, is_certificate=False)


def _odd_keys() -> dict[str, bytes]:
    key = private_key(P256)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    public = key.public_key()
    rsa_key = private_key(KINDS[2])
    assert isinstance(rsa_key, rsa.RSAPrivateKey)
    der = spki(key)
    return {
        "empty": b"",
        "cut": der[:-1],
        "longer": der + b"\0",
        "text": b"-----BEGIN PUBLIC KEY-----",
        "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "compressed": bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107")
        + b"\x03\x22\x00"
        + public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
        "off the curve": der[:-1] + bytes([der[-1] ^ 1]),
        "PKCS #1": rsa_key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "certificate": certificate(key),
        "private": b"\x30\x03\x02\x01\x00",
    }


ODD_KEYS = _odd_keys()


@pytest.mark.parametrize("name", ODD_KEYS)
def test_what_is_no_public_key_is_refused(name: str) -> None:
    with pytest.raises(FormatError, match="a public key is a DER SubjectPublicKeyInfo"):
        open_signer(P256.details, ODD_KEYS[name], is_certificate=False)


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"SPKI", b"x" * 99])
def test_what_is_no_certificate_is_refused(der: bytes) -> None:
    if der == b"SPKI":
        der = spki(private_key(P256))
    with pytest.raises(FormatError, match="a certificate cannot be read"):
        open_signer(P256.details, der, is_certificate=True)


@pytest.mark.parametrize("count", [64, 65])
def test_a_certificate_names_at_most_64_identities(count: int) -> None:
    names = [x509.RFC822Name(f"{number}@example.org") for number in range(count)]
    der = certificate(private_key(P256), *names)
    if count == 64:
        assert open_signer(5, der, is_certificate=True).is_certificate
        return
    with pytest.raises(FormatError, match="at most 64 identities"):
        open_signer(5, der, is_certificate=True)


def test_ed25519ph_has_the_answer_of_its_specification() -> None:
    der = ED25519_PREFIX + bytes.fromhex(PUBLIC)
    signer = open_signer(ED25519PH.details, der, is_certificate=False)
    signer.verify(hashlib.sha512(b"abc").digest(), bytes.fromhex(SIGNATURE))


def test_a_signature_with_a_part_of_small_order_does_not_hold() -> None:
    """Who multiplies by the cofactor takes it, and Go does not: nobody may disagree."""
    seed, digest = bytes(range(32)), ED25519PH.digest(b"one")
    torsion = ed25519ph.decode(SMALL[-1])
    honest = ED25519_PREFIX + ed25519ph.public_key(seed)
    open_signer(8, honest, is_certificate=False).verify(digest, sign(seed, digest))
    for key_part, commitment_part in ((NEUTRAL, torsion), (torsion, NEUTRAL)):
        public, signature = ed25519ph.sign_crooked(
            seed, digest, key_part, commitment_part
        )
        signer = open_signer(8, ED25519_PREFIX + public, is_certificate=False)
        with pytest.raises(FormatError, match="the signature is not of this key"):
            signer.verify(digest, signature)


@pytest.mark.parametrize("bits", [31, 32, 64])
def test_an_rsa_key_with_a_large_exponent_is_refused(bits: int) -> None:
    known = private_key(KINDS[2])
    assert isinstance(known, rsa.RSAPrivateKey)
    modulus = known.public_key().public_numbers().n
    key = rsa.RSAPublicNumbers((1 << bits) - 1, modulus).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if bits == 31:
        assert KINDS[2].details == open_signer(9, der, is_certificate=False).details
        return
    with pytest.raises(FormatError, match="none allowed"):
        open_signer(9, der, is_certificate=False)


def test_pure_ed25519_is_not_ed25519ph() -> None:
    key = private_key(ED25519PH)
    assert isinstance(key, Ed25519PrivateKey)
    digest = ED25519PH.digest(b"one")
    signer = open_signer(8, spki(key), is_certificate=False)
    signer.verify(digest, sign(key.private_bytes_raw(), digest))
    with pytest.raises(FormatError, match="the signature is not of this key"):
        signer.verify(digest, key.sign(digest))


@pytest.mark.parametrize("public", SMALL, ids=lambda public: public.hex()[:6])
def test_a_key_of_small_order_signs_nothing(public: bytes) -> None:
    signer = open_signer(8, ED25519_PREFIX + public, is_certificate=False)
    # The neutral commitment and the response 0 satisfy the equation for each digest.
    with pytest.raises(FormatError, match="the signature is not of this key"):
        signer.verify(ED25519PH.digest(b"any"), b"\x01" + bytes(63))
