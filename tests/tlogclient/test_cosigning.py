"""The two bodies that a witness reads: one spelling each, and nothing proven."""

import base64
import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import in_one_test
from tlogclient.cosigning import (
    AddCheckpoint,
    SignSubtree,
    origin_hash,
    parse_add_checkpoint,
    parse_sign_subtree,
)
from tlogverify.errors import FormatError
from tlogverify.hashing import Hash, to_hash
from tlogverify.lines import MAX_SIZE

HASHES = st.binary(min_size=32, max_size=32).map(to_hash)
PATHS = st.lists(HASHES, max_size=63).map(tuple)
SIZES = st.integers(0, MAX_SIZE)
NOTES = st.binary(min_size=1)
ONE = to_hash(bytes(range(32)))


@given(old=SIZES, path=PATHS, note=NOTES)
def test_an_add_checkpoint_is_read_as_it_was_written(
    old: int, path: tuple[Hash, ...], note: bytes
) -> None:
    """Also with a note that holds blank lines or is none."""
    request = AddCheckpoint(old, path, note)
    lines = [f"old {old}", *(base64.b64encode(it).decode() for it in path)]
    assert (
        "".join(f"{it}\n" for it in lines).encode() + b"\n" + note == request.encode()
    )
    assert request == parse_add_checkpoint(request.encode())


@given(
    start=st.integers(0, 70),
    end=st.integers(0, 70),
    path=PATHS,
    hashed=HASHES,
    note=NOTES,
)
def test_a_sign_subtree_is_read_as_it_was_written(
    start: int, end: int, path: tuple[Hash, ...], hashed: Hash, note: bytes
) -> None:
    request = SignSubtree(start, end, hashed, path, note)
    if rfc6962.is_valid_subtree(start, end):
        assert request == parse_sign_subtree(request.encode())
    else:
        with pytest.raises(FormatError, match="not a valid subtree"):
            parse_sign_subtree(request.encode())


@given(st.binary())
def test_any_bytes_are_a_format_error_or_encode_to_themselves(body: bytes) -> None:
    for parse in (parse_add_checkpoint, parse_sign_subtree):
        for prefix in (b"", b"old ", b"old 5\n", b"subtree 0 1\n", b"subtree 0 "):
            try:
                request = parse(prefix + body)
            except FormatError:
                continue
            assert prefix + body == request.encode()


def test_the_first_blank_line_ends_the_head() -> None:
    for note in (b"\n", b"\n\n", b"x\n\ny\n\nz", b"old 5\n\nx"):
        assert AddCheckpoint(5, (), note) == parse_add_checkpoint(b"old 5\n\n" + note)


@in_one_test("parse", [parse_add_checkpoint, parse_sign_subtree])
@in_one_test(
    "body", [b"", b"\n", b"\n\n", b"\n\nx", b"old 5\n\n", b"subtree 0 1\n\nx", b"\xff"]
)
def test_what_has_no_head_or_no_note_is_refused(
    parse: Callable[[bytes], object], body: bytes
) -> None:
    with pytest.raises(FormatError):
        parse(body)


def test_a_proof_has_at_most_63_hashes() -> None:
    for count in (0, 1, 63):
        parse_add_checkpoint(AddCheckpoint(5, (ONE,) * count, b"x").encode())
        parse_sign_subtree(SignSubtree(4, 8, ONE, (ONE,) * count, b"x").encode())
    with pytest.raises(FormatError, match="at most 63"):
        parse_add_checkpoint(AddCheckpoint(5, (ONE,) * 64, b"x").encode())
    with pytest.raises(FormatError, match="at most 63"):
        parse_sign_subtree(SignSubtree(4, 8, ONE, (ONE,) * 64, b"x").encode())


@pytest.mark.parametrize("size", ["9223372036854775808", "1" * 5_000, "-1", "+1", "01"])
def test_a_size_is_a_decimal_below_2_to_the_63(size: str) -> None:
    with pytest.raises(FormatError):
        parse_add_checkpoint(f"old {size}\n\nx".encode())
    with pytest.raises(FormatError):
        parse_sign_subtree(f"subtree 0 {size}\n{'A' * 43}=\n\nx".encode())


def test_the_largest_subtree_begins_at_the_first_leaf() -> None:
    largest = SignSubtree(0, MAX_SIZE, ONE, (), b"x")
    assert largest == parse_sign_subtree(largest.encode())
    with pytest.raises(FormatError):
        parse_sign_subtree(SignSubtree(1, MAX_SIZE, ONE, (), b"x").encode())


@pytest.mark.parametrize("origin", ["log.example", "a log + more", "ü", ""])
def test_a_log_is_named_by_the_hash_of_its_bytes(origin: str) -> None:
    assert hashlib.sha256(origin.encode()).hexdigest() == origin_hash(origin)
