"""Changes of a log's key: what an entry says, and whom it takes to say so."""

import base64
import hashlib
from dataclasses import replace

import pytest

from tests.support.cases import case
from tests.tlogverify.actors import ED25519, LOG, LOG_MLDSA, MLDSA44, Actor
from tlogclient.keychanges import (
    LONG_PREFIX,
    PREFIX,
    ChangeKind,
    KeyChange,
    parse_key_change,
)
from tlogverify.errors import SignatureError
from tlogverify.record import Record, Subject, parse_record

NEW = Actor(LOG.name, ED25519, "the log's second key")
JOINS = KeyChange(ChangeKind.JOINS, 1_900_000_000, LOG.key, NEW.key)
REVOKED = KeyChange(ChangeKind.REVOKED, 7, LOG.key, NEW.key)
NEW_MLDSA = Actor(LOG.name, MLDSA44, "the log's second key of the other type")


def entry_of(change: KeyChange, old: Actor | None, new: Actor) -> bytes:
    """Return the entry that these keys have signed."""
    by_old = None if old is None else old.sign
    (record,) = change.records(by_old, new.sign)
    return record.encode()


def repacked(entry: bytes, packed: bytes) -> bytes:
    """Return a record that is as `entry`, but for what it holds."""
    encoded = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    record = parse_record(entry)
    return replace(record, predicate_type=PREFIX + encoded).encode()


def packed_of(entry: bytes) -> bytes:
    encoded = (parse_record(entry).predicate_type or "").removeprefix(PREFIX)
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def test_a_change_is_read_by_who_knows_the_old_key() -> None:
    for kind in (ChangeKind.JOINS, ChangeKind.RETIRES):
        change = replace(JOINS, kind=kind)
        assert change == parse_key_change(entry_of(change, LOG, NEW), [LOG.key])
    entry = entry_of(REVOKED, None, NEW)
    assert REVOKED == parse_key_change(entry, [NEW.key, LOG.key])


def test_a_change_is_found_by_either_key() -> None:
    record = parse_record(entry_of(JOINS, LOG, NEW))
    keys = {hashlib.sha256(it.key.encode().encode()).digest() for it in (LOG, NEW)}
    assert keys == {it.sha256 for it in record.subjects}
    assert hashlib.sha256(JOINS.text()).digest() == record.provenance
    assert (
        JOINS.text()
        == (
            f"tlog key change v1\n{LOG.name}\n{LOG.key.encode()}\n{NEW.key.encode()}\n"
            "joins 1900000000\n"
        ).encode()
    )


def test_what_is_about_no_known_key_is_no_change() -> None:
    stranger = Actor("other.example", ED25519, "a stranger")
    entry = entry_of(JOINS, LOG, NEW)
    assert parse_key_change(entry, [stranger.key]) is None
    assert parse_key_change(entry, []) is None
    packed = packed_of(entry)
    for wrong in (packed[:-1], packed + b"\x00", b"\x04" + packed[1:], b""):
        assert parse_key_change(repacked(entry, wrong), [LOG.key]) is None
    other = replace(parse_record(entry), predicate_type=PREFIX + "%20" * 50)
    assert parse_key_change(other.encode(), [LOG.key]) is None
    assert parse_key_change(PREFIX.encode(), [LOG.key]) is None
    plain = Record(parse_record(entry).subjects, bytes(32))
    assert parse_key_change(plain.encode(), [LOG.key]) is None
    # Another new key than the subjects name.
    swapped = packed[:9] + bytes(32) + packed[41:]
    assert parse_key_change(repacked(entry, swapped), [LOG.key]) is None


def test_a_change_that_one_of_both_did_not_sign_is_refused() -> None:
    entry = entry_of(JOINS, LOG, NEW)
    packed = packed_of(entry)
    wrong = [
        entry_of(JOINS, NEW, NEW),
        entry_of(JOINS, LOG, LOG),
        entry_of(JOINS, None, NEW),
        entry_of(REVOKED, LOG, NEW),
        # Another time than was signed, and another text than is named.
        repacked(entry, packed[:8] + bytes([packed[8] ^ 1]) + packed[9:]),
        repacked(entry, b"\x02" + packed[1:]),
    ]
    for it in wrong:
        with pytest.raises(SignatureError):
            parse_key_change(it, [LOG.key])


def entries_of(change: KeyChange, old: Actor | None, new: Actor) -> list[bytes]:
    """Return the entries in a row that these keys have signed."""
    by_old = None if old is None else old.sign
    return [it.encode() for it in change.records(by_old, new.sign)]


def long_entries(packed: bytes, subjects: tuple[Subject, ...]) -> list[bytes]:
    """Return the entries in a row that hold these bytes, spelled from the document."""
    parts = [packed[at : at + 168] for at in range(0, len(packed), 168)]
    whole = hashlib.sha256(packed).digest()
    others = (Subject(whole),)
    return [
        Record(
            subjects if number == 1 else others,
            whole,
            predicate_type=f"urn:tlog:key-change:v2:{number}/{len(parts)}:"
            + base64.urlsafe_b64encode(part).rstrip(b"=").decode(),
        ).encode()
        for number, part in enumerate(parts, 1)
    ]


def test_a_change_of_a_longer_key_is_several_entries_in_a_row() -> None:
    """Either type may be the older one; who knows both keys reads it too."""
    for old, new, length in (
        (LOG, NEW_MLDSA, 23),
        (LOG_MLDSA, NEW_MLDSA, 37),
        (LOG_MLDSA, NEW, 16),
    ):
        for kind in ChangeKind:
            change = KeyChange(kind, 7, old.key, new.key)
            signer = None if kind is ChangeKind.REVOKED else old
            first, *others = entries_of(change, signer, new)
            with case(f"{kind.name} {length}"):
                assert (length, length - 1) == (change.length, len(others))
                # No more is taken than belongs to it.
                behind = iter([*others, b"the next entry"])
                known = [new.key, old.key]
                assert change == parse_key_change(first, known, behind)
                assert [b"the next entry"] == list(behind)
                for entry in (*others, b"the next entry"):
                    assert parse_key_change(entry, known, others) is None


def test_a_change_in_a_row_has_the_bytes_of_the_document() -> None:
    change = KeyChange(ChangeKind.REVOKED, 7, LOG.key, NEW_MLDSA.key)
    entries = entries_of(change, None, NEW_MLDSA)
    named = [LOG.key.encode(), NEW_MLDSA.key.encode()]
    digests = sorted(hashlib.sha256(it.encode()).digest() for it in named)
    spelled = [parse_record(it).predicate_type or "" for it in entries]
    packed = b"".join(
        base64.urlsafe_b64decode(said + "=" * (-len(said) % 4))
        for said in (it.rpartition(":")[2] for it in spelled)
    )
    begin = bytes([3]) + (7).to_bytes(8, "big") + bytes([6])
    assert packed.startswith(begin + NEW_MLDSA.public_bytes + bytes(64))
    NEW_MLDSA.key.verify(change.text(), packed[-2420:])
    assert long_entries(packed, tuple(map(Subject, digests))) == entries


def test_a_row_that_is_not_whole_is_no_change() -> None:
    change = KeyChange(ChangeKind.JOINS, 7, LOG_MLDSA.key, NEW_MLDSA.key)
    first, *others = entries_of(change, LOG_MLDSA, NEW_MLDSA)
    another = entries_of(replace(change, number=8), LOG_MLDSA, NEW_MLDSA)
    subject = parse_record(first).subjects
    wrong: dict[str, tuple[bytes, list[bytes]]] = {
        "nothing behind it": (first, []),
        "one lacks": (first, others[:-1]),
        "one is of another change": (first, [*others[:-1], another[-1]]),
        "two changed places": (first, [others[1], others[0], *others[2:]]),
        "one is no record": (first, [*others[:3], b"{}", *others[4:]]),
        "one has other subjects": (
            first,
            [replace(parse_record(others[0]), subjects=subject).encode(), *others[1:]],
        ),
        "one has no predicate type": (
            first,
            [replace(parse_record(others[0]), predicate_type=None).encode()],
        ),
        "it begins with another number": (others[0], others[1:]),
    }
    for name, (entry, behind) in wrong.items():
        with case(name):
            assert parse_key_change(entry, [LOG_MLDSA.key], behind) is None
    nonsense = replace(parse_record(first), predicate_type=LONG_PREFIX + "x")
    assert parse_key_change(nonsense.encode(), [LOG_MLDSA.key], others) is None


def test_bytes_in_a_row_that_say_no_change_are_none() -> None:
    digests = (
        hashlib.sha256(it.key.encode().encode()).digest() for it in (LOG, NEW_MLDSA)
    )
    subjects = tuple(map(Subject, sorted(digests)))
    public, number = NEW_MLDSA.public_bytes, bytes(8)
    signatures = bytes(64 + 2420)
    wrong = {
        "too short": b"\x01" + number,
        "no type": b"\x01" + number + b"\x04" + public + signatures,
        "no kind": b"\x09" + number + b"\x06" + public + signatures,
        "a part of a key": b"\x01" + number + b"\x06" + public[:-1],
        "a byte more": b"\x01" + number + b"\x06" + public + signatures + b"\0",
        # Of the two short keys one record speaks.
        "a short key": b"\x01" + number + b"\x01" + NEW.public_bytes + bytes(128),
    }
    for name, packed in wrong.items():
        first, *others = long_entries(packed, subjects)
        with case(name):
            assert parse_key_change(first, [LOG.key], others) is None
    # The same form with the right lengths is about these keys, and nobody signed it.
    packed = b"\x01" + number + b"\x06" + public + signatures
    first, *others = long_entries(packed, subjects)
    with pytest.raises(SignatureError):
        parse_key_change(first, [LOG.key], others)


def test_a_longer_change_that_one_of_both_did_not_sign_is_refused() -> None:
    for old, by_old, by_new in (
        (LOG, NEW, NEW_MLDSA),
        (LOG, None, NEW_MLDSA),
        (LOG_MLDSA, NEW_MLDSA, NEW_MLDSA),
        (LOG_MLDSA, LOG_MLDSA, LOG_MLDSA),
    ):
        change = KeyChange(ChangeKind.JOINS, 7, old.key, NEW_MLDSA.key)
        first, *others = entries_of(change, by_old, by_new)
        with pytest.raises(SignatureError):
            parse_key_change(first, [old.key], others)
    revoked = KeyChange(ChangeKind.REVOKED, 7, LOG.key, NEW_MLDSA.key)
    first, *others = entries_of(revoked, LOG, NEW_MLDSA)
    with pytest.raises(SignatureError):
        parse_key_change(first, [LOG.key], others)
