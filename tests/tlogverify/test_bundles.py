import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import case
from tests.tlogverify.strategies import thorough
from tlogverify.bundles import (
    MAX_BUNDLE_BYTES,
    MAX_ENTRY_BYTES,
    encode_bundle,
    parse_bundle,
)
from tlogverify.errors import FormatError

ENTRIES = [b"", b"a", b"\x00\x01", b"x" * 256]
BUNDLE = b"\x00\x00\x00\x01a\x00\x02\x00\x01\x01\x00" + b"x" * 256


def test_each_entry_stands_behind_its_length() -> None:
    assert encode_bundle(ENTRIES) == BUNDLE
    assert parse_bundle(BUNDLE, 4) == ENTRIES


def test_the_largest_bundle_is_parsed() -> None:
    entries = [bytes([index]) * MAX_ENTRY_BYTES for index in range(256)]
    bundle = encode_bundle(entries)
    assert len(bundle) == MAX_BUNDLE_BYTES
    assert entries == parse_bundle(bundle, 256)


def test_an_entry_has_at_most_65_535_bytes() -> None:
    with pytest.raises(OverflowError):
        encode_bundle([b"x" * (MAX_ENTRY_BYTES + 1)])


def test_a_bundle_that_is_cut_is_refused() -> None:
    for cut in range(1, len(BUNDLE) + 1):
        with case(f"cut {cut}"), pytest.raises(FormatError):
            parse_bundle(BUNDLE[:-cut], 4)


@pytest.mark.parametrize(
    ("bundle", "width"),
    [
        pytest.param(BUNDLE + b"\x00", 4, id="half-a-length-behind"),
        pytest.param(BUNDLE + b"\x00\x00", 4, id="an-entry-behind"),
        pytest.param(BUNDLE, 3, id="fewer-expected"),
        pytest.param(BUNDLE, 5, id="more-expected"),
        pytest.param(BUNDLE, 0, id="none-expected"),
        pytest.param(BUNDLE, -1, id="negative-width"),
        pytest.param(b"", 1, id="nothing"),
        pytest.param(b"\xff\xff", 1, id="length-alone"),
        pytest.param(b"\x00\x02a", 1, id="one-byte-short"),
        pytest.param(b"\x00", 1, id="half-a-length"),
    ],
)
def test_a_bundle_holds_its_entries_and_nothing_besides(
    bundle: bytes, width: int
) -> None:
    with pytest.raises(FormatError):
        parse_bundle(bundle, width)


def test_a_bundle_of_no_entries_is_empty() -> None:
    assert parse_bundle(b"", 0) == []
    assert encode_bundle([]) == b""


@thorough
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_whatever_is_encoded_parses(entries: list[bytes]) -> None:
    assert entries == parse_bundle(encode_bundle(entries), len(entries))


@thorough
@given(
    st.lists(st.sampled_from([b"\x00", b"\x01", b"\x02", b"a"]), max_size=20),
    st.integers(0, 6),
)
def test_whatever_parses_encodes_as_it_was(pieces: list[bytes], width: int) -> None:
    bundle = b"".join(pieces)
    try:
        entries = parse_bundle(bundle, width)
    except FormatError:
        return
    assert width == len(entries)
    assert bundle == encode_bundle(entries)
