"""What talking to a log can add to `tlogverify.errors`.

    TlogError
    ├─ RefusedError         the log says no: retrying is useless, the caller must act
    └─ UnavailableError     no answer within the patience given: try again later

An answer that is malformed or not proven is a FormatError or a VerificationError of
`tlogverify`, unchanged; it is never retried, because a log that lies is not busy.
"""

from tlogverify.errors import TlogError


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
