"""Is a log's answer all that there is?  That of who has read every entry beside it.

Pure.  Both answers are proven entry by entry already.  They are compared below the
smaller of the sizes that they cover, and only if they are of one log: another log has
other entries at the same indexes, and that is no evidence against anybody.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tlogclient.attested import Attestation, AttestationResult
from tlogclient.errors import IncompleteError, TwoHistoriesError
from tlogverify.errors import FormatError


class Answer(NamedTuple):
    """What one side says to a question.

    origin: of the log.  end: the entries below this index are covered.  entries: those
    that name what is sought, by their index; some may lie at or above `end`.
    """

    origin: str
    end: int
    entries: Mapping[int, bytes]


class Differences(NamedTuple):
    """How a log's answer differs from another one below `end`, by ascending indexes.

    withheld: only the other side shows them.  unseen: only the log shows them.
    differing: the two show different entries there.
    """

    end: int
    withheld: tuple[int, ...]
    unseen: tuple[int, ...]
    differing: tuple[int, ...]


def compare(log: Answer, other: Answer) -> Differences:
    """Hold two answers to one question against each other, from the same start on.

    Raises FormatError if they are of different logs.
    """
    if log.origin != other.origin:
        raise FormatError(
            f"the answer is of the log {log.origin!r}, and it was to be compared with "
            f"entries of the log {other.origin!r}"
        )
    end = min(log.end, other.end)
    shown = {it for it in log.entries if it < end}
    seen = {it for it in other.entries if it < end}
    return Differences(
        end,
        withheld=tuple(sorted(seen - shown)),
        unseen=tuple(sorted(shown - seen)),
        differing=tuple(
            it for it in sorted(shown & seen) if log.entries[it] != other.entries[it]
        ),
    )


def compare_attestations(log: AttestationResult, monitor: AttestationResult) -> int:
    """Hold two answers about an artifact against each other, from the same start on.

    Return the size below which they say the same.

    Raises FormatError if they are of different logs, TwoHistoriesError if they show
    different entries at one index, and IncompleteError if one of them leaves out an
    entry that the other shows.
    """
    shown = {it.index: it for it in log.attestations}
    seen = {it.index: it for it in monitor.attestations}
    found = compare(_answer(log, shown), _answer(monitor, seen))
    if found.differing:
        raise TwoHistoriesError(
            tuple((shown[it].proof, seen[it].proof) for it in found.differing)
        )
    if found.withheld or found.unseen:
        raise IncompleteError(
            tuple(seen[it].proof for it in found.withheld),
            tuple(shown[it].proof for it in found.unseen),
        )
    return found.end


def _answer(result: AttestationResult, by_index: Mapping[int, Attestation]) -> Answer:
    ends = (result.complete_to, result.next)
    return Answer(
        result.origin,
        min(it for it in ends if it is not None),
        {index: it.proof.extra or b"" for index, it in by_index.items()},
    )
