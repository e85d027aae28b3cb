"""Range proofs: many neighbouring leaves proven by O(log n) hashes.

The proof of leaves [start, end) in a tree is the roots of the subtrees that lie
wholly to one side of them: `left` covers [0, start), `right` covers [end, size), each
in the order in which they are met on the way up (nearest first).  For end = start + 1
both together are the inclusion proof of RFC 6962; as there, the last subtree of
`right` may be an incomplete one.

Every leaf's own inclusion proof follows from a verified range proof without more
data: `inclusion_paths`.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple, cast

from tlogverify.errors import ProofError
from tlogverify.hashing import Hash, hash_level
from tlogverify.lines import MAX_SIZE
from tlogverify.merkle import require_hashes

MAX_SIDE: Final = 63


class _Level(NamedTuple):
    """The known nodes of one level: those from `first` on, of `total` in the tree."""

    first: int
    total: int
    nodes: list[Hash]


def verify_range(
    start: int,
    size: int,
    leaf_hashes: Sequence[bytes],
    left: Sequence[bytes],
    right: Sequence[bytes],
    root: bytes,
) -> None:
    """Prove that `leaf_hashes` are the leaves from `start` of the tree (size, root).

    Raises ProofError if it is not proven, if there is no leaf, or unless both sides
    have the one length that start, size and the number of leaves allow.
    """
    _verified_levels(start, size, leaf_hashes, left, right, root)


def inclusion_paths(
    start: int,
    size: int,
    leaf_hashes: Sequence[bytes],
    left: Sequence[bytes],
    right: Sequence[bytes],
    root: bytes,
) -> list[tuple[Hash, ...]]:
    """Return the inclusion proof of each of `leaf_hashes`, as `verify_range` proves it.

    Raises ProofError if the range is not proven.
    """
    levels = _verified_levels(start, size, leaf_hashes, left, right, root)
    return [
        tuple(_siblings(levels, index))
        for index in range(start, start + len(leaf_hashes))
    ]


def _verified_levels(
    start: int,
    size: int,
    leaf_hashes: Sequence[bytes],
    left: Sequence[bytes],
    right: Sequence[bytes],
    root: bytes,
) -> list[_Level]:
    levels = _levels(start, size, leaf_hashes, left, right)
    if levels[-1].nodes[0] != root:
        raise ProofError("the range proof does not lead to the root")
    return levels


def _levels(
    start: int,
    size: int,
    leaf_hashes: Sequence[bytes],
    left: Sequence[bytes],
    right: Sequence[bytes],
) -> list[_Level]:
    """Return all nodes above the leaves, bottom up, the root last."""
    end = start + len(leaf_hashes)
    if not 0 <= start < end <= size <= MAX_SIZE:
        raise ProofError(f"[{start}, {end}) is no range in a tree of {size} leaves")
    if len(left) > MAX_SIDE or len(right) > MAX_SIDE:
        raise ProofError(f"a range proof has at most {MAX_SIDE} hashes a side")
    require_hashes(*leaf_hashes, *left, *right)
    before, after = iter(left), iter(right)
    nodes, count = cast(list[Hash], list(leaf_hashes)), size
    levels: list[_Level] = []
    while count > 1:
        if start % 2:
            start -= 1
            nodes.insert(0, _next(before))
        if end % 2 and end < count:
            end += 1
            nodes.append(_next(after))
        levels.append(_Level(start, count, nodes))
        nodes = hash_level(nodes)
        start, end, count = start // 2, (end + 1) // 2, (count + 1) // 2
    if next(before, None) is not None or next(after, None) is not None:
        raise ProofError("the range proof is too long")
    return [*levels, _Level(0, 1, nodes)]


def _next(hashes: Iterator[bytes]) -> Hash:
    value = next(hashes, None)
    if value is None:
        raise ProofError("the range proof is too short")
    return Hash(value)


def _siblings(levels: list[_Level], index: int) -> Iterator[Hash]:
    for level in levels[:-1]:
        sibling = index ^ 1
        # The last node of a level, when it has no sibling, goes up as it is.
        if sibling < level.total:
            yield level.nodes[sibling - level.first]
        index //= 2
