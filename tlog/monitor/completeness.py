"""Is an answer of the log all that there is?  Its hits against the verified entries.

What the log answers is proven entry by entry, and that no entry was left out is its
word.  Both answers are compared below the smaller of the two sizes that they cover.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, follow_once
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.verified import VerifiedEntries, open_verified
from tlogclient.findings import SearchResult, Sought
from tlogverify.bundles import Progress
from tlogverify.errors import FormatError, VerificationError
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
    entries: VerifiedEntries, sought: Sought, answer: SearchResult, start: int = 0
) -> Comparison:
    """Hold the hits of an answer, from `start` on, against the entries themselves.

    Raises CorruptError if an entry is not what was stored.
    """
    end = min(entries.size, answer.complete_to)
    if answer.next is not None:
        end = min(end, answer.next)
    shown = {it.index: it.proof.extra for it in answer.hits if start <= it.index < end}
    head, tree = entries.cursor.head, entries.tree()
    withheld: list[Proof] = []
    foreign: list[int] = []
    for step in entries.search(sought, start):
        for it in step:
            if it.index in shown:
                if shown.pop(it.index) != it.entry:
                    foreign.append(it.index)
            elif it.index < end:
                path = tree.inclusion_path(it.index, head.size)
                withheld.append(Proof(it.index, path, head.note, it.entry))
    return Comparison(end, tuple(withheld), tuple(sorted([*foreign, *shown])))


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
