"""What an entry names: the document that it goes with, and the artifacts it is about.

A record names its document by `provenance`.  A Rekor entry of kind `dsse` names the
payload of its envelope.  A Rekor entry of kind `hashedrekord` names what was signed, an
artifact or the encoding of an envelope, and so no document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from tlogverify.kinds import parse_entry
from tlogverify.record import Record


class Named(NamedTuple):
    """What one entry says of the document that it names, and of its artifacts.

    document: its SHA-256, or None.  subjects: digests of artifacts, of all algorithms;
    their lengths differ.
    """

    document: bytes | None
    predicate_type: str | None
    subjects: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that a key has found, and its path in the tree of the page's head."""

    index: int
    entry: bytes
    path: Sequence[bytes]


class Page(NamedTuple):
    """Some entries that a key finds, ascending.

    note: the head that the paths lead to.  complete_to: every entry below it can be
    found.  next: the index of the first hit that found no room, or None.
    """

    note: bytes
    complete_to: int
    hits: list[Hit]
    next: int | None


class Naming(Protocol):
    """What a store asks of the log that it stands beside."""

    async def find_named(self, key: bytes, start: int, limit: int) -> Page:
        """Return up to `limit` entries that a search key finds, from `start` on."""
        ...

    async def find_at(self, indexes: Sequence[int]) -> Page:
        """Return those of these entries, ascending, that the shown head has."""
        ...

    async def committed(self, index: int) -> bytes | None:
        """Return a committed entry, or None if there is none so far."""
        ...


def named_by(entry: bytes) -> Named:
    """Return what an entry names; FormatError unless it is in canonical form."""
    parsed = parse_entry(entry)
    if isinstance(parsed, Record):
        digests = (
            digest
            for subject in parsed.subjects
            for digest in (subject.sha256, subject.sha384, subject.sha512)
            if digest is not None
        )
        return Named(parsed.provenance, parsed.predicate_type, frozenset(digests))
    if parsed.kind == "dsse":
        return Named(parsed.digest, None, frozenset())
    return Named(None, None, frozenset([parsed.digest]))
