"""The hashing functions that every backend has."""

from collections.abc import Sequence
from typing import NoReturn, Protocol

from tlog.errors import RejectedError
from tlog.hashing.shapes import Buffer
from tlogverify.hashing import Hash


class Backend(Protocol):
    """The hashing functions.  Hashes have 32 bytes; "joined" is one behind the other.

    Inputs are contiguous buffers of any alignment, which must not change meanwhile.
    Wrong lengths are a ValueError.
    """

    @property
    def name(self) -> str:
        """The name by which `TLOG_HASH_BACKEND` asks for this backend."""
        ...

    @property
    def threads(self) -> int:
        """How many threads a large batch may use."""
        ...

    def hash_leaves(self, entries: Sequence[Buffer]) -> bytes:
        """Return the leaf hashes of entries of any lengths, joined."""
        ...

    def bundle_leaf_hashes(self, bundle: Buffer, width: int) -> bytes:
        """Return the leaf hashes of a bundle of `width` entries, joined.

        Raises FormatError with the offset if the bundle does not hold exactly these.
        """
        ...

    def hash_pairs(self, nodes: Buffer) -> bytes:
        """Return the parents of n x 2 hashes, joined."""
        ...

    def hash_pair(self, left: Hash, right: Hash) -> Hash:
        """Return the parent of two hashes."""
        ...

    def subtree_roots(self, hashes: Buffer) -> bytes:
        """Return the roots of n x 256 hashes, joined: whole tiles."""
        ...

    def tile_levels(self, hashes: Buffer) -> list[bytes]:
        """Return the complete nodes above up to 256 hashes, themselves first.

        Level k holds width >> k nodes; nodes that are not complete are left out.
        """
        ...

    def growth_levels(
        self, start: int, peaks: bytes, leaf_hashes: bytes
    ) -> list[bytes]:
        """Return all levels of a tree of `start` leaves that grows, the root last.

        peaks: the old tree's complete subtrees, smallest first, joined.
        Level k holds the nodes from the even index start >> k & ~1 on.
        """
        ...

    def root(self, hashes: Buffer) -> Hash:
        """Return the root over n hashes, by RFC 6962.

        A last node that may itself stand for an incomplete subtree is fine.
        """
        ...


class RefusedBackend:
    """A backend that was asked for and cannot be had: every use says why.

    The import itself does not fail, so that a command can answer in one line.
    """

    def __init__(self, error: RejectedError) -> None:
        self._error = error

    @property
    def name(self) -> str:
        """Refuse."""
        raise self._error

    @property
    def threads(self) -> int:
        """Refuse."""
        raise self._error

    def _refuse(self, *_: object) -> NoReturn:
        raise self._error

    hash_leaves = bundle_leaf_hashes = hash_pair = hash_pairs = _refuse
    subtree_roots = tile_levels = growth_levels = root = _refuse
