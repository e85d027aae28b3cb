"""Heads of this log that its witnesses show, compared with what the log has.

What counts here is the log's own signature on a head that a witness serves at its
monitoring prefix.  Serving heads there is a SHOULD, at a prefix of the witness's own
choosing (C2SP tlog-witness, "get-checkpoint"): a 404 says nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from tlog.log.cosigning.guard import Contradiction
from tlog.log_lines import log_event
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import SignatureError, TlogError
from tlogverify.hashing import Hash
from tlogverify.keys import VerifierKey
from tlogverify.signed import open_checkpoint


class Monitoring(Protocol):
    """Where a witness shows heads: `tlogclient.witness.WitnessClient` is one."""

    async def checkpoint(self, origin: str) -> bytes | None:
        """Return the newest note that was cosigned, or None."""
        ...


class Sighting(NamedTuple):
    """A head of this log, signed by its key, that a witness has shown."""

    witness: str
    head: Checkpoint

    def compare(self, size: int, root: Hash | None) -> Contradiction | None:
        """Return what this head says against a log of `size`, if anything.

        root: the log's own at the head's size; None if that is above `size`.
        """
        head = self.head
        shown = f"{self.witness} shows a head of {head.size} entries with root "
        shown += f"{head.root.hex()}, signed by this log's key; this folder has"
        if root is None:
            said = f"{shown} {size} entries"
        elif root != head.root:
            said = f"{shown} another root at that size, {root.hex()}"
        else:
            return None
        return Contradiction(self.witness, head.size, said)


async def see_head(
    witness: str, port: Monitoring, origin: str, keys: Sequence[VerifierKey]
) -> Sighting | None:
    """Return the newest head that a witness shows, if the log's key signed it.

    Raises what the port raises, FormatError or SignatureError.
    """
    note = await port.checkpoint(origin)
    if note is None:
        return None
    head = open_checkpoint(note, *keys)
    if head.origin != origin:
        raise SignatureError(f"{witness} shows a head of another log")
    return Sighting(witness, head)


async def see_heads(
    ports: Sequence[tuple[str, Monitoring]], origin: str, keys: Sequence[VerifierKey]
) -> list[Sighting]:
    """Ask all at once; one that does not answer, or not truly, is passed over."""
    answers = await asyncio.gather(
        *(see_head(name, port, origin, keys) for name, port in ports),
        return_exceptions=True,
    )
    sightings: list[Sighting] = []
    for (name, _), answer in zip(ports, answers, strict=True):
        if isinstance(answer, TlogError):
            tell_unseen(name, answer)
        elif isinstance(answer, BaseException):
            raise answer
        elif answer is not None:
            sightings.append(answer)
    return sightings


def compare_all(
    sightings: Sequence[Sighting], size: int, root_at: Callable[[int], Hash]
) -> list[Contradiction]:
    """Return what the sightings say against a log of `size`.

    root_at: returns the log's own root at any size up to `size`.  Where it cannot, for
    a tile that cannot be read, the sighting is passed over.
    """
    found: list[Contradiction] = []
    for sighting in sightings:
        try:
            root = root_at(sighting.head.size) if sighting.head.size <= size else None
        except (TlogError, OSError) as error:
            tell_unseen(sighting.witness, error)
            continue
        if (said := sighting.compare(size, root)) is not None:
            found.append(said)
    return found


async def compare_shown(
    sighting: Sighting, size: int, root_at: Callable[[int], Awaitable[Hash]]
) -> Contradiction | None:
    """Return what one sighting says; as `compare_all`, within an event loop."""
    try:
        root = await root_at(sighting.head.size) if sighting.head.size <= size else None
    except (TlogError, OSError) as error:
        tell_unseen(sighting.witness, error)
        return None
    return sighting.compare(size, root)


def tell_unseen(witness: str, error: Exception) -> None:
    """Note that nothing is known of what a witness shows."""
    log_event("witness not asked", level="warning", witness=witness, error=str(error))
