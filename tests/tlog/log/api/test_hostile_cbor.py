"""CBOR bodies that are refused: each names its rule, and nothing is stored."""

import cbor2
import pytest

from tests.support.cases import in_one_test
from tests.support.filled import Filled
from tests.support.http import post
from tests.support.records import binary, cbor_body, full_record, record
from tests.support.refused import Unchanged, require_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = record("hostile")
GOOD = cbor_body(ONE)
KEY = b"\x67entries"
STRICT = "the entry is not strict CBOR"
LIMITLESS = b"\x7f\xff\xff\xff\xff\xff\xff\xff"


def entry(**changes: object) -> bytes:
    """Return a body of one record in CBOR with some members changed."""
    plain = binary(full_record("hostile"))
    assert isinstance(plain, dict)
    return cbor2.dumps({"entries": [{**plain, **changes}]})


def inner(value: bytes) -> bytes:
    """Return a body whose one entry is these bytes."""
    return b"\xa1" + KEY + b"\x81" + value


def tagged(number: int, value: object) -> bytes:
    return cbor2.dumps({"entries": [cbor2.CBORTag(number, value)]})


def body_case(name: str, body: bytes, detail: str) -> object:
    return pytest.param(body, "invalid-request", detail, id=name)


def entry_case(name: str, body: bytes, detail: str) -> object:
    return pytest.param(body, "invalid-entry", f"entry 0: {detail}", id=name)


MAP = 'the body is a map with the one member "entries"'
ARRAY = "entries is an array of definite length"
COUNT = "a request has 1 to 10000 entries"
CUT = "the entry is cut short"

MANY = b"\xa1" + KEY + b"\x99" + (10_001).to_bytes(2, "big")
MANY += cbor_body(ONE).removeprefix(b"\xa1" + KEY + b"\x81") * 10_001

CASES = [
    body_case("empty", b"", MAP),
    *[body_case(f"cut at {at}", GOOD[:at], MAP) for at in range(1, 9)],
    body_case("cut before the array", GOOD[:9], ARRAY),
    *[entry_case(f"cut at {at}", GOOD[:at], CUT) for at in range(10, len(GOOD), 7)],
    body_case("trailing byte", GOOD + b"\x00", "bytes stand behind the body's end"),
    body_case("two bodies", GOOD + GOOD, "bytes stand behind the body's end"),
    body_case("null", b"\xf6", MAP),
    body_case("undefined", b"\xf7", MAP),
    body_case("array", b"\x80", MAP),
    body_case("empty map", b"\xa0", MAP),
    body_case("another member", cbor2.dumps({"entries": [], "x": 1}), MAP),
    body_case("key as bytes", b"\xa1\x47entries\x80", MAP),
    body_case("key is a number", b"\xa1\x01\x80", MAP),
    body_case("key is an array", b"\xa1\x80\x80", MAP),
    body_case("key is a map", b"\xa1\xa0\x80", MAP),
    body_case("key is not a number", b"\xa1\xf9\x7e\x00\x80", MAP),
    body_case("key twice", b"\xa2" + KEY + b"\x80" + KEY + b"\x80", MAP),
    body_case("key is not UTF-8", b"\xa1\x67\xff\xff\xff\xff\xff\xff\xff\x80", MAP),
    body_case("entries is a number", b"\xa1" + KEY + b"\x20", ARRAY),
    body_case("entries is bytes", b"\xa1" + KEY + b"\x40", ARRAY),
    body_case("entries is a map", b"\xa1" + KEY + b"\xa0", ARRAY),
    body_case("entries is tagged", b"\xa1" + KEY + b"\xc0\x80", ARRAY),
    body_case("no entries", b"\xa1" + KEY + b"\x80", COUNT),
    body_case("10,001 entries", MANY, COUNT),
    body_case("endless map", b"\xbf" + KEY + b"\x80\xff", MAP),
    body_case("endless array", b"\xa1" + KEY + b"\x9f\xff", ARRAY),
    body_case("endless text", b"\xa1\x7f\x67entries\xff\x80", MAP),
    body_case("break alone", b"\xff", MAP),
    body_case("reserved length", b"\x1c", MAP),
    *[
        body_case(f"reserved length {it}", b"\xa1" + KEY + bytes([0x80 + it]), ARRAY)
        for it in (28, 29, 30)
    ],
    body_case("length cut short", b"\xa1" + KEY + b"\x9a\x00", "within a length"),
    body_case("map of 2**63", b"\xbb" + LIMITLESS, MAP),
    body_case("array of 2**32", b"\xa1" + KEY + b"\x9a\xff\xff\xff\xff", COUNT),
    body_case("array of 2**63", b"\xa1" + KEY + b"\x9b" + LIMITLESS, COUNT),
    body_case("array of 2**64", b"\xa1" + KEY + b"\x9b" + b"\xff" * 8, COUNT),
    body_case("bytes of 2**63", b"\xa1" + KEY + b"\x5b" + LIMITLESS, ARRAY),
    body_case("nested too deeply", b"\x81" * 100_000 + b"\x80", MAP),
    body_case("tags nested too deeply", b"\xc6" * 100_000 + b"\x80", MAP),
    body_case("self-described", b"\xd9\xd9\xf7" + GOOD, MAP),
    pytest.param(
        GOOD.replace(b"s\x81", b"s\x82"),
        "invalid-entry",
        f"entry 1: {CUT}",
        id="more entries declared",
    ),
    entry_case("endless bytes", inner(b"\x5f\x41a\xff"), STRICT),
    entry_case("endless entry", inner(b"\xbf\xff"), STRICT),
    entry_case("array of 2**63 in an entry", inner(b"\x9b" + LIMITLESS), CUT),
    entry_case("map of 2**63 in an entry", inner(b"\xbb" + LIMITLESS), CUT),
    entry_case("text of 2**63 in an entry", inner(b"\x7b" + LIMITLESS), CUT),
    entry_case("bytes of 2**64 in an entry", inner(b"\x5b" + b"\xff" * 8), CUT),
    entry_case("a large entry", inner(b"\x9a\x00\x10\x00\x00" + b"\x80" * 2**20), CUT),
    entry_case(
        "an entry nested too deeply", inner(b"\x81" * 100_000 + b"\x80"), STRICT
    ),
    entry_case("maps nested too deeply", inner(b"\xa1\x61a" * 100_000), STRICT),
    entry_case("tags nested too deeply in an entry", inner(b"\xc6" * 100_000), STRICT),
    entry_case("key of an entry twice", inner(b"\xa2\x61a\x00\x61a\x00"), STRICT),
    entry_case("key of an entry is a number", inner(b"\xa1\x01\x00"), STRICT),
    entry_case("key of an entry is not UTF-8", inner(b"\xa1\x61\xff\x00"), STRICT),
    *[
        entry_case(f"tag {number}", tagged(number, value), STRICT)
        for number, value in [
            *[(0, "2020-01-01T00:00:00Z"), (1, 0), (2, b"\x01" * 9), (3, b"\x01")],
            *[(4, [1, 2]), (5, [1, 2]), (21, b""), (25, 0), (28, []), (29, 0)],
            *[(30, [1, 2]), (35, "(a+)+$"), (36, "MIME-Version: 1.0"), (37, b"x" * 16)],
            *[(52, b"abcd"), (54, b"x" * 16), (100, 1), (256, []), (258, [1])],
            *[(260, b"abcd"), (261, {}), (1004, "2020-01-01"), (43000, [1, 2])],
            *[(9999, 1), (2**64 - 1, 1)],
        ]
    ],
    entry_case("null entry", cbor2.dumps({"entries": [None]}), "an entry is an object"),
    entry_case("float entry", cbor2.dumps({"entries": [1.5]}), "an entry is an object"),
    entry_case("simple value", b"\xa1" + KEY + b"\x81\xe0", "an entry is an object"),
    entry_case("6 arrays", inner(b"\x81" * 5 + b"\x80"), "an entry is an object"),
    entry_case("unknown member", entry(extra=1), "an entry has an unknown member"),
    entry_case(
        "key of an entry as bytes",
        cbor2.dumps({"entries": [{b"kind": 1}]}),
        "an entry has an unknown member",
    ),
    entry_case("kind as bytes", entry(kind=b"provenance"), 'kind is "provenance"'),
    entry_case("version true", entry(version=True), "version is 1"),
    entry_case("version 1.0", entry(version=1.0), "version is 1"),
    entry_case(
        "digest as hex",
        cbor2.dumps({"entries": [ONE]}),
        "sha256 is a byte string of 32 bytes",
    ),
    entry_case(
        "digest of 31 bytes",
        entry(provenance={"sha256": b"x" * 31}),
        "provenance's sha256 is a byte string of 32",
    ),
    entry_case(
        "digest of 33 bytes",
        entry(signer={"sha256": b"x" * 33}),
        "signer's sha256 is a byte string of 32",
    ),
    entry_case(
        "sha512 of 32 bytes",
        entry(subject=[{"sha256": b"x" * 32, "sha512": b"x" * 32}]),
        "sha512 is a byte string of 64",
    ),
    entry_case(
        "predicateType as bytes",
        entry(predicateType=b"urn:a"),
        "predicateType is a string",
    ),
    entry_case(
        "predicateType not ASCII",
        entry(predicateType="urn:ü"),
        "predicateType is a URI",
    ),
    entry_case(
        "no subject at all", entry(subject=[]), "a record has 1 to 256 subjects"
    ),
    entry_case(
        "unsorted subjects",
        entry(subject=[{"sha256": b"b" * 32}, {"sha256": b"a" * 32}]),
        "subjects are sorted",
    ),
]


@in_one_test(("body", "token", "detail"), CASES)
async def test_a_broken_cbor_body_is_refused(
    filled: Filled, body: bytes, token: str, detail: str
) -> None:
    with Unchanged(filled):
        answer = await post(filled.url, body, media_type="application/cbor")
        require_refused(answer, 400, token, detail)


async def test_a_repeated_member_deep_in_an_entry_is_refused(filled: Filled) -> None:
    repeated = GOOD.replace(b"\x67version\x01", b"\x67version\x01\x67version\x01")
    body = repeated.replace(b"\x81\xa4", b"\x81\xa5")
    with Unchanged(filled):
        answer = await post(filled.url, body, media_type="application/cbor")
        require_refused(answer, 400, "invalid-entry", f"entry 0: {STRICT}")


async def test_the_position_of_a_bad_entry_is_named(filled: Filled) -> None:
    values = [binary(record(f"never stored {nth}")) for nth in range(3)]
    body = cbor2.dumps({"entries": [*values, {}]})
    with Unchanged(filled):
        answer = await post(filled.url, body, media_type="application/cbor")
        require_refused(answer, 400, "invalid-entry", "entry 3: an entry lacks")
        assert 3 == answer.json()["position"]
