"""The entries that a log has: in the search index, or on their way there."""

from collections.abc import Iterable, Sequence
from typing import Protocol


class LeafIndex(Protocol):
    """Where indexed entries can be found by their leaf hash."""

    def find(self, leaf_hashes: Sequence[bytes]) -> list[int | None]:
        """Return the index of each leaf hash, or None where it is not known."""
        ...


class Waiting(Protocol):
    """What is not in the index yet."""

    def find_all(self, leaf_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Return the indexes of those that are not in the search index yet."""
        ...


class NothingKnown:
    """Stands for an index, or for what waits for one, where there is none."""

    def find_all(self, leaf_hashes: Iterable[bytes]) -> dict[bytes, int]:
        """Return nothing."""
        return {}

    def find(self, leaf_hashes: Sequence[bytes]) -> list[int | None]:
        """Return None for each."""
        return [None] * len(leaf_hashes)


class KnownEntries:
    """Every entry up to the signed head, by its leaf hash."""

    def __init__(self, backlog: Waiting, index: LeafIndex) -> None:
        self._backlog = backlog
        self._index = index

    def find(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indexes of those of `leaf_hashes` that the log has."""
        # The backlog first: an entry leaves it only after it is in the index.
        known = self._backlog.find_all(leaf_hashes)
        unknown = (
            [it for it in leaf_hashes if it not in known] if known else leaf_hashes
        )
        for leaf_hash, index in zip(unknown, self._index.find(unknown), strict=True):
            if index is not None:
                known[leaf_hash] = index
        return known
