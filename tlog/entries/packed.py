"""Entries one behind the other, as a bundle of any width has them.

A request of a thousand entries is two objects and not a thousand.  Whoever wants single
entries has a sequence of `bytes`; whoever moves them on takes `bundle` as it is.

Source: C2SP tlog-tiles, "Log entries".
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, overload

from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.rekor import REKOR_START


class Packed(Sequence[bytes]):
    """A sequence of entries; an entry by its number costs a sum over those before it.

    bundle: each entry behind its length.  sizes: the lengths, of type H, one for each.
    """

    __slots__ = ("bundle", "sizes")

    def __init__(self, bundle: bytes, sizes: "array[int]") -> None:
        """Take a bundle whose entries have these sizes, which nobody changes."""
        self.bundle = bundle
        self.sizes = sizes

    @classmethod
    def of(cls, entries: Sequence[bytes]) -> Self:
        """Pack entries; OverflowError above 65,535 bytes each."""
        if isinstance(entries, cls):
            return entries
        return cls(encode_bundle(entries), array("H", map(len, entries)))

    @classmethod
    def parse(cls, bundle: bytes, width: int) -> Self:
        """Take a bundle of exactly `width` entries; FormatError for any other."""
        return cls(bundle, array("H", map(len, parse_bundle(bundle, width))))

    @classmethod
    def join(cls, parts: Iterable["Packed"]) -> Self:
        """Return the entries of all parts, in order."""
        joined = list(parts)
        sizes = array("H")
        for part in joined:
            sizes.extend(part.sizes)
        return cls(b"".join([part.bundle for part in joined]), sizes)

    @property
    def entry_bytes(self) -> int:
        """How many bytes the entries have, without their lengths."""
        return len(self.bundle) - 2 * len(self.sizes)

    def cut(self, start: int, end: int) -> "Packed":
        """Return the entries [start, end); 0 <= start <= end <= how many there are."""
        if start == 0 and end == len(self.sizes):
            return self
        first = self._offset(start)
        last = first + sum(self.sizes[start:end]) + 2 * (end - start)
        return Packed(self.bundle[first:last], self.sizes[start:end])

    def split(self, first: int, width: int) -> "Iterator[Packed]":
        """Return the first entries, then `width` at a time; the last may be fewer."""
        at, start, end = 0, 0, min(first, len(self.sizes))
        while start < len(self.sizes):
            sizes = self.sizes[start:end]
            behind = at + sum(sizes) + 2 * len(sizes)
            yield Packed(self.bundle[at:behind], sizes)
            at, start, end = behind, end, end + width

    def pick(self, places: Sequence[int]) -> "Packed":
        """Return the entries at `places`, which ascend."""
        if len(places) == len(self.sizes):
            return self
        entries = [*self]
        return Packed.of([entries[place] for place in places])

    def __len__(self) -> int:  # type: ignore[explicit-override]  # typing: from 3.12
        return len(self.sizes)

    def __iter__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> Iterator[bytes]:
        bundle, at = self.bundle, 0
        for size in self.sizes:
            start = at + 2
            at = start + size
            yield bundle[start:at]

    @overload
    def __getitem__(self, nth: int) -> bytes: ...
    @overload
    def __getitem__(self, nth: slice) -> list[bytes]: ...
    def __getitem__(  # type: ignore[explicit-override]  # typing: from 3.12
        self, nth: int | slice
    ) -> bytes | list[bytes]:
        """Return an entry, or a list of some."""
        if isinstance(nth, slice):
            return [*self][nth]
        place = range(len(self.sizes))[nth]
        start = self._offset(place) + 2
        return self.bundle[start : start + self.sizes[place]]

    def _offset(self, nth: int) -> int:
        """Return where the length of an entry stands."""
        return sum(self.sizes[:nth]) + 2 * nth


def count_signed(entries: Packed) -> int:
    """Return how many canonical entries name who signed: records by a digest.

    Counted in the bytes of all at once.  No value of an entry holds a quotation mark
    that is not escaped, so that a member's name cannot stand in a value; Rekor entries
    all hold a signature.
    """
    records = entries.bundle.count(b'"signer":{"sha256":"')
    return records + entries.bundle.count(REKOR_START)
