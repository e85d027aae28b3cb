"""The errors of the log's doors, and the row by which each is told."""

from typing import Final

from aiohttp import hdrs

from tlog.documents.door import DOCUMENT_ROWS
from tlog.entries.submission import EntryError
from tlog.errors import FatalError, RejectedError
from tlog.http.problems import SHARED_ROWS, Problem, Rows, problem_of
from tlog.log.admission.gate import (
    FrozenError,
    NotPermittedError,
    UnauthorizedError,
)
from tlog.log.admission.rates import RateLimitedError
from tlog.log.cosigning.guard import RolledBackError, UnconfirmedError
from tlog.log.publishing.heads import NotCosignedError
from tlogverify.errors import TlogError


class NotFoundError(RejectedError):
    """The request asks for something that is not in the log."""


class NativeClosedError(RejectedError):
    """The log takes the entries of Sigstore's clients alone."""

    def __init__(self) -> None:
        super().__init__(
            "this log takes the entries of Sigstore's clients alone: POST "
            "/api/v2/log/entries, or submit to another log"
        )


class NotAcceptableError(RejectedError):
    """An answer was asked for in a form that it does not have."""


class KnownEntryError(RejectedError):
    """The log has this entry, and is set to say so instead of proving it.

    index: where.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(f"an equivalent entry has index {index}")


class UnansweredError(TlogError):
    """The entries are in the log, and the answer that proves them could not be made."""


_UNANSWERED: Final = SHARED_ROWS[FatalError]._replace(
    title="The entries are in the log, and no proof was made: send them again"
)

LOG_ROWS: Final[Rows] = {
    **SHARED_ROWS,
    **DOCUMENT_ROWS,
    UnansweredError: _UNANSWERED,
    EntryError: Problem(400, "invalid-entry", "An entry is not valid"),
    UnauthorizedError: Problem(
        401,
        "unauthorized",
        "A bearer token is needed",
        ((hdrs.WWW_AUTHENTICATE, "Bearer"),),
    ),
    NotPermittedError: Problem(403, "not-permitted", "This token may not do that"),
    NotFoundError: Problem(404, "not-found", "Not in this log"),
    FrozenError: Problem(
        405,
        "frozen",
        "This log takes no more entries",
        ((hdrs.ALLOW, "GET, HEAD"),),
    ),
    NativeClosedError: Problem(
        405,
        "native-closed",
        "This log takes no native entries",
        ((hdrs.ALLOW, "GET, HEAD"),),
    ),
    NotAcceptableError: Problem(406, "not-acceptable", "No such form of answer"),
    KnownEntryError: Problem(409, "duplicate", "The log has this entry"),
    RateLimitedError: Problem(429, "rate-limited", "Too many entries"),
    RolledBackError: Problem(500, "rolled-back", "This log must not write"),
    UnconfirmedError: Problem(
        503, "unconfirmed", "Its witnesses have not confirmed this log yet"
    ),
    NotCosignedError: Problem(503, "not-cosigned", "No cosigned head covers it yet"),
}
"""How the log's doors tell errors."""


def token_of(error: TlogError) -> str:
    """Return the type token of an error at a door of the log."""
    return problem_of(error, LOG_ROWS).token


class AfterTheCommit:
    """Turns every error but NotCosignedError into UnansweredError, within a `with`.

    Entries that were committed are never called refused.  The caller sends them again,
    and gets the same indexes.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: object, error: BaseException | None, traceback: object
    ) -> None:
        if error is None or isinstance(error, NotCosignedError):
            return
        if isinstance(error, TlogError | OSError | MemoryError):
            raise UnansweredError(str(error)) from error
