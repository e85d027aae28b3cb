import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tlog.errors import RejectedError
from tlog.signing import (
    AttestationKey,
    AttestationKeyType,
    generate_attestation_key,
    read_attestation_key,
)
from tlogverify.attestation.signers import SignerKey
from tlogverify.errors import FormatError, SignatureError

PASSWORD = b"correct horse"
SECRET = b"\x42" * 32

each_type = pytest.mark.parametrize("key_type", list(AttestationKeyType))


def laid(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "key.pem"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def pkcs8(
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey,
    encryption: KeySerializationEncryption | None = None,
    form: PrivateFormat = PrivateFormat.PKCS8,
) -> bytes:
    return private.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


@each_type
def test_a_written_key_is_read_again_and_signs(
    tmp_path: Path, key_type: AttestationKeyType
) -> None:
    key, path = generate_attestation_key(key_type), tmp_path / "key"
    public = key.write(path)
    assert tmp_path / "key.pub" == public
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    read = read_attestation_key(path)
    assert key.public == read.public
    verifier = SignerKey.of_pem(public.read_bytes())
    assert key.public == verifier.spki
    verifier.verify(b"message", read.sign(b"message"))
    with pytest.raises(SignatureError):
        verifier.verify(b"another", read.sign(b"message"))


def test_no_private_half_is_left_where_the_public_one_has_no_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "key.pub").symlink_to(tmp_path / "missing")
    with pytest.raises(FileExistsError):
        generate_attestation_key(AttestationKeyType.P256).write(tmp_path / "key")
    assert [tmp_path / "key.pub"] == list(tmp_path.iterdir())


@each_type
def test_an_encrypted_key_opens_with_its_password_alone(
    tmp_path: Path, key_type: AttestationKeyType
) -> None:
    key, path = generate_attestation_key(key_type), tmp_path / "key"
    key.write(path, password=PASSWORD)
    assert key.public == read_attestation_key(path, password=PASSWORD).public
    for wrong, reason in (
        (None, f"{path} is encrypted: set TLOG_KEY_PASSWORD"),
        (b"", f"{path} is encrypted: set TLOG_KEY_PASSWORD"),
        (b"wrong horse", f"{path}: TLOG_KEY_PASSWORD does not open it"),
    ):
        with pytest.raises(RejectedError) as caught:
            read_attestation_key(path, password=wrong)
        assert reason == str(caught.value)
        assert caught.value.__cause__ is None


def test_a_password_is_not_needed_and_does_not_hurt(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = generate_attestation_key(AttestationKeyType.P256)
    key.write(path)
    assert key.public == read_attestation_key(path, password=PASSWORD).public


@pytest.mark.parametrize("name", ["key", "key.pub"])
def test_no_file_is_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("something that is there")
    with pytest.raises(FileExistsError, match="choose another name"):
        generate_attestation_key(AttestationKeyType.P256).write(tmp_path / "key")
    assert [tmp_path / name] == list(tmp_path.iterdir())
    assert "something that is there" == (tmp_path / name).read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(SECRET)
    with pytest.raises(RejectedError, match="must have mode 0600"):
        read_attestation_key(laid(tmp_path, pkcs8(private), mode))


def test_what_openssl_makes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = subprocess.run(
        [
            *("openssl", "genpkey", "-algorithm", "EC", "-out", path),
            *("-pkeyopt", "ec_paramgen_curve:P-256"),
        ],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no openssl that makes such keys")
    path.chmod(0o600)
    read_attestation_key(path)


P384 = ec.derive_private_key(7, ec.SECP384R1())
P256 = ec.derive_private_key(7, ec.SECP256R1())
ED448 = ed448.Ed448PrivateKey.from_private_bytes(b"\x42" * 57)
OWN = PrivateFormat.TraditionalOpenSSL


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "no PKCS#8 key", id="empty"),
        pytest.param(SECRET, "no PKCS#8 key", id="raw"),
        pytest.param(pkcs8(P256, form=OWN), "convert it", id="sec1"),
        pytest.param(
            pkcs8(P256, BestAvailableEncryption(b"x"), OWN), "convert it", id="dek"
        ),
        pytest.param(pkcs8(P384), "neither", id="p-384"),
        pytest.param(pkcs8(ED448), "neither", id="ed448"),
        pytest.param(pkcs8(P256)[:-40], "not a private key", id="cut"),
        pytest.param(
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "not a private key",
            id="no-der",
        ),
    ],
)
def test_what_is_no_such_key_is_refused_and_not_shown(
    tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        read_attestation_key(laid(tmp_path, content))
    assert caught.value.__cause__ is None
    assert "42" not in str(caught.value).replace(str(tmp_path), "")


def test_no_text_of_a_key_shows_its_secret() -> None:
    key = AttestationKey(Ed25519PrivateKey.from_private_bytes(SECRET))
    assert SECRET.hex() not in repr(key) + str(key) + str(vars(key))
