"""Tombstones: what stays of a document that is gone, and what the log is told of it.

A disposition is a document of its own.  The log holds a record whose subjects are the
digests that went and whose provenance is this document's digest:

    {"type":"urn:tlog:disposition:v1","disposition":"redacted",
     "digests":["sha256:<64 hex>",...],"reason":"...","when":"2026-01-31T12:00:00Z"}

A tombstone lies in the store under the digest of the document that went:

    {"digest":"sha256:<64 hex>","disposition":"redacted","reason":"...",
     "when":"2026-01-31T12:00:00Z","entry":17,"record":"sha256:<64 hex>"}

`record` is the digest of the disposition, `entry` the index of the record.  Both forms
are JSON with sorted members and without spaces, which is the one form that is read.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from tlogverify import Record
from tlogverify.errors import FormatError
from tlogverify.record import MAX_SUBJECTS, Subject

DISPOSITION_TYPE: Final = "urn:tlog:disposition:v1"
"""The predicate type of an entry that says that documents went."""

MAX_REASON_CHARS: Final = 1_000
MAX_TOMBSTONE_BYTES: Final = 16 << 10
MAX_DISPOSITION_BYTES: Final = 64 << 10

Removal = Literal["redacted", "expired"]
"""Why a document is gone: a person decided, or a rule of retention did."""

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Disposition:
    """What the log is told: these documents went, for this reason.

    digests: 1 to 256, ascending.  Raises FormatError if a value breaks its bounds.
    """

    disposition: Removal
    digests: tuple[bytes, ...]
    reason: str
    when: str

    def __post_init__(self) -> None:
        _require_words(self.disposition, self.reason, self.when)
        if not 0 < len(self.digests) <= MAX_SUBJECTS:
            raise FormatError(
                f"a disposition is of 1 to {MAX_SUBJECTS} documents", len(self.digests)
            )
        if list(self.digests) != sorted(set(self.digests)):
            raise FormatError("the digests of a disposition are sorted and unique")

    def encode(self) -> bytes:
        """Return the document whose digest the log's entry has."""
        return _encode(
            {
                "type": DISPOSITION_TYPE,
                "disposition": self.disposition,
                "digests": [show_digest(it) for it in self.digests],
                "reason": self.reason,
                "when": self.when,
            }
        )

    @classmethod
    def parse(cls, content: bytes) -> "Disposition":
        """Parse what `encode` wrote; FormatError for every other bytes."""
        members = _members("a disposition", content, MAX_DISPOSITION_BYTES)
        try:
            found = cls(
                members["disposition"],  # type: ignore[arg-type]  # compared below
                tuple(parse_digest(it) for it in members["digests"]),  # type: ignore[attr-defined]  # a wrong type is caught
                members["reason"],  # type: ignore[arg-type]  # compared below
                members["when"],  # type: ignore[arg-type]  # compared below
            )
        except (KeyError, TypeError):
            raise FormatError("a disposition has its members", content) from None
        if found.encode() != content:
            raise FormatError("a disposition is in canonical form", content)
        return found

    def record(self, sha256: bytes) -> Record:
        """Return the log's entry; sha256: of the encoded disposition."""
        subjects = tuple(Subject(digest) for digest in self.digests)
        return Record(subjects, sha256, DISPOSITION_TYPE)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of one document; record: the SHA-256 of the disposition."""

    digest: bytes
    disposition: Removal
    reason: str
    when: str
    entry: int
    record: bytes

    def __post_init__(self) -> None:
        _require_words(self.disposition, self.reason, self.when)

    def members(self) -> dict[str, object]:
        """Return the values that are told of it."""
        return {
            "digest": show_digest(self.digest),
            "disposition": self.disposition,
            "reason": self.reason,
            "when": self.when,
            "entry": self.entry,
            "record": show_digest(self.record),
        }

    def encode(self) -> bytes:
        """Return the file's content."""
        return _encode(self.members())

    @classmethod
    def parse(cls, content: bytes) -> "Tombstone":
        """Parse what `encode` wrote; FormatError for every other bytes."""
        members = _members("a tombstone", content, MAX_TOMBSTONE_BYTES)
        try:
            found = cls(
                parse_digest(members["digest"]),
                members["disposition"],  # type: ignore[arg-type]  # compared below
                members["reason"],  # type: ignore[arg-type]  # compared below
                members["when"],  # type: ignore[arg-type]  # compared below
                members["entry"],  # type: ignore[arg-type]  # compared below
                parse_digest(members["record"]),
            )
        except (KeyError, TypeError):
            raise FormatError("a tombstone has its members", content) from None
        if type(found.entry) is not int or found.encode() != content:
            raise FormatError("a tombstone is in canonical form", content)
        return found


def show_digest(digest: bytes) -> str:
    """Return "sha256:" and lower-case hex."""
    return f"sha256:{digest.hex()}"


def parse_digest(text: object) -> bytes:
    """Parse "sha256:" and 64 lower-case hex; raises FormatError."""
    if not isinstance(text, str) or _DIGEST.fullmatch(text) is None:
        raise FormatError("a document is sha256: and 64 lower-case hex", text)
    return bytes.fromhex(text[7:])


def show_time(time_s: int) -> str:
    """Return POSIX seconds as RFC 3339 in UTC."""
    found = datetime.fromtimestamp(time_s, UTC).replace(tzinfo=None)
    return f"{found.isoformat(timespec='seconds')}Z"


def parse_time(text: str) -> int:
    """Return what `show_time` was given; FormatError for another text."""
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise FormatError("a time is as 2026-01-31T12:00:00Z", text) from None


def _require_words(disposition: object, reason: object, when: object) -> None:
    if disposition not in get_args(Removal):
        raise FormatError("a disposition is redacted or expired", disposition)
    if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON_CHARS:
        raise FormatError(f"a reason has 1 to {MAX_REASON_CHARS} characters", reason)
    if not reason.isprintable():
        raise FormatError("a reason is one line of printable characters", reason)
    if not isinstance(when, str):
        raise FormatError("a time is as 2026-01-31T12:00:00Z", when)
    parse_time(when)


def _encode(members: dict[str, object]) -> bytes:
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return text.encode("ascii") + b"\n"


def _members(rule: str, content: bytes, most: int) -> dict[str, object]:
    try:
        if len(content) > most:
            raise ValueError
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise FormatError(f"{rule} is JSON of at most {most} bytes", content) from None
    if not isinstance(found, dict):
        raise FormatError(f"{rule} is an object", content)
    return found


def disposition_digests(digests: Sequence[bytes]) -> list[tuple[bytes, ...]]:
    """Return digests, sorted, in as few dispositions as can hold them."""
    ordered = sorted(set(digests))
    return [
        tuple(ordered[at : at + MAX_SUBJECTS])
        for at in range(0, len(ordered), MAX_SUBJECTS)
    ]
