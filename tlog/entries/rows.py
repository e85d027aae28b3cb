"""The rows of the search index that follow from entries, in ascending order.

    00 || leaf hash || index (6 bytes)        one for each entry
    <search key>    || index (6 bytes)        one for each of `tlogverify.kinds`

A row has 39 bytes, and no two are the same.  The scanner makes the same rows of the
entries that it knows.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from tlogverify.bundles import parse_bundle
from tlogverify.hashing import split_hashes
from tlogverify.kinds import search_keys

LEAF: Final = b"\x00"
KEY_BYTES: Final = 33
INDEX_BYTES: Final = 6
ROW_BYTES: Final = KEY_BYTES + INDEX_BYTES
MAX_INDEX: Final = 1 << 8 * INDEX_BYTES
"""Every index is below."""


def plain_rows(bundle: bytes, count: int, leaf_hashes: bytes, start: int) -> bytes:
    """Return the rows of a bundle's entries, joined.

    leaf_hashes: joined, one for each entry.  start: the first entry's index.
    """
    entries = parse_bundle(bundle, count)
    keys = map(search_keys, entries)
    return rows_of(split_hashes(leaf_hashes), keys, start)


def rows_of(
    leaf_hashes: Sequence[bytes], search_keys: Iterable[Sequence[bytes]], start: int
) -> bytes:
    """Return the rows of entries that are found by these keys, joined.

    Raises ValueError for a key of another length, or one that is a leaf's.
    """
    places = [
        index.to_bytes(INDEX_BYTES, "big")
        for index in range(start, start + len(leaf_hashes))
    ]
    rows = {
        LEAF + leaf_hash + place
        for leaf_hash, place in zip(leaf_hashes, places, strict=True)
    }
    # A key may come twice from one entry: it is stored once.
    names = {
        key + place
        for found_by, place in zip(search_keys, places, strict=True)
        for key in found_by
    }
    if any(len(name) != ROW_BYTES or name.startswith(LEAF) for name in names):
        raise ValueError(f"a search key has {KEY_BYTES} bytes and is no leaf's")
    rows |= names
    return b"".join(sorted(rows))
