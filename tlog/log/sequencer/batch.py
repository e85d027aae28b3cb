"""Which entries of a batch are new, and where each of them goes.  PURE.

The same bytes have the same index for ever: an entry that the log knows keeps its
index, and an entry that stands twice in a batch is added once.  The new entries of one
request are neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one request's entries stand; [start, end) are those that it adds."""

    indexes: tuple[int, ...]
    leaf_hashes: tuple[bytes, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """New entries from the tree's size on, and the placement of each request."""

    entries: list[bytes] = field(default_factory=list)
    leaf_hashes: list[bytes] = field(default_factory=list)
    placements: list[Placement] = field(default_factory=list)


def plan_batch(
    requests: Sequence[Sequence[bytes]],
    leaf_hashes: Sequence[bytes],
    known: Mapping[bytes, int],
    size: int,
) -> Batch:
    """Place the entries of `requests` in a tree of `size` leaves.

    leaf_hashes: of all entries of all requests, in order.  known: the indexes of those
    that the log has.
    """
    batch = Batch()
    indexes = dict(known)
    first = 0
    for request in requests:
        hashes = tuple(leaf_hashes[first : first + len(request)])
        first += len(request)
        start = size + len(batch.entries)
        for entry, leaf_hash in zip(request, hashes, strict=True):
            if leaf_hash not in indexes:
                indexes[leaf_hash] = size + len(batch.entries)
                batch.entries.append(entry)
                batch.leaf_hashes.append(leaf_hash)
        placed = tuple(indexes[leaf_hash] for leaf_hash in hashes)
        end = size + len(batch.entries)
        batch.placements.append(Placement(placed, hashes, start, end))
    return batch
