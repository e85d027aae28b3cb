"""Exact values out of JSON, and nothing that has a second spelling."""

import pytest

from tests.support.cases import in_one_test
from tlogclient.strictjson import parse_json, read_hashes, read_members, read_size
from tlogverify import FormatError


def test_json_is_parsed() -> None:
    text = b'{"a": [1, true, null, "\\u2014"], "b": 9223372036854775807}'
    assert parse_json("text", text) == {"a": [1, True, None, "—"], "b": 2**63 - 1}


@in_one_test(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"a":' * 100_000, id="deep-objects"),
        pytest.param("{}".encode("utf-16"), id="utf-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate"),
        pytest.param(b'"\xc0\x80"', id="overlong"),
        pytest.param(b'"\n"', id="control"),
        pytest.param(b"NaN", id="nan"),
        pytest.param(b"-Infinity", id="infinity"),
        pytest.param(b"1.0", id="float"),
        pytest.param(b"1e9", id="exponent"),
        pytest.param(b"-0", id="minus-zero"),
        pytest.param(b"-1", id="negative"),
        pytest.param(b"01", id="leading-zero"),
        pytest.param(b"9223372036854775808", id="above-int64"),
        pytest.param(b"9" * 5000, id="digits"),
        pytest.param(b'{"a":1,"a":1}', id="member-twice"),
        pytest.param(b'{"a":1,"\\u0061":1}', id="member-twice-escaped"),
        pytest.param(b"{} {}", id="two-values"),
        pytest.param(b"[1,]", id="comma"),
    ],
)
def test_what_is_not_strict_json_is_malformed(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_json("text", text)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_a_size_is_an_integer_and_nothing_like_one(value: object) -> None:
    with pytest.raises(FormatError):
        read_size("size", value)


@pytest.mark.parametrize("members", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, [], None])
def test_an_object_has_exactly_its_members(members: object) -> None:
    names = frozenset("ab")
    assert read_members("object", {"a": 1, "b": 2}, names) == {"a": 1, "b": 2}
    with pytest.raises(FormatError):
        read_members("object", members, names)


def test_hashes_are_no_more_than_a_tree_has_levels() -> None:
    one = "A" * 43 + "="
    assert len(read_hashes("path", [one] * 64)) == 64
    with pytest.raises(FormatError):
        read_hashes("path", [one] * 65)
