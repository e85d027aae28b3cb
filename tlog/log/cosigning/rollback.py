"""Has this log forgotten something?  Its witnesses are asked before it writes.

A folder put back from an older copy looks whole: only somebody else remembers that its
key has signed more.  What counts is the log's own signature on what a witness shows; a
witness that merely says so stops nobody.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tlog.errors import RejectedError
from tlog.log.cosigning.links import Port
from tlog.log_lines import log_event
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import SignatureError, TlogError
from tlogverify.hashing import Hash
from tlogverify.keys import VerifierKey
from tlogverify.signed import open_checkpoint


class RolledBackError(RejectedError):
    """This log's key has signed what this log does not have: it must not write."""


class Sighting(NamedTuple):
    """A head of this log, signed by its key, that a witness has shown."""

    witness: str
    head: Checkpoint


@dataclass(slots=True)
class RollbackGuard:
    """Whether the log may write; seen: what speaks against it, or None."""

    seen: str | None = None

    def require_writable(self) -> None:
        """Raise RolledBackError if a witness has shown a head that this log lacks."""
        if self.seen is not None:
            raise RolledBackError(self.seen)

    def stop(self, seen: str) -> None:
        """Let nothing be written from now on."""
        if self.seen is None:
            self.seen = seen
            log_event("rolled back: writing is refused", level="error", seen=seen)


async def ask_witness(
    name: str, port: Port, origin: str, keys: Sequence[VerifierKey]
) -> Sighting | None:
    """Return the newest head that a witness has, if the log's key signed it.

    Raises what the port raises, FormatError or SignatureError.
    """
    note = await port.checkpoint(origin)
    if note is None:
        return None
    head = open_checkpoint(note, *keys)
    if head.origin != origin:
        raise SignatureError(f"{name} shows a head of another log")
    return Sighting(name, head)


async def ask_witnesses(
    ports: Sequence[tuple[str, Port]], origin: str, keys: Sequence[VerifierKey]
) -> list[Sighting]:
    """Ask all at once; one that does not answer, or not truly, is passed over."""
    answers = await asyncio.gather(
        *(ask_witness(name, port, origin, keys) for name, port in ports),
        return_exceptions=True,
    )
    sightings: list[Sighting] = []
    for (name, _), answer in zip(ports, answers, strict=True):
        if isinstance(answer, TlogError):
            said = str(answer)
            log_event("witness not asked", level="warning", witness=name, error=said)
        elif isinstance(answer, BaseException):
            raise answer
        elif answer is not None:
            sightings.append(answer)
    return sightings


def find_rollback(
    sightings: Sequence[Sighting], size: int, root_at: Callable[[int], Hash]
) -> str | None:
    """Return what shows that a log of `size` has forgotten or changed its past.

    root_at: the log's own root at any size up to `size`.
    """
    for witness, head in sightings:
        shown = (
            f"{witness} has a head of {head.size} entries with root {head.root.hex()}"
        )
        if head.size > size:
            return f"{shown}, signed by this log's key; this folder has {size} entries"
        if root_at(head.size) != head.root:
            return (
                f"{shown}, signed by this log's key; this folder has another root at "
                f"that size, {root_at(head.size).hex()}"
            )
    return None
