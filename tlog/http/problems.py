"""How errors are told over HTTP: the mechanism, and the rows that every door shares.

Rules raise meaning.  Each door has rows that turn the errors of its role into a status,
a stable type token and a title, and hands them to the application that it builds.  An
error is told by the row of the first class that it is of; an error without a row is
`internal`.  A fault of ours shows no traceback and no cause.

The usual form is `application/problem+json`; below some paths a `Dialect` tells errors
in the form that other people's clients read.

Source: RFC 9457.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs

from tlog.errors import BusyError, CorruptError, FatalError, MachineError
from tlog.http.body import MediaTypeError, SlowBodyError, TooLargeError
from tlog.http.exchange import Reply
from tlogverify.errors import FormatError, TlogError

NEVER: Final = "no-store"


class Problem(NamedTuple):
    """A row: how an error is answered.

    headers: beside the problem document.  is_ours: the title is all that is shown,
    because the error's own words tell of this machine.
    """

    status: int
    token: str
    title: str
    headers: tuple[tuple[str, str], ...] = ()
    is_ours: bool = False


Rows = Mapping[type[TlogError], Problem]

SHARED_ROWS: Final[Rows] = {
    FormatError: Problem(400, "invalid-request", "The request is not valid"),
    SlowBodyError: Problem(408, "slow-body", "The body took too long"),
    TooLargeError: Problem(413, "too-large", "The body is too large"),
    MediaTypeError: Problem(415, "unsupported-media-type", "The body's type"),
    BusyError: Problem(503, "busy", "No room now"),
    MachineError: Problem(
        503, "unavailable", "This machine cannot answer now", is_ours=True
    ),
    FatalError: Problem(
        503,
        "outcome-unknown",
        "The log is restarting: send it again",
        ((hdrs.RETRY_AFTER, "5"),),
        is_ours=True,
    ),
    CorruptError: Problem(
        500, "corrupt", "The log's own bytes do not verify", is_ours=True
    ),
}
"""The rows of errors that any role raises."""

ROUTING: Final[Mapping[int, Problem]] = {
    404: Problem(404, "not-found", "No such resource"),
    405: Problem(405, "method-not-allowed", "No such method here"),
}
"""The refusals that the web server itself makes."""

INTERNAL: Final = Problem(500, "internal", "A fault of this server", is_ours=True)


class ErrorAnswer(NamedTuple):
    """The answer to one error, before it has a form.

    headers: what a client may do about it.  error: None if the web server itself
    refused the request.
    """

    problem: Problem
    detail: str
    headers: Mapping[str, str]
    error: TlogError | None = None


Dialect = Callable[[ErrorAnswer], Reply]
"""The form that the answer to an error has below some path."""


def problem_of(error: TlogError, rows: Rows) -> Problem:
    """Return the row of the first class that `error` is of, or INTERNAL."""
    for kind in type(error).__mro__:
        if kind in rows:
            return rows[kind]
    return INTERNAL


def answer_to(error: TlogError, rows: Rows) -> ErrorAnswer:
    """Return what a client is answered to `error`."""
    problem = problem_of(error, rows)
    headers = dict(problem.headers)
    if isinstance(error, BusyError):
        headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    detail = problem.title if problem.is_ours else str(error)
    return ErrorAnswer(problem, detail, headers, error)


def problem_document(answer: ErrorAnswer) -> Reply:
    """Return an error as a problem document; the usual dialect."""
    document: dict[str, object] = {
        "type": answer.problem.token,
        "title": answer.problem.title,
        "status": answer.problem.status,
        "detail": answer.detail,
    }
    position = getattr(answer.error, "position", None)
    if position is not None:
        document["position"] = position
    headers: dict[str, str] = {hdrs.CACHE_CONTROL: NEVER, **answer.headers}
    headers[hdrs.CONTENT_TYPE] = "application/problem+json"
    return Reply(
        answer.problem.status, tuple(headers.items()), msgspec.json.encode(document)
    )
