"""Is an answer of the log all that there is?  Its hits against the verified entries.

What the log answers is proven entry by entry, and that no entry was left out is its
word.  Both answers are compared below the smaller of the two sizes that they cover.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path

from tlog.errors import CorruptError
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, follow_once
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.verified import VerifiedEntries, open_verified
from tlogclient.answers import open_head
from tlogclient.comparing import Answer, compare
from tlogclient.findings import SearchResult, Sought
from tlogverify.bundles import Progress
from tlogverify.errors import FormatError, VerificationError
from tlogverify.policy import Policy
from tlogverify.proof import Proof


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    complete_to: both answers cover the entries below this index.
    withheld: proofs of entries that name what is sought and that the log left out.
    foreign: indexes at which the log shows an entry that is not in the verified tree,
    so that there are two histories.
    """

    complete_to: int
    withheld: tuple[Proof, ...]
    foreign: tuple[int, ...]

    @property
    def is_complete(self) -> bool:
        """Whether the log's hits are all that there are below `complete_to`."""
        return not (self.withheld or self.foreign)


def compare_answers(
    entries: VerifiedEntries, policy: Policy, sought: Sought, answer: SearchResult
) -> Comparison:
    """Hold the hits of an answer against the entries themselves.

    policy: by which the answer was verified; it must accept the head of the entries
    too, so that the proof of a withheld entry convinces whoever trusts that policy.

    Raises FormatError if the entries are of another log, VerificationError if the
    policy refuses their head, CorruptError if an entry is not what was stored.
    """
    head, tree = entries.cursor.head, entries.tree()
    try:
        checkpoint = open_head(head.note, policy).checkpoint
    except VerificationError as error:
        raise VerificationError(f"the verified entries' head: {error}") from error
    if (checkpoint.size, checkpoint.root) != (head.size, head.root):
        raise CorruptError("monitor.db", "its head's note is of another head")
    ends = (answer.complete_to, answer.next)
    end = min(it for it in ends if it is not None)
    shown = {it.index: it.proof.extra or b"" for it in answer.hits}
    named = chain.from_iterable(it.found for it in entries.search(sought))
    seen = {it.index: it.entry for it in takewhile(lambda it: it.index < end, named)}
    found = compare(
        Answer(answer.origin, end, shown),
        Answer(checkpoint.origin, head.size, seen),
    )
    withheld = (
        Proof(it, tree.inclusion_path(it, head.size), head.note, seen[it])
        for it in found.withheld
    )
    # All verified entries were read: what only the log shows is not in their tree.
    foreign = sorted([*found.differing, *found.unseen])
    return Comparison(found.end, tuple(withheld), tuple(foreign))


@asynccontextmanager
async def verified_entries(
    place: Path, policy: str | None, on_read: Progress
) -> AsyncIterator[VerifiedEntries]:
    """Hold the entries of a monitor's state folder, or of a log's files.

    place: the one or the other.  policy: by which a log's files are verified, as the
    user named it.  on_read: is told how far their verification is.

    Raises FormatError if it is neither, VerificationError if the files do not lead to a
    head that the policy accepts.
    """
    if not (place / "checkpoint").is_file():
        with open_verified(place) as entries:
            yield entries
        return
    if policy is None:
        raise FormatError(f"{place} holds a log's files: they need a policy")
    with tempfile.TemporaryDirectory(prefix="tlog-search-") as scratch:
        state = Path(scratch, "state")
        settings = MonitorSettings(
            log=str(place), policy=Path(policy), state=state, once=True
        )
        alarms: list[str] = []
        surroundings = Surroundings(show=alarms.append, on_read=on_read)
        if await follow_once(settings, surroundings) is not Outcome.QUIET:
            raise VerificationError(f"{place} is not verified: {alarms[0]}")
        with open_verified(state) as entries:
            yield entries
