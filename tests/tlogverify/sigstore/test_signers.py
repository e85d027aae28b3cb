"""Keys of bundles: which count, and what they have signed."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.support.rekor import (
    KINDS,
    P256,
    certificate,
    private_key,
    sign_digest,
    spki,
)
from tests.tlogverify.documents import ARTIFACT
from tests.tlogverify.refusal import flip
from tlogverify.errors import FormatError, SignatureError
from tlogverify.rekor import Signature
from tlogverify.sigstore import BundleKey


def test_each_kind_of_key_verifies_its_own_signatures_alone() -> None:
    for kind in KINDS:
        private = private_key(kind)
        digest = kind.digest(ARTIFACT)
        signature = sign_digest(kind, private, digest)
        for key in (
            BundleKey(spki(private)),
            BundleKey(certificate(private), is_certificate=True),
        ):
            assert (kind.details, kind.algorithm) == (key.details, key.algorithm)
            assert (digest, spki(private)) == (key.digest(ARTIFACT), key.spki)
            key.verify(digest, signature)
            for other in ((flip(digest), signature), (digest, flip(signature, 99))):
                with pytest.raises(SignatureError, match="not of this key and of what"):
                    key.verify(*other)


def test_an_entry_names_a_key_by_its_bytes_its_form_and_its_kind() -> None:
    der = spki(private_key(P256))
    key = BundleKey(der)
    other = spki(ec.generate_private_key(ec.SECP256R1()))
    assert key.made(Signature(b"s", P256.details, der, False))
    for named in (
        Signature(b"s", P256.details, other, False),
        Signature(b"s", P256.details, der, True),
        Signature(b"s", KINDS[-1].details, der, False),
    ):
        assert not key.made(named)


def pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_a_pem_is_of_one_public_key() -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    assert BundleKey(spki(private)) == BundleKey.of_pem(pem(private))
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for text, rule in (
        (secret, "a private key stands where a public key must"),
        (b"", "one PUBLIC KEY in PEM"),
        (pem(private) * 2, "one PUBLIC KEY in PEM"),
        (pem(private) + b" " * 17_000, "one PUBLIC KEY in PEM"),
        (pem(private).replace(b"M", b"?"), "is a SubjectPublicKeyInfo"),
    ):
        with pytest.raises(FormatError, match=rule) as caught:
            BundleKey.of_pem(text)
        assert "BEGIN" not in str(caught.value)


def test_a_key_that_no_log_takes_is_refused() -> None:
    keys: list[
        ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey
    ] = [
        ec.generate_private_key(ec.SECP256K1()),
        rsa.generate_private_key(65_537, 2056),
        x25519.X25519PrivateKey.generate(),
    ]
    for key in keys:
        der = key.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        with pytest.raises(FormatError, match="is one of PKIX_ECDSA_P256_SHA_256, "):
            BundleKey(der)


def test_bytes_that_are_no_key_are_refused() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(
        Encoding.X962, PublicFormat.CompressedPoint
    )
    compressed = spki(private)[:23] + b"\x03\x22\x00" + point
    compressed = b"\x30\x39" + compressed[2:]
    for der, is_certificate, rule in (
        (b"", False, "is a SubjectPublicKeyInfo"),
        (b"\x30\x00", False, "is a SubjectPublicKeyInfo"),
        (compressed, False, "one DER form"),
        (pem(private), False, "one DER form"),
        (b"\x30\x00", True, "a certificate cannot be read"),
        (spki(private), True, "a certificate cannot be read"),
    ):
        with pytest.raises(FormatError, match=rule):
            BundleKey(der, is_certificate=is_certificate)


def test_a_certificate_whose_key_cannot_be_read_is_refused() -> None:
    der = certificate(ec.generate_private_key(ec.SECP256R1()))
    curve = bytes.fromhex("2a8648ce3d030107")
    unknown = der.replace(curve, curve[:-1] + b"\x7f")
    with pytest.raises(FormatError, match="key cannot be read"):
        BundleKey(unknown, is_certificate=True)
