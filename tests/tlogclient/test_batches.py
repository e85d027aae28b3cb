"""What goes into one request."""

import json

import pytest

from tests.tlogclient.fake_log import entry, record
from tlogclient.batches import (
    MAX_BODY_BYTES,
    MAX_ENTRIES,
    encode_body,
    encode_entries,
    split_entries,
)
from tlogverify import FormatError


def test_a_body_is_the_json_of_its_entries() -> None:
    entries = encode_entries([record(0), entry(1)])
    assert json.loads(encode_body(entries)) == {
        "entries": [json.loads(entry(0)), json.loads(entry(1))]
    }


@pytest.mark.parametrize(
    "bad",
    [b"", b"{}", b'1],"entries":[1', entry(0) + b" ", entry(0).replace(b"1}", b"1.0}")],
)
def test_bytes_that_are_no_canonical_entry_are_not_sent(bad: bytes) -> None:
    with pytest.raises(FormatError, match="entry 1"):
        encode_entries([entry(0), bad])


def test_no_entries_make_no_request() -> None:
    assert list(split_entries([])) == []


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, [1]),
        (MAX_ENTRIES, [MAX_ENTRIES]),
        (MAX_ENTRIES + 1, [MAX_ENTRIES, 1]),
        (2 * MAX_ENTRIES + 3, [MAX_ENTRIES, MAX_ENTRIES, 3]),
    ],
)
def test_a_request_holds_so_many_entries(count: int, sizes: list[int]) -> None:
    assert [len(batch) for batch in split_entries([b"{}"] * count)] == sizes


def test_a_request_holds_so_many_bytes() -> None:
    frame = len(encode_body([b""]))
    half = (MAX_BODY_BYTES - frame - 1) // 2
    exact = [b"a" * half, b"b" * (MAX_BODY_BYTES - frame - 1 - half)]
    assert len(encode_body(exact)) == MAX_BODY_BYTES
    assert list(split_entries(exact)) == [exact]
    above = [exact[0], exact[1] + b"b"]
    assert list(split_entries(above)) == [above[:1], above[1:]]


def test_splitting_keeps_the_order() -> None:
    entries = [b"%d" % number for number in range(MAX_ENTRIES + 5)]
    assert [item for batch in split_entries(entries) for item in batch] == entries
