"""Which entries of a batch are new, and where each of them goes.  PURE.

The same bytes have the same index for ever: an entry that the log knows keeps its
index, and an entry that stands twice in a batch is added once.  The new entries of one
request are neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tlog.entries.packed import Packed


class Placement(NamedTuple):
    """Where one request's entries stand; [start, end) are those that it adds."""

    indexes: tuple[int, ...]
    leaf_hashes: tuple[bytes, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """New entries from the tree's size on, and the placement of each request."""

    entries: Packed
    leaf_hashes: Sequence[bytes]
    placements: list[Placement]


def plan_batch(
    entries: Packed,
    counts: Sequence[int],
    leaf_hashes: Sequence[bytes],
    known: Mapping[bytes, int],
    size: int,
) -> Batch:
    """Place the entries of some requests in a tree of `size` leaves.

    entries, leaf_hashes: of all requests, in order.  counts: how many of them each
    request has.  known: the indexes of those that the log has.
    """
    if not known and len(set(leaf_hashes)) == len(leaf_hashes):
        return Batch(entries, leaf_hashes, _all_new(counts, leaf_hashes, size))
    indexes = dict(known)
    new: list[int] = []
    placements: list[Placement] = []
    first = 0
    for count in counts:
        hashes = tuple(leaf_hashes[first : first + count])
        start = size + len(new)
        for place, leaf_hash in enumerate(hashes, first):
            if leaf_hash not in indexes:
                indexes[leaf_hash] = size + len(new)
                new.append(place)
        first += count
        placed = tuple(indexes[leaf_hash] for leaf_hash in hashes)
        placements.append(Placement(placed, hashes, start, size + len(new)))
    added = [leaf_hashes[place] for place in new]
    return Batch(entries.pick(new), added, placements)


def _all_new(
    counts: Sequence[int], leaf_hashes: Sequence[bytes], size: int
) -> list[Placement]:
    """Place requests whose entries are all new, and no two the same."""
    placements: list[Placement] = []
    first = 0
    for count in counts:
        start, end = size + first, size + first + count
        hashes = tuple(leaf_hashes[first : first + count])
        placements.append(Placement(tuple(range(start, end)), hashes, start, end))
        first += count
    return placements
