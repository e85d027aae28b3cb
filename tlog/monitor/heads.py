"""Heads that were shown to the monitor, with the note that proves who signed them."""

from collections.abc import Awaitable
from typing import NamedTuple

from tlog.monitor.web import SourceError
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import EMPTY_ROOT, Hash
from tlogverify.note import parse_note


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


async def fetch_note(answer: Awaitable[bytes]) -> bytes:
    """Wait for an answer, and return it if it is a signed note, whoever signed it.

    Raises SourceError if it is none: the page of a server under maintenance says
    nothing about the log, and must not be told as a head that is wrongly signed.
    """
    try:
        note = await answer
        parse_note(note)
    except FormatError as error:
        raise SourceError(f"the answer is no signed note: {error}") from error
    return note
