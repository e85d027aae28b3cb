"""The scanner declines, or gives what Python gives; and Python gives all by itself."""

import subprocess
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import case
from tests.support.records import (
    JsonObject,
    canonical,
    digest,
    full_record,
    json_body,
    record,
)
from tests.tlog.entries.values import mutations, records, thorough
from tlog import hashing
from tlog.entries.built import body_scanner, decline, row_scanner
from tlog.entries.packed import Packed
from tlog.entries.rows import MAX_INDEX, plain_rows
from tlog.entries.scanning import (
    index_rows,
    read_cbor_submission,
    read_json_submission,
)
from tlog.entries.submission import MAX_ENTRIES, parse_json_submission
from tlogverify.errors import FormatError


def body_with(*entries: bytes) -> bytes:
    """Return the body of entries as they are."""
    return b'{"entries":[' + b",".join(entries) + b"]}"


VALUES = [full_record(1), record(2), record("three", subjects=3)]
ENTRIES = [canonical(value) for value in VALUES]
LAST = canonical(full_record(9))

HAS_SCANNER = body_scanner is not decline
needs_scanner = pytest.mark.skipif(not HAS_SCANNER, reason="there was no compiler")


def scanned(body: bytes) -> list[bytes] | None:
    """Return what the scanner makes of a body, whose bundle must be that of Python."""
    found = body_scanner(body, MAX_ENTRIES)
    if found is None:
        return None
    entries = [*found]
    again = Packed.of(entries)
    assert (again.bundle, again.sizes) == (found.bundle, found.sizes)
    return entries


def parsed(body: bytes) -> list[bytes] | None:
    """Return what Python makes of a body; None if it is refused."""
    try:
        return parse_json_submission(body)
    except FormatError:
        return None


def rows_both_ways(entries: list[bytes], start: int) -> bytes | None:
    """Return the scanner's rows, if it has any: they must be those of Python."""
    packed = Packed.of(entries)
    leaf_hashes = hashing.hash_leaves(entries)
    found = row_scanner(packed.bundle, len(packed), leaf_hashes, start)
    plain = plain_rows(packed.bundle, len(packed), leaf_hashes, start)
    assert found in {None, plain}
    assert plain == index_rows(packed.bundle, len(packed), leaf_hashes, start)
    return found


@needs_scanner
@given(st.lists(records(), min_size=1, max_size=4), st.integers(0, MAX_INDEX - 4))
@thorough
def test_canonical_records_are_recognised(values: list[JsonObject], start: int) -> None:
    entries = [canonical(value) for value in values]
    assert entries == scanned(body_with(*entries)) == parsed(body_with(*entries))
    assert rows_both_ways(entries, start) is not None


@given(mutations(body_with(*ENTRIES)) | st.binary(max_size=40))
@thorough
def test_any_other_body_is_declined_or_read_as_python_reads_it(body: bytes) -> None:
    found = scanned(body)
    assert found is None or found == parsed(body)


@needs_scanner
@given(mutations(ENTRIES[0]), st.integers(0, 3))
@thorough
def test_rows_of_damaged_entries_are_declined_or_those_of_python(
    damaged: bytes, at: int
) -> None:
    packed = Packed.of([*ENTRIES[:at], damaged, *ENTRIES[at:]])
    leaf_hashes = bytes(32 * len(packed))
    found = row_scanner(packed.bundle, len(packed), leaf_hashes, 5)
    # Only an entry that the parser takes has rows at all.
    if parsed(body_with(damaged)) != [damaged]:
        assert found is None
    else:
        assert found == plain_rows(packed.bundle, len(packed), leaf_hashes, 5)


@needs_scanner
@given(st.binary(max_size=60), st.integers(0, 4))
@thorough
def test_any_bytes_in_the_place_of_a_bundle_are_declined(
    bundle: bytes, count: int
) -> None:
    assert row_scanner(bundle, count, bytes(32 * count), 0) is None


NAMED = canonical({**record(1), "predicateType": "x:y"})


@needs_scanner
def test_one_odd_byte_is_declined() -> None:
    """Each byte of a record by itself, changed to its neighbours and to white space."""
    entry = canonical(full_record(3))
    for at in range(len(entry)):
        for byte in {entry[at] ^ 1, entry[at] ^ 0x20, ord(" "), ord("\\"), 0, 255}:
            body = body_with(entry[:at] + bytes([byte]) + entry[at + 1 :], LAST)
            with case(f"byte {at} is {byte}"):
                found = scanned(body)
                assert found is None or found == parsed(body)


@needs_scanner
def test_a_body_that_is_cut_or_goes_on_is_declined() -> None:
    body = body_with(canonical(full_record(3)), LAST)
    assert scanned(body) is not None
    for end in range(len(body)):
        assert scanned(body[:end]) is None, end
    for more in (b" ", b"\n", b"}", b"\0"):
        assert scanned(body + more) is None
        assert scanned(more + body) is None


@needs_scanner
def test_the_bounds_are_those_of_the_parser() -> None:
    """At each bound both take it; one beyond it the scanner declines."""
    uri = {1: "a:b", 63: "s" * 63 + ":p", 254: "s:" + "p" * 254}
    subjects = [record("size", subjects=count) for count in (1, 2, 190, 256)]
    typed = [{**record(1), "predicateType": it} for it in uri.values()]
    for value in [*subjects, *typed]:
        entry = canonical(value)
        assert [entry] == scanned(body_with(entry)) == parsed(body_with(entry))
        assert rows_both_ways([entry], 7) is not None
    too_much = [
        NAMED.replace(b"x:y", it)
        for it in (b"s" * 64 + b":p", b"s:" + b"p" * 255, b"sss:" + b"p" * 253)
    ]
    too_much += [NAMED.replace(b"x:y", it) for it in (b"x:", b":y", b"1:y", b"x")]
    for entry in too_much:
        assert scanned(body_with(entry)) is None
        assert row_scanner(*_alone(entry), bytes(32), 0) is None
    entry = canonical(record(1))
    assert [entry] * 10_000 == scanned(body_with(*[entry] * 10_000))
    assert scanned(body_with(*[entry] * 10_001)) is None


@needs_scanner
def test_subjects_that_do_not_ascend_are_declined() -> None:
    entry = canonical(record("two", subjects=2))
    first, second = entry.split(b'"sha256":"')[2:]
    swapped = entry.replace(first[:64], b"x" * 64)
    swapped = swapped.replace(second[:64], first[:64]).replace(b"x" * 64, second[:64])
    doubled = entry.replace(second[:64], first[:64])
    for wrong in (swapped, doubled):
        assert scanned(body_with(wrong)) is None
        assert parsed(body_with(wrong)) is None


@needs_scanner
def test_an_entry_above_the_bound_of_bytes_is_declined() -> None:
    """256 subjects of all three digests have more than 65,535 bytes."""
    long = {"sha384": "0" * 96, "sha512": "0" * 128}
    for count, fits in ((190, True), (201, False)):
        subjects = [{"sha256": f"{nth:064x}", **long} for nth in range(count)]
        value = {**record("long"), "subject": subjects}
        body = json_body(value)
        assert (parsed(body) is not None) == fits, count
        entry = canonical(value)
        assert scanned(body_with(entry)) == ([entry] if fits else None)


def test_rows_are_in_order_and_no_two_the_same() -> None:
    same = {"sha256": digest("the same")}
    value = {**record(1), "subject": [same], "provenance": same}
    entries = [canonical(value), *(canonical(record(it)) for it in range(300))]
    packed = Packed.of(entries)
    rows = index_rows(packed.bundle, 301, hashing.hash_leaves(entries), 1 << 20)
    each = [rows[at : at + 39] for at in range(0, len(rows), 39)]
    assert sorted(set(each)) == each
    assert 301 * 3 - 1 == len(each)


@needs_scanner
def test_wrong_numbers_are_a_mistake() -> None:
    packed = Packed.of([LAST])
    wrong = [(1, bytes(31), 0), (2, bytes(32), 0), (1, bytes(32), MAX_INDEX)]
    for count, leaf_hashes, start in [*wrong, (1, bytes(32), -1)]:
        with pytest.raises(ValueError, match="six bytes"):
            row_scanner(packed.bundle, count, leaf_hashes, start)


def test_what_is_declined_goes_to_the_parser() -> None:
    spaced = body_with(LAST).replace(b",", b", ")
    assert [LAST] == [*read_json_submission(spaced)]
    with pytest.raises(FormatError, match="the body is"):
        read_json_submission(b"[]")
    with pytest.raises(FormatError, match="the body is a map"):
        read_cbor_submission(b"[]")


def test_without_a_compiler_python_does_it_all() -> None:
    program = (
        "import sys; sys.modules['tlog.entries._scanner'] = None\n"
        "from tlog.entries import built, scanning\n"
        "assert built.body_scanner is built.row_scanner is built.decline\n"
        "body = sys.stdin.buffer.read()\n"
        "found = scanning.read_json_submission(body)\n"
        "rows = scanning.index_rows(found.bundle, len(found), bytes(32), 3)\n"
        "print(found[0].hex(), rows.hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=body_with(LAST),
        capture_output=True,
        check=True,
    )
    rows = index_rows(*_alone(LAST), bytes(32), 3)
    assert f"{LAST.hex()} {rows.hex()}".encode() == done.stdout.strip()


def _alone(entry: bytes) -> tuple[bytes, int]:
    packed = Packed(len(entry).to_bytes(2, "big") + entry, array("H", [len(entry)]))
    return packed.bundle, 1
