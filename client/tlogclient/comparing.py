"""Is the log's answer about an artifact all that there is?  A monitor's beside it.

Pure.  Both answers are proven entry by entry already.  They are compared below the
smaller of the sizes that they cover.
"""

from tlogclient.attested import Attestation, AttestationResult
from tlogclient.errors import IncompleteError, TwoHistoriesError


def compare_attestations(log: AttestationResult, monitor: AttestationResult) -> int:
    """Hold two answers to one question against each other, from the same start on.

    Return the size below which they say the same.

    Raises TwoHistoriesError if the two show different entries at one index, and
    IncompleteError if one of them leaves out an entry that the other shows.
    """
    ends = (log.complete_to, log.next, monitor.complete_to, monitor.next)
    end = min(it for it in ends if it is not None)
    shown, seen = _below(end, log), _below(end, monitor)
    differing = tuple(
        (shown[index].proof, seen[index].proof)
        for index in sorted(shown.keys() & seen.keys())
        if shown[index].proof.extra != seen[index].proof.extra
    )
    if differing:
        raise TwoHistoriesError(differing)
    withheld = tuple(seen[it].proof for it in sorted(seen.keys() - shown.keys()))
    unseen = tuple(shown[it].proof for it in sorted(shown.keys() - seen.keys()))
    if withheld or unseen:
        raise IncompleteError(withheld, unseen)
    return end


def _below(end: int, result: AttestationResult) -> dict[int, Attestation]:
    return {it.index: it for it in result.attestations if it.index < end}
