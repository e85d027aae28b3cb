"""Any bytes: canonical entries come out, or a FormatError, within bounds."""

import json
import math
import tracemalloc
from collections.abc import Callable

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.support.records import cbor_body, full_record, json_body, record
from tests.tlog.entries.values import body_of, mutations, thorough
from tests.tlogverify.strategies import json_objects
from tlog.entries.submission import (
    EntryError,
    parse_cbor_submission,
    parse_json_submission,
)
from tlogverify.errors import FormatError
from tlogverify.record import require_record

Parser = Callable[[bytes], list[bytes]]

VALUES = [full_record(1), record(2)]
JSON = json_body(*VALUES)
CBOR = cbor_body(*VALUES)

each_parser = pytest.mark.parametrize(
    "parse", [parse_json_submission, parse_cbor_submission]
)


def entries_or_none(parse: Parser, body: bytes) -> list[bytes] | None:
    """Parse; every other error than FormatError fails the test."""
    try:
        entries = parse(body)
    except FormatError:
        return None
    for entry in entries:
        require_record(entry)
    return entries


@each_parser
@given(body=st.binary(max_size=300))
@thorough
def test_any_bytes_are_refused_by_a_format_error(parse: Parser, body: bytes) -> None:
    entries_or_none(parse, body)


@given(st.text(max_size=200))
@thorough
def test_any_text_in_the_place_of_the_entries_is_refused(text: str) -> None:
    body = b'{"entries":' + text.encode("utf-8", "surrogatepass") + b"}"
    entries_or_none(parse_json_submission, body)


LEAVES = [
    None,
    True,
    False,
    0,
    1,
    "",
    "provenance",
    "é\0",
    0.5,
    -0.0,
    math.inf,
    math.nan,
]
objects = json_objects(
    ["", "kind", "version", "subject", "provenance", "sha256", "signer", "é", "\0"],
    LEAVES,
    members=5,
)


@given(
    objects
    | st.lists(objects, max_size=3)
    | st.sampled_from(LEAVES)
    | st.integers()
    | st.floats()
    | st.text()
)
@thorough
def test_any_other_value_is_refused(value: object) -> None:
    assert entries_or_none(parse_json_submission, json_body(value)) is None
    assert entries_or_none(parse_cbor_submission, cbor_body(value)) is None


@given(st.data())
@thorough
def test_a_damaged_json_body_is_refused_or_means_what_it_says(
    data: st.DataObject,
) -> None:
    damaged = data.draw(mutations(JSON) | body_of(VALUES).flatmap(mutations))
    entries = entries_or_none(parse_json_submission, damaged)
    if entries is not None:
        values = json.loads(damaged)["entries"]
        assert [rfc8785.dumps(value) for value in values] == entries


@given(mutations(CBOR))
@thorough
def test_a_damaged_cbor_body_is_refused_or_gives_entries(damaged: bytes) -> None:
    entries_or_none(parse_cbor_submission, damaged)


@each_parser
def test_every_body_that_is_cut_short_is_refused(parse: Parser) -> None:
    body = JSON if parse is parse_json_submission else CBOR
    assert parse(body)
    for end in range(len(body)):
        with pytest.raises(FormatError):
            parse(body[:end])


@each_parser
@pytest.mark.parametrize("position", [0, 1, 8_191, 9_999])
def test_the_first_bad_entry_is_named_by_its_position(
    parse: Parser, position: int
) -> None:
    if parse is parse_json_submission:
        good = json.dumps(record(0)).encode()
        entries = b",".join([good] * position + [b"{}"] + [good] * (9_999 - position))
        body = b'{"entries":[' + entries + b"]}"
    else:
        good = cbor_body(record(0)).removeprefix(b"\xa1\x67entries\x81")
        entries = good * position + b"\xa0" + good * (9_999 - position)
        body = b"\xa1\x67entries\x99" + (10_000).to_bytes(2, "big") + entries
    with pytest.raises(EntryError, match=f"entry {position}: an entry lacks") as caught:
        parse(body)
    assert position == caught.value.position


def test_no_depth_of_nesting_gives_another_error() -> None:
    places = [b'{"entries":%b}', b'{"entries":[%b]}', b'{"entries":[{"kind":%b}]}']
    for depth in [*range(1, 1_100, 1), 10_000, 1_000_000]:
        nested = b"[" * depth + b"]" * depth
        for place in places[: 1 if depth > 10_000 else 3]:
            assert entries_or_none(parse_json_submission, place % nested) is None


MIB = 1 << 20
ARRAY = b"\xa1\x67entries\x9a"
ONE_ENTRY = b"\xa1\x67entries\x81\x9a"


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        pytest.param(
            parse_json_submission,
            b'{"entries":[' + b"0," * (MIB // 2) + b"0]}",
            id="numbers",
        ),
        pytest.param(
            parse_json_submission,
            b'{"entries":[[' + b"0," * (MIB // 2) + b"0]]}",
            id="an entry of numbers",
        ),
        pytest.param(
            parse_json_submission,
            b'{"entries":[{"kind":[' + b"[]," * (MIB // 3) + b"0]}]}",
            id="an entry of arrays",
        ),
        *[
            pytest.param(
                parse_cbor_submission,
                head + MIB.to_bytes(4, "big") + item * MIB,
                id=name,
            )
            for head, where in ((ARRAY, "entries"), (ONE_ENTRY, "an entry"))
            for item, name in (
                (b"\x00", f"{where} of numbers in CBOR"),
                (b"\x80", f"{where} of arrays in CBOR"),
                (b"\xa0", f"{where} of maps in CBOR"),
            )
        ],
    ],
)
def test_a_body_never_costs_many_times_its_size(parse: Parser, body: bytes) -> None:
    tracemalloc.start()
    try:
        assert entries_or_none(parse, body) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * len(body)
