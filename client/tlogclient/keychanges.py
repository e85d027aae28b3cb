"""Changes of a log's key, as entries of the log itself say them.  PURE.

An entry of this kind is a record whose predicate type holds all that is needed:

    urn:tlog:key-change:v1: base64url of
        kind(1) || number(8) || new public key(32) || signature(64) || signature(64)

    1  the new key joins; number: POSIX seconds until which both sign, at least
    2  the old key retires; number: the size of the last head that it signs
    3  the old key is revoked; number: the size from which on it does not count

The first signature is the old key's, or zeros for kind 3, whose old key nobody should
ask; the second is the new key's.  Both are over this text, which is no checkpoint:

    tlog key change v1 LF <origin> LF <old vkey> LF <new vkey> LF <kind> <number> LF

The record's subjects are the SHA-256 of both verifier keys, its provenance the SHA-256
of the text: who knows a key finds its change.  Source: decision 0032.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.record import Record, Subject, parse_record

PREFIX: Final = "urn:tlog:key-change:v1:"
_LENGTH: Final = 169
_NO_SIGNATURE: Final = bytes(64)

Sign = Callable[[bytes], bytes]
"""Signs a text with one of the keys."""


class ChangeKind(IntEnum):
    """What becomes of a key."""

    JOINS = 1
    RETIRES = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One change, of two Ed25519 keys of one origin; number: as its kind says."""

    kind: ChangeKind
    number: int
    old: VerifierKey
    new: VerifierKey

    def text(self) -> bytes:
        """Return what both keys sign."""
        lines = ("tlog key change v1", self.old.name, self.old.encode())
        last = f"{self.kind.name.lower()} {self.number}"
        return "".join(f"{it}\n" for it in (*lines, self.new.encode(), last)).encode()

    def record(self, sign_old: Sign | None, sign_new: Sign) -> Record:
        """Return the entry; sign_old: None for a revocation alone."""
        text = self.text()
        by_old = _NO_SIGNATURE if sign_old is None else sign_old(text)
        packed = b"".join(
            (
                bytes([self.kind]),
                self.number.to_bytes(8, "big"),
                self.new.public_bytes,
                by_old,
                sign_new(text),
            )
        )
        encoded = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
        return Record(_subjects(self), _sha256(text), predicate_type=PREFIX + encoded)


def parse_key_change(entry: bytes, known: Iterable[VerifierKey]) -> KeyChange | None:
    """Return the change that an entry says of one of the `known` keys, verified.

    Returns None for an entry of any other kind, or about other keys: anybody may submit
    what looks like one.

    Raises SignatureError if it is about a known key, and no change that both made.
    """
    if PREFIX.encode() not in entry:
        return None
    try:
        record = parse_record(entry)
        packed = _unpacked(record.predicate_type or "")
        kind, number = ChangeKind(packed[0]), int.from_bytes(packed[1:9], "big")
    except (FormatError, ValueError):
        return None
    named = {subject.sha256 for subject in record.subjects}
    for old in known:
        if old.key_type is KeyType.ED25519 and _sha256(old.encode().encode()) in named:
            new = VerifierKey(old.name, KeyType.ED25519, packed[9:41])
            change = KeyChange(kind, number, old, new)
            if record.subjects == _subjects(change):
                _require_signed(change, packed[41:105], packed[105:], record)
                return change
    return None


def _require_signed(
    change: KeyChange, by_old: bytes, by_new: bytes, record: Record
) -> None:
    text = change.text()
    if record.provenance != _sha256(text):
        raise SignatureError("a change of a key names another text")
    if change.kind is not ChangeKind.REVOKED:
        change.old.verify(text, by_old)
    elif by_old != _NO_SIGNATURE:
        raise SignatureError("a revocation is signed by the new key alone")
    change.new.verify(text, by_new)


def _unpacked(predicate_type: str) -> bytes:
    encoded = predicate_type.removeprefix(PREFIX)
    try:
        packed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", True)
    except (binascii.Error, ValueError):
        raise FormatError("a change of a key is base64url", encoded) from None
    spelled = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    if len(packed) != _LENGTH or spelled != encoded:
        raise FormatError("a change of a key has another length or spelling", encoded)
    return packed


def _subjects(change: KeyChange) -> tuple[Subject, ...]:
    digests = (_sha256(it.encode().encode()) for it in (change.old, change.new))
    return tuple(Subject(it) for it in sorted(digests))


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
