"""What a store keeps beside the bytes: facts, tombstones, dispositions on their way."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from tlog.documents.facts import MAX_FACTS_BYTES, Facts
from tlog.documents.shelf import Shelf, beside_at, digest_of
from tlog.documents.tombstones import (
    MAX_DISPOSITION_BYTES,
    MAX_TOMBSTONE_BYTES,
    Tombstone,
)
from tlog.errors import CorruptError
from tlogverify.errors import FormatError

_Parsed = TypeVar("_Parsed", Facts, Tombstone)


class Beside:
    """The small files of a store; all raise CorruptError if one cannot be read."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def tombstone(self, digest: bytes) -> Tombstone | None:
        """Return what stays of a document that was removed."""
        name = beside_at("tombs", digest)
        found = self._read(name, MAX_TOMBSTONE_BYTES)
        return None if found is None else self._parsed(name, found, Tombstone.parse)

    def removed(self) -> list[bytes]:
        """Return the digests that have a tombstone, ascending; none of them is read."""
        found = (digest_of(it.name) for it in self._shelf.files("tombs"))
        return sorted(it for it in found if it is not None)

    def put_tombstone(self, tombstone: Tombstone) -> None:
        """Write a tombstone durably, unless there is one."""
        name = beside_at("tombs", tombstone.digest)
        self._shelf.create(name, tombstone.encode())

    def facts(self, digest: bytes) -> Facts | None:
        """Return what is known of a document."""
        name = beside_at("facts", digest)
        found = self._read(name, MAX_FACTS_BYTES)
        return None if found is None else self._parsed(name, found, Facts.parse)

    def join_facts(self, digest: bytes, facts: Facts) -> Facts:
        """Add to what is known of a document; return all of it."""
        name = beside_at("facts", digest)

        def join(known: bytes | None) -> bytes:
            if known is None:
                return facts.encode()
            return self._parsed(name, known, Facts.parse).joined(facts).encode()

        try:
            joined = self._shelf.change(name, MAX_FACTS_BYTES, join)
        except FormatError as error:
            raise self._corrupt(name, error) from error
        return self._parsed(name, joined, Facts.parse)

    def forget_facts(self, digest: bytes) -> None:
        """Remove what is known of a document."""
        self._shelf.remove(beside_at("facts", digest))

    def intents(self) -> Iterator[bytes]:
        """Return the dispositions that the log may not have yet."""
        names = [it.name for it in self._shelf.files("intents") if digest_of(it.name)]
        for name in names:
            if (content := self._read(name, MAX_DISPOSITION_BYTES)) is not None:
                yield content

    def write_intent(self, sha256: bytes, content: bytes) -> None:
        """Write a disposition down, durably."""
        self._shelf.write(f"intents/{sha256.hex()}", content)

    def drop_intent(self, sha256: bytes) -> None:
        """Forget a disposition that was carried out."""
        self._shelf.remove(f"intents/{sha256.hex()}")

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            return self._shelf.read(name, most)
        except FormatError as error:
            raise self._corrupt(name, error) from error

    def _parsed(
        self, name: str, content: bytes, parse: Callable[[bytes], _Parsed]
    ) -> _Parsed:
        try:
            return parse(content)
        except FormatError as error:
            raise self._corrupt(name, error) from error

    def _corrupt(self, name: str, error: FormatError) -> CorruptError:
        return CorruptError(f"{self._shelf.where}/{name}", str(error))
