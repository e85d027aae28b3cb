import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle import rfc6962
from tests.support.cases import in_one_test
from tests.tlogverify.actors import HEAD, SOME_HASH, Head
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tests.tlogverify.test_lines import NOT_DECIMAL
from tlogverify.checkpoint import Checkpoint, parse_checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import EMPTY_ROOT, Hash, to_hash
from tlogverify.lines import MAX_SIZE

ROOT = base64.b64encode(SOME_HASH)
EMPTY = base64.b64encode(rfc6962.EMPTY_ROOT)
ORIGINS = [
    "example.com/log",
    "an older log with spaces and a +",
    "日本.example",
    "a",
    "a" * 255,
    "é" * 127,
    "\x7f",
    " ",
]


@in_one_test("origin", ORIGINS)
@in_one_test("extensions", [(), ("one",), ("one", " two ", "— three é")])
def test_a_checkpoint_is_its_lines(origin: str, extensions: tuple[str, ...]) -> None:
    text = Head(origin, 7, HEAD.root, extensions).text
    checkpoint = Checkpoint(origin, 7, to_hash(HEAD.root), extensions)
    assert checkpoint == parse_checkpoint(text)
    assert text == checkpoint.encode()


@pytest.mark.parametrize("size", [1, 9, 10, MAX_SIZE])
def test_a_size_is_a_decimal(size: int) -> None:
    assert size == parse_checkpoint(Head(size=size).text).size


def test_the_empty_tree_has_a_checkpoint() -> None:
    assert parse_checkpoint(b"o\n0\n" + EMPTY + b"\n") == Checkpoint("o", 0, EMPTY_ROOT)


@in_one_test("size", NOT_DECIMAL)
def test_another_spelling_of_a_size_is_refused(size: bytes) -> None:
    with pytest.raises(FormatError):
        parse_checkpoint(b"origin\n" + size + b"\n" + ROOT + b"\n")


@in_one_test(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="blank-line"),
        pytest.param(b"origin\n7\n", id="two-lines"),
        pytest.param(b"origin\n7\n" + ROOT, id="no-final-newline"),
        pytest.param(b"\n7\n" + ROOT + b"\n", id="no-origin"),
        pytest.param(b"origin\n\n7\n" + ROOT + b"\n", id="blank-second-line"),
        pytest.param(b"origin\n7\n" + ROOT + b"\n\n", id="blank-extension"),
        pytest.param(b"origin\n7\n" + ROOT + b"\nx\n\ny\n", id="blank-within"),
        pytest.param(b"origin\r\n7\r\n" + ROOT + b"\r\n", id="returns"),
        pytest.param(b"origin\n7\n" + ROOT + b"\r\n", id="return-behind-the-root"),
        pytest.param(b"origin\r\n7\n" + ROOT + b"\n", id="return-in-the-origin"),
        pytest.param(b"ori\tgin\n7\n" + ROOT + b"\n", id="tab-in-the-origin"),
        pytest.param(b"origin\n7\n" + ROOT + b"\nx\x00\n", id="null-in-extension"),
        pytest.param(b"ori\xffgin\n7\n" + ROOT + b"\n", id="origin-not-utf-8"),
        pytest.param(b"origin\n7\n" + ROOT + b"\n\xff\n", id="extension-not-utf-8"),
        pytest.param(b"a" * 256 + b"\n7\n" + ROOT + b"\n", id="long-origin"),
        pytest.param(b"origin\n7\n" + ROOT[:-1] + b"\n", id="root-not-padded"),
        pytest.param(b"origin\n7\n" + ROOT[:40] + b"\n", id="root-of-30-bytes"),
        pytest.param(b"origin\n7\n" + ROOT + b"AAAA\n", id="root-of-35-bytes"),
        pytest.param(b"origin\n7\n" + HEAD.root.hex().encode() + b"\n", id="hex-root"),
        pytest.param(b"origin\n7\n " + ROOT + b"\n", id="space-before-the-root"),
        pytest.param(b"origin\n0\n" + ROOT + b"\n", id="another-empty-root"),
        pytest.param(b"origin\n7\n" + ROOT + b"\n" + b"x\n" * 65, id="65-extensions"),
    ],
)
def test_another_form_is_no_checkpoint(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_checkpoint(text)


@in_one_test(
    ("origin", "size", "root", "extensions"),
    [
        pytest.param("", 7, SOME_HASH, (), id="no-origin"),
        pytest.param("a" * 256, 7, SOME_HASH, (), id="long-origin"),
        pytest.param("é" * 128, 7, SOME_HASH, (), id="256-bytes"),
        pytest.param("a\nb", 7, SOME_HASH, (), id="newline-in-the-origin"),
        pytest.param("a\x1f", 7, SOME_HASH, (), id="control-in-the-origin"),
        pytest.param("\ud800", 7, SOME_HASH, (), id="surrogate-in-the-origin"),
        pytest.param("o", -1, SOME_HASH, (), id="negative-size"),
        pytest.param("o", MAX_SIZE + 1, SOME_HASH, (), id="large-size"),
        pytest.param("o", 7, Hash(b"x" * 31), (), id="short-root"),
        pytest.param("o", 0, SOME_HASH, (), id="another-empty-root"),
        pytest.param("o", 7, SOME_HASH, ("",), id="empty-extension"),
        pytest.param("o", 7, SOME_HASH, ("a", "b\n"), id="newline-in-an-extension"),
        pytest.param("o", 7, SOME_HASH, ("\udfff",), id="surrogate-in-an-extension"),
        pytest.param("o", 7, SOME_HASH, ("x",) * 65, id="65-extensions"),
    ],
)
def test_a_value_that_has_no_text_is_refused(
    origin: str, size: int, root: Hash, extensions: tuple[str, ...]
) -> None:
    with pytest.raises(FormatError):
        Checkpoint(origin, size, root, extensions)


@thorough
@given(
    any_bytes
    | near_misses(HEAD.text)
    | near_misses(Head(extensions=("one", "two")).text)
    | near_misses(b"o\n0\n" + EMPTY + b"\n")
)
def test_whatever_parses_encodes_as_it_was(text: bytes) -> None:
    try:
        checkpoint = parse_checkpoint(text)
    except FormatError:
        return
    assert text == checkpoint.encode()


@pytest.mark.exhaustive
@thorough
@given(
    st.text(max_size=80),
    st.integers(0, MAX_SIZE),
    st.binary(min_size=32, max_size=32).map(to_hash),
    st.lists(st.text(max_size=9), max_size=3).map(tuple),
)
def test_whatever_encodes_parses(
    origin: str, size: int, root: Hash, extensions: tuple[str, ...]
) -> None:
    try:
        checkpoint = Checkpoint(origin, size, root, extensions)
    except FormatError:
        return
    assert checkpoint == parse_checkpoint(checkpoint.encode())
