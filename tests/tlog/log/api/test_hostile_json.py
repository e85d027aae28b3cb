"""JSON bodies that are refused: each names its rule, and nothing is stored."""

from collections.abc import Callable

import pytest

from tests.support.cases import in_one_test
from tests.support.filled import Filled
from tests.support.http import post
from tests.support.records import (
    canonical,
    digest,
    full_record,
    json_body,
    record,
    subject,
)
from tests.support.refused import Unchanged, require_refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = record("hostile")
GOOD = canonical(ONE)
UPPER = digest("x").upper()
SORTED = sorted((subject("a"), subject("b")), key=lambda it: it["sha256"])


def entry(**changes: object) -> bytes:
    """Return a body of one record with some members changed."""
    return json_body({**full_record("hostile"), **changes})


def without(name: str) -> bytes:
    return json_body({key: ONE[key] for key in ONE if key != name})


def spelled(old: str, new: str) -> bytes:
    """Return a body whose one record has some of its text replaced."""
    text = canonical(full_record("hostile")).decode()
    assert old in text
    return b'{"entries":[' + text.replace(old, new).encode() + b"]}"


def body_case(name: str, body: bytes, detail: str) -> object:
    return pytest.param(body, "invalid-request", detail, id=name)


def entry_case(name: str, body: bytes, detail: str) -> object:
    return pytest.param(body, "invalid-entry", f"entry 0: {detail}", id=name)


BEHIND = "behind an entry stands a comma or the end"
ENVELOPE = 'the body is {"entries":[...]}'
COUNT = "a request has 1 to 10000 entries"
NO_JSON = "the entry is not JSON"
NO_OBJECT = "an entry is an object"

BODIES = [
    body_case("empty", b"", ENVELOPE),
    body_case("white space", b" \n", ENVELOPE),
    body_case("null", b"null", ENVELOPE),
    body_case("array", b"[]", ENVELOPE),
    body_case("no member", b"{}", ENVELOPE),
    body_case("another member first", b'{"x":1,"entries":[%b]}' % GOOD, ENVELOPE),
    body_case("another member last", b'{"entries":[%b],"x":1}' % GOOD, BEHIND),
    body_case("entries twice", b'{"entries":[%b],"entries":[]}' % GOOD, BEHIND),
    body_case("entries is null", b'{"entries":null}', ENVELOPE),
    body_case("entries is an object", b'{"entries":{}}', ENVELOPE),
    body_case("entries is a string", b'{"entries":"[]"}', ENVELOPE),
    body_case("no entries", b'{"entries":[]}', COUNT),
    body_case("10,001 entries", json_body(*([ONE] * 10_001)), COUNT),
    body_case("cut short", json_body(ONE)[:-1], BEHIND),
    body_case("trailing bytes", json_body(ONE) + b"x", BEHIND),
    body_case("trailing value", json_body(ONE) + json_body(ONE), BEHIND),
    body_case("trailing brace", json_body(ONE) + b"}", BEHIND),
    body_case("no comma", b'{"entries":[%b %b]}' % (GOOD, GOOD), BEHIND),
    body_case("NUL", json_body(ONE) + b"\x00", BEHIND),
    body_case("single quotes", b"{'entries':[%b]}" % GOOD, ENVELOPE),
    body_case("byte order mark", b"\xef\xbb\xbf" + json_body(ONE), ENVELOPE),
    body_case("UTF-16", json_body(ONE).decode().encode("utf-16"), ENVELOPE),
    body_case("no-break space", b"\xa0" + json_body(ONE), ENVELOPE),
]

ENTRIES = [
    entry_case("entries twice", b'{"entries":[],"entries":[%b]}' % GOOD, NO_JSON),
    entry_case("entry cut short", b'{"entries":[' + GOOD[:-3] + b"}", NO_JSON),
    entry_case("comment", b'{"entries":[/**/%b]}' % GOOD, NO_JSON),
    entry_case("comma first", b'{"entries":[,%b]}' % GOOD, NO_JSON),
    entry_case("not a number", b'{"entries":[NaN]}', "floats are not allowed"),
    entry_case("lone surrogate", b'{"entries":["\\ud800"]}', NO_OBJECT),
    entry_case("bare control", spelled("https", "ht\ntps"), NO_JSON),
    entry_case("leading zero", spelled('"version":1', '"version":01'), NO_JSON),
    entry_case("plus sign", spelled('"version":1', '"version":+1'), NO_JSON),
    entry_case("400,001 values", b'{"entries":[%b0]}' % (b"0," * 400_000), NO_OBJECT),
    entry_case("a brace in a string", b'{"entries":["{}"]}', NO_OBJECT),
    entry_case("null entry", b'{"entries":[null]}', "an entry is an object"),
    entry_case("number entry", b'{"entries":[1]}', "an entry is an object"),
    entry_case("float entry", b'{"entries":[1.5]}', "floats are not allowed"),
    entry_case("array entry", b'{"entries":[[]]}', "an entry is an object"),
    entry_case("empty entry", b'{"entries":[{}]}', "an entry lacks the member kind"),
    entry_case("unknown member", entry(extra=1), "an entry has an unknown member"),
    entry_case(
        "member of another case",
        entry(Kind="provenance"),
        "an entry has an unknown member",
    ),
    *[
        entry_case(f"no {name}", without(name), f"an entry lacks the member {name}")
        for name in ONE
    ],
    entry_case("unknown kind", entry(kind="sbom"), 'kind is "provenance"'),
    entry_case("kind is null", entry(kind=None), 'kind is "provenance"'),
    entry_case("version 2", entry(version=2), "version is 1"),
    entry_case("version true", entry(version=True), "version is 1"),
    entry_case("version text", entry(version="1"), "version is 1"),
    entry_case("version 1.0", entry(version=1.0), "floats are not allowed"),
    entry_case(
        "version 1e0", spelled('"version":1', '"version":1e0'), "floats are not allowed"
    ),
    entry_case("version -0", spelled('"version":1', '"version":-0'), "version is 1"),
    entry_case(
        "version of 4,000 digits",
        spelled('"version":1', '"version":1' + "0" * 4_000),
        "version is 1",
    ),
    entry_case(
        "version of 5,000 digits",
        spelled('"version":1', '"version":1' + "0" * 5_000),
        "the entry is not JSON",
    ),
    entry_case(
        "subject is an object", entry(subject=subject("a")), "subject is an array"
    ),
    entry_case(
        "no subject at all", entry(subject=[]), "a record has 1 to 256 subjects"
    ),
    entry_case(
        "257 subjects",
        json_body(record(subjects=257)),
        "a record has 1 to 256 subjects",
    ),
    entry_case(
        "subject is a string", entry(subject=[digest("a")]), "a subject is an object"
    ),
    entry_case(
        "subject without sha256",
        entry(subject=[{"sha512": digest("a", "sha512")}]),
        "a subject lacks the member sha256",
    ),
    entry_case(
        "subject with sha1",
        entry(subject=[{**subject("a"), "sha1": "00"}]),
        "a subject has an unknown member",
    ),
    entry_case(
        "subject with a name",
        entry(subject=[{**subject("a"), "name": "app"}]),
        "a subject has an unknown member",
    ),
    entry_case(
        "unsorted subjects",
        entry(subject=SORTED[::-1]),
        "subjects are sorted by sha256 and unique",
    ),
    entry_case(
        "repeated subjects",
        entry(subject=[SORTED[0], SORTED[0]]),
        "subjects are sorted by sha256 and unique",
    ),
    entry_case(
        "upper-case hex",
        entry(subject=[{"sha256": UPPER}]),
        "sha256 is 64 lower-case hex digits",
    ),
    entry_case(
        "upper-case provenance",
        entry(provenance={"sha256": UPPER}),
        "provenance's sha256 is 64 lower-case hex",
    ),
    entry_case(
        "upper-case signer",
        entry(signer={"sha256": UPPER}),
        "signer's sha256 is 64 lower-case hex",
    ),
    entry_case(
        "short hex",
        entry(provenance={"sha256": "ab" * 31}),
        "provenance's sha256 is 64",
    ),
    entry_case(
        "long hex", entry(provenance={"sha256": "ab" * 33}), "provenance's sha256 is 64"
    ),
    entry_case(
        "odd hex", entry(provenance={"sha256": "a" * 63}), "provenance's sha256 is 64"
    ),
    entry_case(
        "hex with a newline",
        entry(provenance={"sha256": "a" * 63 + "\n"}),
        "provenance's sha256 is 64",
    ),
    entry_case(
        "hex with other digits",
        entry(provenance={"sha256": "٣" * 64}),
        "provenance's sha256 is 64",
    ),
    entry_case(
        "hex is a number", entry(provenance={"sha256": 7}), "provenance's sha256 is 64"
    ),
    entry_case(
        "hex is null", entry(provenance={"sha256": None}), "provenance's sha256 is 64"
    ),
    entry_case(
        "sha384 of 32 bytes",
        entry(subject=[{**subject("a"), "sha384": digest("a")}]),
        "sha384 is 96 lower-case hex",
    ),
    entry_case(
        "provenance is a string",
        entry(provenance=digest("a")),
        "provenance is an object",
    ),
    entry_case(
        "provenance is empty",
        entry(provenance={}),
        "provenance lacks the member sha256",
    ),
    entry_case(
        "provenance with sha512",
        entry(provenance=subject("a", "sha512")),
        "provenance has an unknown member",
    ),
    entry_case("signer is null", entry(signer=None), "signer is an object"),
    entry_case(
        "predicateType is null", entry(predicateType=None), "predicateType is a string"
    ),
    entry_case(
        "predicateType is empty", entry(predicateType=""), "predicateType is a URI"
    ),
    entry_case(
        "predicateType without scheme",
        entry(predicateType="slsa"),
        "predicateType is a URI",
    ),
    entry_case(
        "predicateType with a space",
        entry(predicateType="urn:a b"),
        "predicateType is a URI",
    ),
    entry_case(
        "predicateType with a quote",
        entry(predicateType='urn:"'),
        "predicateType is a URI",
    ),
    entry_case(
        "predicateType not ASCII",
        entry(predicateType="urn:ü"),
        "predicateType is a URI",
    ),
    entry_case(
        "predicateType with a newline",
        entry(predicateType="urn:a\n"),
        "predicateType is a URI",
    ),
    entry_case(
        "predicateType of 257",
        entry(predicateType="urn:" + "a" * 253),
        "predicateType is a URI of at most 256",
    ),
    entry_case(
        "above 65,535 bytes",
        json_body(
            {
                **ONE,
                "subject": sorted(
                    (subject(f"{n}", "sha384", "sha512") for n in range(256)),
                    key=lambda it: it["sha256"],
                ),
            }
        ),
        "an entry has at most 65535 bytes",
    ),
    entry_case(
        "above 393,210 bytes of JSON",
        entry(extra="x" * 393_210),
        "the entry is not JSON of at most 393210 bytes",
    ),
    entry_case(
        "kind twice",
        spelled('"kind":"provenance"', '"kind":"provenance","kind":"provenance"'),
        "a member stands here twice",
    ),
    entry_case(
        "kind twice, once escaped",
        spelled('"kind":"provenance"', '"kind":"provenance","\\u006bind":"provenance"'),
        "a member stands here twice",
    ),
    entry_case(
        "sha256 twice",
        spelled('"provenance":{', f'"provenance":{{"sha256":"{UPPER}",'),
        "a member stands here twice",
    ),
    entry_case(
        "bytes that are not UTF-8",
        spelled("https", "@").replace(b"@", b"\xff"),
        "predicateType is a URI",
    ),
]


@in_one_test(("body", "token", "detail"), [*BODIES, *ENTRIES])
async def test_a_broken_json_body_is_refused(
    filled: Filled, body: bytes, token: str, detail: str
) -> None:
    with Unchanged(filled):
        answer = await post(filled.url, body)
        require_refused(answer, 400, token, detail)
        if token == "invalid-entry":
            assert 0 == answer.json()["position"]


@pytest.mark.parametrize("behind", [b",", b",,%b", b",null", b",x", b",{"])
async def test_what_stands_behind_a_comma_is_an_entry(
    filled: Filled, behind: bytes
) -> None:
    body = b'{"entries":[' + GOOD + behind.replace(b"%b", GOOD) + b"]}"
    with Unchanged(filled):
        answer = await post(filled.url, body)
        require_refused(answer, 400, "invalid-entry", "entry 1: ")
        assert 1 == answer.json()["position"]


@pytest.mark.parametrize("position", [0, 1, 57, 99])
async def test_one_bad_entry_refuses_all_and_its_position_is_named(
    filled: Filled, position: int
) -> None:
    values = [record(f"never stored {nth}") for nth in range(100)]
    values[position] = {**values[position], "version": 2}
    with Unchanged(filled):
        answer = await post(filled.url, json_body(*values))
        rule = f"entry {position}: version is 1: found 2"
        require_refused(answer, 400, "invalid-entry", rule)
        assert position == answer.json()["position"]


DEEP: list[Callable[[bytes], bytes]] = [
    lambda nested: b'{"entries":%b}' % nested,
    lambda nested: b'{"entries":[%b]}' % nested,
    lambda nested: b'{"entries":[{"kind":%b}]}' % nested,
    lambda nested: GOOD.join([b'{"entries":[', b"]}"]).replace(b"1}", nested + b"}"),
    lambda nested: entry(predicateType=0).replace(b"0", nested, 1),
    lambda nested: b'{"entries":[{"subject":%b}]}' % nested,
]


@in_one_test("place", range(len(DEEP)))
@in_one_test(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")]
)
@in_one_test("depth", [100, 1_000, 100_000])
async def test_deep_nesting_is_refused(
    filled: Filled, place: int, opening: bytes, closing: bytes, depth: int
) -> None:
    inner = b"" if opening == b"[" else b"1"
    body = DEEP[place](opening * depth + inner + closing * depth)
    with Unchanged(filled):
        answer = await post(filled.url, body)
        require_refused(answer, 400, answer.json()["type"], "")


async def test_no_depth_of_nesting_is_a_fault(filled: Filled) -> None:
    # One depth that a parser still takes may be one too deep for what comes after it.
    bodies = {
        depth: DEEP[1](b"[" * depth + b"]" * depth) for depth in range(900, 1_000)
    }
    statuses = {
        depth: (await post(filled.url, body)).status for depth, body in bodies.items()
    }
    assert dict.fromkeys(bodies, 400) == statuses


@pytest.mark.timeout(30)
async def test_a_repeated_member_among_many_is_found_without_comparing_all_pairs(
    filled: Filled,
) -> None:
    # Six bytes a member: as many as one entry has room for, the last two alike.
    names = [f'"{number:x}":1' for number in range(0x1000, 0xB000)]
    body = '{"entries":[{' + ",".join([*names, names[-1]]) + "}]}"
    with Unchanged(filled):
        answer = await post(filled.url, body.encode())
        require_refused(answer, 400, "invalid-entry", "a member stands here twice")


async def test_what_was_sent_is_shown_cut_to_a_line(filled: Filled) -> None:
    answer = await post(filled.url, entry(kind="x" * 100_000))
    require_refused(answer, 400, "invalid-entry", "…")
    assert len(answer.json()["detail"]) < 200
