import json
import string
from dataclasses import replace
from random import Random

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlogverify.documents import (
    ARTIFACT_SHA256,
    ENTRY,
    PREDICATE_TYPE,
    PROVENANCE,
    SIGNER,
    entry,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.record import (
    Record,
    Subject,
    parse_record,
    record_digests,
    require_record,
)

HEX = ARTIFACT_SHA256.hex().encode()
SUBJECT = b'{"sha256":"' + HEX + b'"}'
FULL = (
    b'{"sha256":"'
    + HEX
    + b'","sha384":"'
    + b"3" * 96
    + b'","sha512":"'
    + b"5" * 128
    + b'"}'
)
RECORD = Record(
    (Subject(ARTIFACT_SHA256),),
    bytes.fromhex(PROVENANCE),
    PREDICATE_TYPE,
    bytes.fromhex(SIGNER),
)
URIS = [
    "https://slsa.dev/provenance/v1",
    "urn:a",
    "a:b",
    "A1+.-:-._~:/?#[]@!$&'()*+,;=%",
    "x" * 63 + ":y",
    "a:" + "x" * 254,
]
NOT_URIS = [
    "",
    "a",
    "a:",
    ":a",
    "1a:b",
    "a b:c",
    "a:b c",
    'a:"',
    "a:\\",
    "a:<",
    "a:>",
    "a:^",
    "a:`",
    "a:{",
    "a:|",
    "a:\n",
    "a:b\n",
    "a:\x00",
    "a:\x7f",
    "a:é",
    "é:a",
    "a:\ud800",
    "a:\udc80b",
    "x" * 64 + ":y",
    "a:" + "x" * 255,
    "ab:" + "x" * 254,
]


_URI_CHARS = string.ascii_letters + string.digits + "._~:/?#[]@!$&'()*+,;=%-"


def _subjects(chance: Random) -> tuple[Subject, ...]:
    def maybe(size: int) -> bytes | None:
        return chance.choice([None, chance.randbytes(size)])

    names = {chance.randbytes(32) for _ in range(chance.randint(1, 6))}
    return tuple(Subject(it, maybe(48), maybe(64)) for it in sorted(names))


def _uri(chance: Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(URIS)
    scheme = chance.choices(string.ascii_letters + "0189+.-", k=chance.choice([0, 5]))
    rest = chance.choices(_URI_CHARS, k=chance.choice([1, 2, 99, 30]))
    return f"{chance.choice(string.ascii_letters)}{''.join(scheme)}:{''.join(rest)}"


def _record(chance: Random) -> Record:
    uri = chance.choice([None, _uri(chance)])
    signer = chance.choice([None, chance.randbytes(32)])
    return Record(_subjects(chance), chance.randbytes(32), uri, signer)


# A draw of each digest and character would take far longer than what is tested.
records = st.randoms(use_true_random=True).map(_record)


def _value(record: Record) -> dict[str, object]:
    """Return the record as values for JSON, in an order that is not canonical."""
    value: dict[str, object] = {"version": 1, "kind": "provenance"}
    if record.signer is not None:
        value["signer"] = {"sha256": record.signer.hex()}
    if record.predicate_type is not None:
        value["predicateType"] = record.predicate_type
    value["provenance"] = {"sha256": record.provenance.hex()}
    value["subject"] = [
        {
            name: digest.hex()
            for name, digest in (
                ("sha512", subject.sha512),
                ("sha384", subject.sha384),
                ("sha256", subject.sha256),
            )
            if digest is not None
        }
        for subject in record.subjects
    ]
    return value


def _is_record(entry_bytes: bytes) -> bool:
    """Tell whether the bytes are a record: both readers must agree."""
    try:
        require_record(entry_bytes)
    except FormatError:
        with pytest.raises(FormatError):
            parse_record(entry_bytes)
        return False
    parse_record(entry_bytes)
    return True


@pytest.mark.exhaustive
@thorough
@given(records)
def test_a_record_is_canonical_json(record: Record) -> None:
    assert rfc8785.dumps(_value(record)) == record.encode()  # type: ignore[arg-type]  # its own type of JSON values
    assert _value(record) == json.loads(record.encode())


@pytest.mark.exhaustive
@thorough
@given(records)
def test_whatever_encodes_parses(record: Record) -> None:
    assert _is_record(record.encode())
    assert record == parse_record(record.encode())


@thorough
@given(records)
def test_a_record_names_each_of_its_digests(record: Record) -> None:
    named = [record.provenance, *([] if record.signer is None else [record.signer])]
    for subject in record.subjects:
        longer = subject.sha256, subject.sha384, subject.sha512
        named += [digest for digest in longer if digest is not None]
    assert named == record_digests(record.encode())


def test_a_record_is_spelled_so() -> None:
    assert RECORD.encode() == ENTRY
    assert parse_record(ENTRY) == RECORD


@pytest.mark.parametrize(
    ("changes", "absent"),
    [
        ({"predicate_type": None}, b"predicateType"),
        ({"signer": None}, b"signer"),
    ],
)
def test_optional_members_are_left_out(changes: dict[str, None], absent: bytes) -> None:
    record = replace(RECORD, **changes)  # type: ignore[arg-type]  # None for either
    assert absent not in record.encode()
    assert record == parse_record(record.encode())


@pytest.mark.parametrize("count", [1, 2, 255, 256])
def test_a_record_has_1_to_256_subjects(count: int) -> None:
    digests = [bytes([index]) * 32 for index in range(count)]
    record = parse_record(entry(*digests))
    assert _is_record(entry(*digests))
    assert [Subject(digest) for digest in digests] == list(record.subjects)


@pytest.mark.parametrize("uri", URIS)
def test_a_predicate_type_is_a_uri(uri: str) -> None:
    record = replace(RECORD, predicate_type=uri)
    assert record == parse_record(record.encode())


@in_one_test("uri", NOT_URIS)
def test_another_predicate_type_is_refused(uri: str) -> None:
    with pytest.raises(FormatError):
        replace(RECORD, predicate_type=uri)
    spelled = ENTRY.replace(
        PREDICATE_TYPE.encode(), uri.encode("utf-8", "surrogatepass")
    )
    assert not _is_record(spelled)


@in_one_test(
    ("changed", "to"),
    [
        pytest.param(b":", b": ", id="space"),
        pytest.param(b"}", b"\n}", id="newline"),
        pytest.param(b'"kind"', b'"Kind"', id="upper-case-member"),
        pytest.param(b'"kind":"provenance",', b"", id="no-kind"),
        pytest.param(b'"provenance",', b'"other",', id="another-kind"),
        pytest.param(b'"version":1', b'"version":2', id="another-version"),
        pytest.param(b'"version":1', b'"version":1.0', id="float-version"),
        pytest.param(b'"version":1', b'"version":1e0', id="exponent-version"),
        pytest.param(b'"version":1', b'"version":"1"', id="text-version"),
        pytest.param(b'"version":1', b'"version":01', id="leading-zero"),
        pytest.param(b',"version":1', b"", id="no-version"),
        pytest.param(b'"version":1', b'"version":1,"version":1', id="twice"),
        pytest.param(b'"version":1', b'"version":1,"x":1', id="unknown-member"),
        pytest.param(b'{"kind"', b'{"a":1,"kind"', id="unknown-member-first"),
        pytest.param(b"kind", b"\\u006bind", id="escaped-member"),
        pytest.param(b"https:/", b"https:\\/", id="escaped-slash"),
        pytest.param(b'"signer":{', b'"signer":{"sha1":"00",', id="another-digest"),
        pytest.param(b'"signer":{', b'"signer":null,"x":{', id="null-signer"),
        pytest.param(HEX, HEX.upper(), id="upper-case-hex"),
        pytest.param(HEX, HEX[:-1], id="63-digits"),
        pytest.param(HEX, HEX + b"0", id="65-digits"),
        pytest.param(HEX, HEX[:-1] + b"g", id="no-hex"),
        pytest.param(HEX, b"", id="no-digest"),
        pytest.param(SUBJECT, b"", id="no-subject"),
        pytest.param(SUBJECT, SUBJECT + b",", id="comma-behind"),
        pytest.param(SUBJECT, SUBJECT + b"," + SUBJECT, id="subject-twice"),
        pytest.param(SUBJECT, SUBJECT + b"," + FULL, id="subject-twice-with-more"),
        pytest.param(SUBJECT, b"{}", id="subject-without-digest"),
        pytest.param(
            SUBJECT, b'{"sha384":"' + b"3" * 96 + b'"}', id="subject-without-sha256"
        ),
        pytest.param(
            SUBJECT,
            b'{"sha256":"' + b"f" * 64 + b'"},' + SUBJECT,
            id="subjects-descending",
        ),
        pytest.param(SUBJECT, FULL.replace(b"3" * 96, b"3" * 95), id="short-sha384"),
        pytest.param(SUBJECT, FULL.replace(b"5" * 128, b"5" * 129), id="long-sha512"),
        pytest.param(
            SUBJECT,
            FULL.replace(b"sha384", b"sha-3").replace(b"sha512", b"sha384"),
            id="other-algorithms",
        ),
        pytest.param(ENTRY, b"", id="nothing"),
        pytest.param(ENTRY, ENTRY + b"\n", id="newline-behind"),
        pytest.param(ENTRY, b"\xef\xbb\xbf" + ENTRY, id="byte-order-mark"),
        pytest.param(ENTRY, ENTRY * 2, id="two-records"),
        pytest.param(ENTRY, b"[" + ENTRY + b"]", id="in-a-list"),
    ],
)
def test_another_spelling_is_no_record(changed: bytes, to: bytes) -> None:
    assert changed in ENTRY
    assert not _is_record(ENTRY.replace(changed, to))


def test_a_subject_may_have_longer_digests_too() -> None:
    subject = Subject(
        ARTIFACT_SHA256, bytes.fromhex("33" * 48), bytes.fromhex("55" * 64)
    )
    assert (subject,) == parse_record(ENTRY.replace(SUBJECT, FULL)).subjects


def test_more_than_256_subjects_are_refused() -> None:
    digests = [index.to_bytes(32, "big") for index in range(257)]
    assert not _is_record(entry(*digests))
    with pytest.raises(FormatError, match="1 to 256 subjects"):
        replace(RECORD, subjects=tuple(Subject(digest) for digest in digests))


@pytest.mark.parametrize(
    ("sha256", "sha384", "sha512"),
    [
        (b"x" * 31, None, None),
        (b"x" * 33, None, None),
        (b"x" * 32, b"x" * 32, None),
        (b"x" * 32, None, b"x" * 48),
        (b"x" * 32, b"", None),
    ],
)
def test_a_digest_has_its_length(
    sha256: bytes, sha384: bytes | None, sha512: bytes | None
) -> None:
    with pytest.raises(FormatError, match="digest has"):
        Subject(sha256, sha384, sha512)


def test_a_value_out_of_its_bounds_is_refused() -> None:
    low, high = Subject(b"a" * 32), Subject(b"b" * 32)
    for listed in ((), (high, low), (low, low), (low, Subject(b"a" * 32, b"x" * 48))):
        with pytest.raises(FormatError, match="subjects"):
            replace(RECORD, subjects=listed)
    with pytest.raises(FormatError, match="the provenance digest has 32 bytes"):
        replace(RECORD, provenance=b"x" * 31)
    with pytest.raises(FormatError, match="the signer digest has 32 bytes"):
        replace(RECORD, signer=b"")


def _full_subjects(count: int) -> tuple[Subject, ...]:
    names = [index.to_bytes(32, "big") for index in range(count)]
    return tuple(Subject(name, b"3" * 48, b"5" * 64) for name in names)


def test_a_record_that_no_entry_has_room_for_is_refused() -> None:
    # 256 subjects with all three digests would be 83 KB.
    with pytest.raises(FormatError):
        replace(RECORD, subjects=_full_subjects(256))


def test_the_longest_record_is_one_entry() -> None:
    record = replace(RECORD, subjects=_full_subjects(200))
    assert len(record.encode()) <= MAX_ENTRY_BYTES
    assert record == parse_record(record.encode())


def test_bytes_that_no_entry_has_room_for_are_refused() -> None:
    rest = FULL.partition(b",")[2].decode()
    listed = (f'{{"sha256":"{index:064x}",{rest}' for index in range(256))
    spelled = ",".join(listed)
    long_entry = ENTRY.replace(SUBJECT, spelled.encode())
    assert len(long_entry) > MAX_ENTRY_BYTES
    assert not _is_record(long_entry)


@pytest.mark.exhaustive
@thorough
@given(any_bytes | near_misses(ENTRY) | near_misses(ENTRY.replace(SUBJECT, FULL)))
def test_whatever_parses_encodes_as_it_was(entry_bytes: bytes) -> None:
    if not _is_record(entry_bytes):
        return
    assert entry_bytes == parse_record(entry_bytes).encode()
    assert entry_bytes == rfc8785.dumps(json.loads(entry_bytes))
