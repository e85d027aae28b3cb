"""Files of keys and certificates: one digest, whatever the file's form."""

import base64
import hashlib
from pathlib import Path

import pytest

from tlogclient.signers import MAX_SIGNER_BYTES, signer_sha256
from tlogverify.errors import FormatError

DER = bytes(range(70))
BLOCK = b"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n"
PEM = BLOCK % base64.encodebytes(DER)


@pytest.mark.parametrize("content", [DER, PEM, b"\n" + PEM])
def test_der_and_pem_of_one_key_have_one_digest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert hashlib.sha256(DER).digest() == signer_sha256(tmp_path / "key")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PEM + PEM, id="two keys"),
        pytest.param(b"-----BEGIN PUBLIC KEY-----\n", id="half a block"),
        pytest.param(BLOCK % b"AAA", id="broken base64"),
        pytest.param(PEM.replace(b"PUBLIC", b"PRIVATE"), id="a private key"),
        pytest.param(bytes(MAX_SIGNER_BYTES + 1), id="too large"),
    ],
)
def test_a_file_that_is_no_one_signer_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(FormatError):
        signer_sha256(tmp_path / "key")
