"""What can go wrong in a server, split by who must act.

Below tlogverify's `TlogError`:

    FormatError          these bytes break a format: the sender must act
    VerificationError    well-formed, but not proven: do not trust
    RejectedError        refused, retrying is useless: the caller must act
    BusyError            no room now: the caller tries again later
    MachineError         the machine fails: the caller tries again, the operator looks
    StaleError           the caller's view of a head is old: the caller reads it anew
    CorruptError         our own stored bytes do not verify: the operator must act
    FatalError           state unknown: the process stops, restarts and reads

Errors know no status codes: each door has rows that turn them into HTTP.
"""

from tlogverify.errors import TlogError


class RejectedError(TlogError):
    """Refused; the same request will be refused again.

    The message says why.  A refusal that programs must tell apart has a subclass.
    """


class BusyError(TlogError):
    """No room now; nothing was stored."""

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(detail)


class MachineError(BusyError):
    """The machine lacks descriptors, memory or disk now, or its disk fails.

    Nothing is said about what is stored: it may be whole.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after_s=5)


class StaleError(TlogError):
    """The caller's view of a head is old; known_size: of the one that is known here."""

    def __init__(self, known_size: int) -> None:
        self.known_size = known_size
        super().__init__(f"the newest known head has {known_size} leaves")


class CorruptError(TlogError):
    """Our own stored bytes do not verify; where: the first damaged place."""

    def __init__(self, where: str, why: str) -> None:
        self.where = where
        super().__init__(f"{where}: {why}")


class FatalError(TlogError):
    """The state is unknown; only a restart, which reads it, can tell."""
