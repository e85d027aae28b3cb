"""Protobuf's JSON: all spellings that its senders may use, and no other."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tlog.entries.protojson import (
    parse_message,
    read_bytes,
    read_enum,
    read_list,
    read_message,
    read_text,
)
from tlogverify.errors import FormatError


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("rawBytes", "rawBytes"),
        ("rawBytes", "raw_bytes"),
        ("x509Certificate", "x509_certificate"),
        ("hashedRekordRequestV002", "hashed_rekord_request_v002"),
        ("dsseRequestV002", "dsse_request_v002"),
        ("keyid", "keyid"),
    ],
)
def test_a_member_goes_by_both_of_its_names(name: str, spelling: str) -> None:
    assert {name: 1} == read_message("it", {spelling: 1}, frozenset({name}))


@pytest.mark.parametrize("spelling", ["RawBytes", "rawbytes", "raw-bytes", "raw_Bytes"])
def test_a_member_goes_by_no_third_name(spelling: str) -> None:
    with pytest.raises(FormatError, match="it has an unknown member"):
        read_message("it", {spelling: 1}, frozenset({"rawBytes"}))


def test_a_member_does_not_stand_in_both_spellings() -> None:
    with pytest.raises(FormatError, match="both spellings"):
        read_message("it", {"rawBytes": None, "raw_bytes": 1}, frozenset({"rawBytes"}))


def test_null_is_nothing() -> None:
    assert {} == read_message("it", {"rawBytes": None}, frozenset({"rawBytes"}))


@in_one_test(
    ("body", "rule"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b'{"a":1}x', "the body is not JSON"),
        (b'{"a":1,}', "the body is not JSON"),
        (b"[]", "the body is an object"),
        (b'"a"', "the body is an object"),
        (b"null", "the body is an object"),
        (b'{"a":1,"a":1}', "stands here twice"),
        (b'{"a":{"b":1,"b":1}}', "stands here twice"),
        (b'{"a":NaN}', "a number is finite"),
        (b'{"a":-Infinity}', "a number is finite"),
        (b'{"a":"\xff"}', "the body is not JSON"),
        (b"\xef\xbb\xbf{}", "the body is not JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", "the body is not JSON"),
        (b'{"a":' + b"[" * 600, "at most 512 brackets and commas"),
        (b'{"a":[' + b"1," * 600, "at most 512 brackets and commas"),
        (b'{"a":' + b'{"":' * 600, "at most 512 brackets and commas"),
        (b'{"b":1}', "an unknown member: found 'b'"),
    ],
)
def test_a_body_that_is_no_message_is_refused(body: bytes, rule: str) -> None:
    with pytest.raises(FormatError, match=rule):
        parse_message(body, frozenset({"a"}))


@given(st.binary(max_size=40))
def test_bytes_have_eight_spellings_and_mean_the_same(value: bytes) -> None:
    standard = base64.b64encode(value).decode()
    url_safe = base64.urlsafe_b64encode(value).decode()
    for text in (standard, url_safe, standard.rstrip("="), url_safe.rstrip("=")):
        assert value == read_bytes("it", {"a": text}, "a")


@in_one_test(
    "text",
    [
        "+_==",
        "a",
        "a=",
        "a==",
        "aa=",
        "aaa==",
        "aaaa=",
        "aaaa====",
        "=",
        "a a=",
        "aa\n=",
        "aa=a",
        "aé==",
        5,
        True,
        ["aa=="],
        {"a": 1},
    ],
)
def test_what_is_no_base64_is_refused(text: object) -> None:
    with pytest.raises(FormatError, match="it is base64"):
        read_bytes("it", {"a": text}, "a")


def test_no_bytes_are_empty() -> None:
    assert b"" == read_bytes("it", {}, "a") == read_bytes("it", {"a": ""}, "a")


@pytest.mark.parametrize(
    ("value", "expected"), [("NAME", "NAME"), (5, 5), (5.0, 5), (-1, -1), (0, 0)]
)
def test_an_enum_is_a_name_or_a_number(value: object, expected: object) -> None:
    assert expected == read_enum("it", {"a": value}, "a")


@pytest.mark.parametrize("value", [5.5, True, ["NAME"], {"a": 1}])
def test_an_enum_is_nothing_else(value: object) -> None:
    with pytest.raises(FormatError, match="it is a name or a number"):
        read_enum("it", {"a": value}, "a")


def test_a_member_that_is_missing_has_its_default() -> None:
    assert (0, "", []) == (
        read_enum("it", {}, "a"),
        read_text("it", {}, "a"),
        read_list("it", {}, "a"),
    )


@pytest.mark.parametrize("value", [5, ["a"], "\ud800", "a\udfff"])
def test_a_text_is_unicode(value: object) -> None:
    with pytest.raises(FormatError, match="it is a text"):
        read_text("it", {"a": value}, "a")


@pytest.mark.parametrize("value", [5, "a", {"a": 1}])
def test_a_repeated_member_is_an_array(value: object) -> None:
    with pytest.raises(FormatError, match="it is an array"):
        read_list("it", {"a": value}, "a")
