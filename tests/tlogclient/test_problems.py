"""Refusals, well said and badly said."""

import pytest

from tlogclient.problems import parse_refusal, parse_retry_after


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"type":1}', b'{"position":true}', b"[" * 60_000]
)
def test_a_refusal_without_a_document_is_still_one(body: bytes) -> None:
    error = parse_refusal(400, body)
    assert (error.type, error.status, error.position) == ("about:blank", 400, None)


def test_what_a_refusal_says_is_bounded_and_printable() -> None:
    error = parse_refusal(
        400, b'{"type":"t","detail":"\\u001b[31m' + b"a" * 5000 + b'"}'
    )
    assert error.detail.startswith("?[31maaa")
    assert len(error.detail) == 1000
    assert parse_refusal(400, b'{"position":10000}').position is None
    assert parse_refusal(400, b'{"position":9999,"title":"t"}').position == 9999


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        (" 1", None),
        ("٣", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", None),
    ],
)
def test_a_pause_is_whole_seconds(field: str | None, seconds: float | None) -> None:
    assert parse_retry_after(field) == seconds
