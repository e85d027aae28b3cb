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
of the text: who knows a key finds its change.

A key of ML-DSA-44, and what it signs, are longer than a record has room for.  If one of
the two keys is of that type, M records in a row say the change, and the Nth has

    urn:tlog:key-change:v2:N/M: base64url of 168 bytes, or of the rest, of
        kind(1) || number(8) || the new key's type(1) || new public key ||
        signature || signature

The provenance of them all is the SHA-256 of all these bytes.  The subjects of the first
are as above; that of each other is the provenance.  Source: decision 0032.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.record import Record, Subject, parse_record

PREFIX: Final = "urn:tlog:key-change:v1:"
LONG_PREFIX: Final = "urn:tlog:key-change:v2:"
_PART_BYTES: Final = 168
_FIRST: Final = re.compile(LONG_PREFIX + "1/([1-9][0-9]?):")
_BYTES: Final = {KeyType.ED25519: (32, 64), KeyType.MLDSA44: (1312, 2420)}
"""Of a public key, and of a signature."""

Sign = Callable[[bytes], bytes]
"""Signs a text with one of the keys."""


class ChangeKind(IntEnum):
    """What becomes of a key."""

    JOINS = 1
    RETIRES = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One change, of two keys of one origin; number: as its kind says."""

    kind: ChangeKind
    number: int
    old: VerifierKey
    new: VerifierKey

    @property
    def length(self) -> int:
        """How many entries say it."""
        return 1 if self._is_short else -(-(10 + self._rest_bytes) // _PART_BYTES)

    def text(self) -> bytes:
        """Return what both keys sign."""
        lines = ("tlog key change v1", self.old.name, self.old.encode())
        last = f"{self.kind.name.lower()} {self.number}"
        return "".join(f"{it}\n" for it in (*lines, self.new.encode(), last)).encode()

    def records(self, sign_old: Sign | None, sign_new: Sign) -> tuple[Record, ...]:
        """Return the entries, for indexes in a row.

        sign_old: None for a revocation alone.
        """
        text = self.text()
        by_old = self._no_signature if sign_old is None else sign_old(text)
        rest = self.new.public_bytes + by_old + sign_new(text)
        begin = bytes([self.kind]) + self.number.to_bytes(8, "big")
        if self._is_short:
            said = PREFIX + _encoded(begin + rest)
            return (Record(_subjects(self), _sha256(text), predicate_type=said),)
        packed = begin + bytes([self.new.key_type]) + rest
        whole = _sha256(packed)
        first, *others = _spelled(packed)
        return (
            Record(_subjects(self), whole, predicate_type=first),
            *(Record((Subject(whole),), whole, predicate_type=it) for it in others),
        )

    @property
    def _is_short(self) -> bool:
        return KeyType.MLDSA44 not in (self.old.key_type, self.new.key_type)

    @property
    def _rest_bytes(self) -> int:
        return sum(_BYTES[self.new.key_type]) + len(self._no_signature)

    @property
    def _no_signature(self) -> bytes:
        return bytes(_BYTES[self.old.key_type][1])


def parse_key_change(
    entry: bytes, known: Iterable[VerifierKey], following: Iterable[bytes] = ()
) -> KeyChange | None:
    """Return the change that an entry says of one of the `known` keys, verified.

    following: the entries behind it, of which no more are taken than belong to it.

    Returns None for an entry of any other kind, or about other keys: anybody may submit
    what looks like one.

    Raises SignatureError if it is about a known key, and no change that both made.
    """
    if PREFIX.encode() in entry:
        read = _read_short
    elif LONG_PREFIX.encode() in entry:
        read = _read_long
    else:
        return None
    try:
        record = parse_record(entry)
        said = read(record, following)
        named = {subject.sha256 for subject in record.subjects}
        for old in known:
            if old.key_type in _BYTES and _sha256(old.encode().encode()) in named:
                change = said.change_of(old)
                if change is not None and record.subjects == _subjects(change):
                    said.require_signed(change, record)
                    return change
    except (FormatError, ValueError):
        return None
    return None


@dataclass(frozen=True, slots=True)
class _Said:
    """What entries hold; rest: the new public key, and both signatures."""

    kind: ChangeKind
    number: int
    new_type: KeyType
    rest: bytes
    is_short: bool

    def change_of(self, old: VerifierKey) -> KeyChange | None:
        """Return it as a change of a key; None if a key of its type has no such."""
        length = _BYTES[self.new_type][0]
        if len(self.rest) < length:
            return None
        new = VerifierKey(old.name, self.new_type, self.rest[:length])
        change = KeyChange(self.kind, self.number, old, new)
        is_whole = len(self.rest) == change._rest_bytes
        return change if is_whole and self.is_short == change._is_short else None

    def require_signed(self, change: KeyChange, record: Record) -> None:
        """Raise SignatureError unless the keys signed the change."""
        text, no_signature = change.text(), change._no_signature
        if self.is_short and record.provenance != _sha256(text):
            raise SignatureError("a change of a key names another text")
        signatures = self.rest[len(change.new.public_bytes) :]
        by_old = signatures[: len(no_signature)]
        if change.kind is not ChangeKind.REVOKED:
            change.old.verify(text, by_old)
        elif by_old != no_signature:
            raise SignatureError("a revocation is signed by the new key alone")
        change.new.verify(text, signatures[len(no_signature) :])


def _read_short(record: Record, following: Iterable[bytes]) -> _Said:
    """Return what one record holds; FormatError or ValueError if it is no change."""
    packed = _decoded((record.predicate_type or "").removeprefix(PREFIX))
    new_type = bytes([KeyType.ED25519])
    return _said(packed[:9] + new_type + packed[9:], is_short=True)


def _read_long(record: Record, following: Iterable[bytes]) -> _Said:
    """Return what records in a row hold; raises as above."""
    begin = _FIRST.match(record.predicate_type or "")
    if begin is None:
        raise FormatError("a change of a key begins with its first entry", record)
    found, others = [begin.string], (Subject(record.provenance),)
    for _, entry in zip(range(int(begin[1]) - 1), following, strict=False):
        another = parse_record(entry)
        if (another.provenance, another.subjects) != (record.provenance, others):
            raise FormatError("the entries of a change name the same bytes", entry)
        found.append(another.predicate_type or "")
    packed = b"".join(_decoded(it.rpartition(":")[2]) for it in found)
    if found != _spelled(packed) or record.provenance != _sha256(packed):
        raise FormatError("a change of a key is not whole", len(packed))
    return _said(packed, is_short=False)


def _said(packed: bytes, *, is_short: bool) -> _Said:
    if len(packed) < 10 or packed[9] not in _BYTES:
        raise FormatError("a change of a key has another length or type", packed[:10])
    number = int.from_bytes(packed[1:9], "big")
    rest, new_type = packed[10:], KeyType(packed[9])
    return _Said(ChangeKind(packed[0]), number, new_type, rest, is_short)


def _spelled(packed: bytes) -> list[str]:
    """Return the predicate types that hold these bytes."""
    starts = range(0, len(packed), _PART_BYTES)
    return [
        f"{LONG_PREFIX}{number}/{len(starts)}:"
        + _encoded(packed[start : start + _PART_BYTES])
        for number, start in enumerate(starts, 1)
    ]


def _encoded(packed: bytes) -> str:
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _decoded(encoded: str) -> bytes:
    try:
        packed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", True)
    except (binascii.Error, ValueError):
        raise FormatError("a change of a key is base64url", encoded) from None
    if _encoded(packed) != encoded:
        raise FormatError("a change of a key has another spelling", encoded)
    return packed


def _subjects(change: KeyChange) -> tuple[Subject, ...]:
    digests = (_sha256(it.encode().encode()) for it in (change.old, change.new))
    return tuple(Subject(it) for it in sorted(digests))


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
