"""Heads that were shown to the monitor, with the note that proves who signed them."""

from typing import NamedTuple

from tlogverify.checkpoint import Checkpoint
from tlogverify.hashing import EMPTY_ROOT, Hash


class SeenHead(NamedTuple):
    """A head whose log signature was verified when it came.

    size: in leaves.  note: the bytes of the signed checkpoint, empty for no head.
    """

    size: int
    root: Hash
    note: bytes


NO_HEAD = SeenHead(0, EMPTY_ROOT, b"")
"""Where a monitor starts: the empty tree, which nobody has signed yet."""


def seen_head(checkpoint: Checkpoint, note: bytes) -> SeenHead:
    """Return the head that a verified checkpoint is."""
    return SeenHead(checkpoint.size, checkpoint.root, note)
