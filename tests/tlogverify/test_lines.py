import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlogverify.strategies import any_bytes, thorough
from tlogverify.errors import FormatError
from tlogverify.lines import (
    MAX_SIZE,
    encode_base64,
    parse_base64,
    parse_decimal,
    parse_hash,
    parse_text,
    split_lines,
)

NOT_DECIMAL = [
    b"",
    b"+1",
    b"-1",
    b"-0",
    b"01",
    b"00",
    b" 1",
    b"1 ",
    b"1\n",
    b"1\r",
    b"\n1",
    b"1_0",
    b"1.0",
    b"1e3",
    b"0x1",
    b"1\x00",
    b"9223372036854775808",
    b"10000000000000000000",
    b"9" * 5000,
    "٣".encode(),
    "１".encode(),
    "²".encode(),
]
NOT_BASE64 = [
    pytest.param(b"QQ", id="no-padding"),
    pytest.param(b"QQ=", id="half-padding"),
    pytest.param(b"QQ===", id="much-padding"),
    pytest.param(b"QR==", id="trailing-bits"),
    pytest.param(b"QUJ=", id="trailing-bits-of-two-bytes"),
    pytest.param(b"QQ==QQ==", id="two-values"),
    pytest.param(b"QUJD=", id="padding-behind-a-whole-group"),
    pytest.param(b"=", id="padding-alone"),
    pytest.param(b"-_-_", id="url-alphabet"),
    pytest.param(b"QQ= =", id="space-within"),
    pytest.param(b" QQ==", id="space-before"),
    pytest.param(b"QQ==\n", id="newline-behind"),
    pytest.param(b"QQ==\r", id="return-behind"),
    pytest.param(b"QQ\n==", id="newline-within"),
    pytest.param("QÄ==".encode(), id="not-ascii"),
    pytest.param(b"Q\x00==", id="null"),
]


@pytest.mark.parametrize("value", [0, 1, 9, 10, 255, 10**18, MAX_SIZE])
def test_a_decimal_is_digits(value: int) -> None:
    assert value == parse_decimal("a rule", str(value).encode())


@in_one_test("field", NOT_DECIMAL)
def test_another_spelling_of_a_decimal_is_refused(field: bytes) -> None:
    with pytest.raises(FormatError, match="a rule must be a decimal"):
        parse_decimal("a rule", field)


def test_a_decimal_has_a_maximum() -> None:
    assert parse_decimal("a rule", b"255", 255) == 255
    with pytest.raises(FormatError, match="up to 255: found b'256'"):
        parse_decimal("a rule", b"256", 255)


@pytest.mark.parametrize(
    "value", [b"", b"A", b"AB", b"ABC", b"\xff\xfe\xfd", b"x" * 99]
)
def test_base64_is_decoded(value: bytes) -> None:
    field = base64.b64encode(value)
    assert value == parse_base64("a rule", field)
    assert field.decode() == encode_base64(value)


@in_one_test("field", NOT_BASE64)
def test_another_spelling_of_base64_is_refused(field: bytes) -> None:
    with pytest.raises(FormatError, match=r"a rule must be (canonical )?base64"):
        parse_base64("a rule", field)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_a_hash_has_32_bytes(length: int) -> None:
    with pytest.raises(FormatError, match="a rule must have 32 bytes"):
        parse_hash("a rule", base64.b64encode(b"x" * length))


def test_a_hash_is_decoded() -> None:
    assert parse_hash("a rule", base64.b64encode(b"x" * 32)) == b"x" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\n", [b"a"]),
        (b"a\n\nb\n", [b"a", b"", b"b"]),
        (b"a\r\n", [b"a\r"]),
        ("a\u0085b\u2028c\n".encode(), ["a\u0085b\u2028c".encode()]),
    ],
)
def test_lines_end_at_line_feeds_alone(text: bytes, expected: list[bytes]) -> None:
    assert expected == split_lines("a rule", text)


@pytest.mark.parametrize("text", [b"a", b"a\nb", b"a\r", b"\n "])
def test_the_last_line_ends_too(text: bytes) -> None:
    with pytest.raises(FormatError, match="a rule must end with a newline"):
        split_lines("a rule", text)


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(b"\xff", id="no-utf-8"),
        pytest.param(b"\xc0\xaf", id="overlong"),
        pytest.param(b"\xed\xa0\x80", id="surrogate"),
        pytest.param(b"\xf4\x90\x80\x80", id="beyond-unicode"),
        pytest.param(b"\xe2\x80", id="cut"),
    ],
)
def test_text_is_utf_8(field: bytes) -> None:
    with pytest.raises(FormatError, match="a rule must be UTF-8"):
        parse_text("a rule", field)


@thorough
@given(any_bytes)
def test_what_is_parsed_has_one_spelling(field: bytes) -> None:
    def respell_decimal() -> bytes:
        return str(parse_decimal("a rule", field)).encode()

    def respell_base64() -> bytes:
        return encode_base64(parse_base64("a rule", field)).encode()

    def respell_text() -> bytes:
        return parse_text("a rule", field).encode()

    def respell_lines() -> bytes:
        return b"".join(line + b"\n" for line in split_lines("a rule", field))

    for respell in (respell_decimal, respell_base64, respell_text, respell_lines):
        try:
            respelled = respell()
        except FormatError:
            continue
        assert field == respelled


@thorough
@given(st.text(alphabet="0123456789+-_ ٣²\n", max_size=20))
def test_digits_and_what_resembles_them_have_one_spelling(text: str) -> None:
    try:
        value = parse_decimal("a rule", text.encode())
    except FormatError:
        return
    assert text == str(value)
