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

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tlogverify.errors import TlogError

MISSING: Final = (FileNotFoundError, NotADirectoryError, IsADirectoryError)
"""How the system says that a file is not there; where it must be, that is damage."""

MACHINE_ERRNOS: Final = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO),
        *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    }
)
"""No descriptors, no memory, no room, a disk that fails: they say nothing of a file."""

_MACHINE_CODES: Final = frozenset({3, 5, 6, 7, 8, 10, 13, 14, 15})
"""SQLite's PERM, BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN and PROTOCOL.

They are numbers here, because most commands never load SQLite.
"""


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


def names_machine_trouble(text: str) -> bool:
    """Whether a message of others' code names one of MACHINE_ERRNOS in its words."""
    return any(os.strerror(number) in text for number in MACHINE_ERRNOS)


def database_error(where: str, error: Exception) -> "CorruptError | MachineError":
    """Return what an error of SQLite says: the machine fails, or its bytes are damaged.

    where: what was read or opened.
    """
    # The low byte is the primary code; an error of Python's own has none at all.
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _MACHINE_CODES:
        return MachineError(f"{where} cannot be used now: {error}")
    return CorruptError(where, str(error))


@contextmanager
def telling_machine_trouble() -> Iterator[None]:
    """Let the machine's own trouble leave the body as MachineError.

    An OSError that is about a file or an address passes as it is.
    """
    try:
        yield
    except MemoryError as error:
        raise MachineError("this machine has no memory for it") from error
    except OSError as error:
        if error.errno not in MACHINE_ERRNOS:
            raise
        raise MachineError(f"this machine cannot go on: {error}") from error


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
