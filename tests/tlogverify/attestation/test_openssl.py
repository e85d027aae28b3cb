"""A second implementation signs: OpenSSL, over bytes that are put together here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tlogverify.attestation.stories import (
    BOB,
    IN_TOTO,
    document,
    signed_bytes,
    text_of,
)
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.signers import SignerKey

PAYLOAD = b'{"a":1}'

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="there is no openssl here"
)


def openssl(folder: Path, *arguments: str) -> bytes:
    ended = subprocess.run(
        ["openssl", *arguments], cwd=folder, check=True, capture_output=True
    )
    return ended.stdout


def test_what_openssl_signs_is_verified(tmp_path: Path) -> None:
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    openssl(tmp_path, "genpkey", *curve, "-out", "key")
    public = openssl(tmp_path, "pkey", "-in", "key", "-pubout")
    (tmp_path / "message").write_bytes(signed_bytes(IN_TOTO, PAYLOAD))
    signature = openssl(tmp_path, "dgst", "-sha256", "-sign", "key", "message")
    envelope = document(
        payload=text_of(PAYLOAD),
        payloadType=IN_TOTO,
        signatures=[{"sig": text_of(signature)}],
    )
    key = SignerKey.of_pem(public)
    assert (key,) == Envelope.parse(envelope).verify([key], 1)


def test_openssl_verifies_what_is_signed_here(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_bytes(BOB.pem)
    message = signed_bytes(IN_TOTO, PAYLOAD)
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "sig").write_bytes(BOB.sign(message))
    checking = ("dgst", "-sha256", "-verify", "key.pub", "-signature", "sig")
    assert b"Verified OK" in openssl(tmp_path, *checking, "message")
