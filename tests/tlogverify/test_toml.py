"""TOML is measured before it is parsed: what costs by the square never gets there."""

import tomllib

import pytest
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.errors import FormatError
from tlogverify.toml import MAX_DEPTH, parse_toml

LIMIT = 1 << 18
GOOD = b"""# a comment with dots .................... and brackets [[[[[[[[[[[[[[[[[[[[
a.b.c = 1
"d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s" = "https://a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s/"
list = [1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,0.5,1.5,2.5,3.5,4.5,5.5,6.5,7.5]
text = '''
....[[[[{{{{{{{{{{{{{{{{{{{{{{{{ "
'''
more = \"\"\"\\"\\"\\" .................... [[[[[[[[[[[[[[[[[[[[ \"\" \"\"\"\"\"
[[t]]
inline = { x.y = [ { z = "\\".....................[[[[[[[[[[[[[[[[[[" } ] }
[[t]]
path = 'C:\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.\\.'
"""


@pytest.mark.parametrize("text", [b"", b"\n", GOOD, GOOD.replace(b"\n", b"\r\n")])
def test_what_people_write_is_parsed_as_the_standard_parser_does(text: bytes) -> None:
    assert tomllib.loads(text.decode()) == parse_toml("a file", text, LIMIT)


@pytest.mark.parametrize("depth", [1, 2, MAX_DEPTH - 1, MAX_DEPTH])
def test_keys_and_arrays_may_be_so_deep(depth: int) -> None:
    key, brackets = b".".join([b"a"] * depth), min(depth, MAX_DEPTH - 1)
    for text in (
        key + b" = 1",
        b"[" + key + b"]",
        b"a = " + b"[" * brackets + b"]" * brackets,
    ):
        assert parse_toml("a file", text, LIMIT)


MANY = 12_000
DEEP = {
    "key": b"a." * MANY + b"a=1",
    "just-too-deep": b"a." * MAX_DEPTH + b"a=1",
    "spaced": b"a . " * MANY + b"a=1",
    "quoted": b'"a".' * MANY + b'"a"=1',
    "literal": b"'a'." * MANY + b"'a'=1",
    "table": b"[" + b"a." * MANY + b"a]",
    "array-of-tables": b"[[" + b"a." * MANY + b"a]]",
    "in-an-inline-table": b"x={" + b"a." * MANY + b"a=1}",
    "second-in-an-inline-table": b"x={y=1," + b"a." * MANY + b"a=1}",
    "arrays": b"a=" + b"[" * MANY + b"]" * MANY,
    "inline-tables": b"a=" + b"{a=" * MANY,
    "lines-of-arrays": b"a=" + b"[\n" * MANY,
    "behind-a-string": b'b="#"\n' + b"a." * MANY + b"a=1",
    "behind-a-comment": b'# "\n' + b"a." * MANY + b"a=1",
    "behind-long-strings": b'b="""x"""""\nc=\'\'\'x\'\'\'\n' + b"a." * MANY + b"a=1",
}


@in_one_test("text", DEEP.values(), ids=DEEP)
def test_what_is_deep_is_refused_before_it_is_parsed(text: bytes) -> None:
    with pytest.raises(FormatError, match=f"a file has at most {MAX_DEPTH} levels"):
        parse_toml("a file", text, LIMIT)


@pytest.mark.parametrize(
    "text",
    [
        b'a="' + b'\\"' * 100_000,
        b'a="""' + b'""\\' * 60_000,
        b"a='''" + b"''x" * 60_000,
    ],
    ids=["basic", "long", "literal"],
)
def test_a_string_without_an_end_is_measured_once(text: bytes) -> None:
    with pytest.raises(FormatError, match="a file is not TOML"):
        parse_toml("a file", text, LIMIT)


def test_a_document_has_a_bound() -> None:
    assert {} == parse_toml("a file", b"#" * LIMIT, LIMIT)
    with pytest.raises(FormatError, match=f"at most {LIMIT} bytes"):
        parse_toml("a file", b"#" * (LIMIT + 1), LIMIT)


@thorough
@given(any_bytes | near_misses(GOOD))
def test_whatever_the_bytes_one_error_comes_out(text: bytes) -> None:
    try:
        parsed = parse_toml("a file", text, LIMIT)
    except FormatError:
        return
    assert tomllib.loads(text.decode()) == parsed or "nan" in repr(parsed)
