import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given

from tests.tlogverify.attestation.stories import ALICE, BOB, Signer
from tests.tlogverify.strategies import near_misses, thorough
from tlogverify.attestation.signers import MAX_PEM_BYTES, SignerKey
from tlogverify.errors import FormatError


def pem(der: bytes, label: str = "PUBLIC KEY") -> bytes:
    lines = base64.encodebytes(der).decode()
    return f"-----BEGIN {label}-----\n{lines}-----END {label}-----\n".encode()


@pytest.mark.parametrize("signer", [ALICE, BOB])
def test_a_key_is_its_der_however_its_pem_is_broken_into_lines(signer: Signer) -> None:
    one_line = base64.b64encode(signer.spki)
    spelled = b"\n-----BEGIN PUBLIC KEY-----\r\n%b\r\n-----END PUBLIC KEY-----" % (
        one_line
    )
    assert SignerKey.of_pem(signer.pem) == SignerKey.of_pem(spelled)
    assert SignerKey(signer.spki) == SignerKey.of_pem(spelled)
    assert signer.sha256 == SignerKey.of_pem(spelled).sha256.hex()


def test_a_compressed_point_is_the_same_key() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    prefix = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    plain = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert plain == SignerKey.of_pem(pem(prefix + point)).spki
    with pytest.raises(FormatError, match="one DER form"):
        SignerKey(prefix + point)


P384 = ec.derive_private_key(7, ec.SECP384R1()).public_key()
RSA = rsa.RSAPublicNumbers(65537, (1 << 2047) + 1).public_key()


@pytest.mark.parametrize("key", [P384, RSA], ids=["p-384", "rsa"])
def test_another_kind_of_key_is_refused(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
) -> None:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(FormatError, match="Ed25519 or ECDSA P-256"):
        SignerKey.of_pem(pem(der))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(ALICE.spki, id="der"),
        pytest.param(ALICE.pem + BOB.pem, id="two"),
        pytest.param(b"x" + ALICE.pem, id="text-before"),
        pytest.param(ALICE.pem + b"x", id="text-behind"),
        pytest.param(pem(ALICE.spki, "CERTIFICATE"), id="certificate"),
        pytest.param(pem(ALICE.spki[:-1]), id="short"),
        pytest.param(pem(ALICE.spki + b"x"), id="long"),
        pytest.param(pem(b""), id="nothing"),
        pytest.param(ALICE.pem + b"\n" * MAX_PEM_BYTES, id="large"),
    ],
)
def test_what_is_no_public_key_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        SignerKey.of_pem(text)


def test_a_private_key_is_refused_and_not_shown() -> None:
    with pytest.raises(FormatError) as caught:
        SignerKey.of_pem(pem(b"secret", "PRIVATE KEY"))
    assert "a private key stands where a public key must" == str(caught.value)


@thorough
@given(near_misses(BOB.pem))
def test_whatever_the_pem_only_a_format_error_comes_out(text: bytes) -> None:
    try:
        SignerKey.of_pem(text)
    except FormatError:
        return
