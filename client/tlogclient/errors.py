"""What talking to a log can add to `tlogverify.errors`.

    TlogError
    ├─ RefusedError         the log says no: retrying is useless, the caller must act
    ├─ UnavailableError     no answer within the patience given: try again later
    └─ VerificationError    of `tlogverify`
       ├─ IncompleteError     of two proven answers, one leaves an entry out
       └─ TwoHistoriesError   two proven answers show different entries at one index

An answer that is malformed or not proven is a FormatError or a VerificationError of
`tlogverify`, unchanged; it is never retried, because a log that lies is not busy.
"""

from tlogverify.errors import TlogError, VerificationError
from tlogverify.proof import Proof


class RefusedError(TlogError):
    """A server refused a request.

    type: the problem's stable token, "about:blank" if the log gave none.
    detail: for people; bounded and printable.  status: the HTTP status.
    position: of the entry at fault among those that the caller submitted, or None.
    """

    def __init__(
        self, type: str, detail: str, *, status: int, position: int | None = None
    ) -> None:
        self.type = type
        self.detail = detail
        self.status = status
        self.position = position
        where = "" if position is None else f" entry {position}"
        super().__init__(f"refused{where}: {type} ({status}): {detail}")

    def at(self, position: int) -> "RefusedError":
        """Return the same refusal of the entry at another `position`."""
        return RefusedError(
            self.type, self.detail, status=self.status, position=position
        )


class UnavailableError(TlogError):
    """The log could not be reached, or had no room; `__cause__` is the last failure.

    A submit that ends so may have been accepted: submitting it again is safe, and
    gives the same index.
    retry_after_s: the pause that the log asked for, or None.
    """

    def __init__(self, detail: str, *, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class IncompleteError(VerificationError):
    """Of a log's and a monitor's answers, one leaves out what the other proves.

    withheld: proofs of entries that the log left out.  unseen: of entries that the
    monitor left out: it withholds them, or it follows another history.  Each proof
    satisfies the policy, and its extra is the entry.
    """

    def __init__(self, withheld: tuple[Proof, ...], unseen: tuple[Proof, ...]) -> None:
        self.withheld = withheld
        self.unseen = unseen
        said = [
            f"the {who} leaves out entry {it.index}, which is proven"
            for who, proofs in (("log", withheld), ("monitor", unseen))
            for it in proofs[:1]
        ]
        super().__init__("; ".join(said))


class TwoHistoriesError(VerificationError):
    """Two different entries are proven at one index: the log has two histories.

    proofs: pairs of the log's and the monitor's.  Each satisfies the policy, and its
    extra is the entry.
    """

    def __init__(self, proofs: tuple[tuple[Proof, Proof], ...]) -> None:
        self.proofs = proofs
        index = proofs[0][0].index
        super().__init__(f"two different entries are proven at index {index}")
