"""Changes of a log's key: what an entry says, and whom it takes to say so."""

import base64
import hashlib
from dataclasses import replace

import pytest

from tests.tlogverify.actors import ED25519, LOG, Actor
from tlogclient.keychanges import PREFIX, ChangeKind, KeyChange, parse_key_change
from tlogverify.errors import SignatureError
from tlogverify.record import Record, parse_record

NEW = Actor(LOG.name, ED25519, "the log's second key")
JOINS = KeyChange(ChangeKind.JOINS, 1_900_000_000, LOG.key, NEW.key)
REVOKED = KeyChange(ChangeKind.REVOKED, 7, LOG.key, NEW.key)


def entry_of(change: KeyChange, old: Actor | None, new: Actor) -> bytes:
    """Return the entry that these keys have signed."""
    by_old = None if old is None else old.sign
    return change.record(by_old, new.sign).encode()


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
