"""Is an answer of the log all that there is?  Its hits against the verified entries.

What the log answers is proven entry by entry, and that no entry was left out is its
word.  Both answers are compared below the smaller of the two sizes that they cover.
"""

from dataclasses import dataclass

from tlog.monitor.verified import VerifiedEntries
from tlogclient.findings import SearchResult, Sought
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
