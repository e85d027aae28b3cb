"""What is asked of a timestamp authority, and which answers are an answer."""

import hashlib

import pytest
from asn1crypto import tsp

from tests.tlogverify.refusal import flip
from tlog.attest.timestamps import encode_request, require_granted
from tlog.trial.timestamps import TimestampAuthority
from tlogverify.errors import FormatError

MESSAGE = b"a signature"


def test_the_request_is_read_by_another_parser() -> None:
    for nonce in (0, 1, 127, 128, 255, 256, 2**63 - 1):
        request = tsp.TimeStampReq.load(encode_request(MESSAGE, nonce), strict=True)
        imprint = request["message_imprint"].native
        assert hashlib.sha256(MESSAGE).digest() == imprint["hashed_message"]
        assert "sha256" == imprint["hash_algorithm"]["algorithm"]
        assert ("v1", nonce, True) == (
            request["version"].native,
            request["nonce"].native,
            request["cert_req"].native,
        )


def test_a_granted_answer_is_taken() -> None:
    require_granted(TimestampAuthority().answer(encode_request(MESSAGE, 7)))
    require_granted(bytes.fromhex("3005300302010130")[:7])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x30",
        b"<html>",
        bytes.fromhex("30053003020102"),
        bytes.fromhex("300530030201"),
        bytes.fromhex("3005300302010000"),
        bytes.fromhex("30053103020100"),
        bytes.fromhex("30053003040100"),
        bytes.fromhex("3085ffffffffff30"),
    ],
)
def test_any_other_answer_is_refused(answer: bytes) -> None:
    with pytest.raises(FormatError, match="timestamp authority"):
        require_granted(answer)


def test_a_cut_answer_is_refused() -> None:
    whole = TimestampAuthority().answer(encode_request(MESSAGE, 7))
    for other in (whole[:-1], whole + b"\x00", flip(whole)):
        with pytest.raises(FormatError, match="is DER"):
            require_granted(other)
