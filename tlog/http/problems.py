"""The one table that speaks HTTP of errors.

Rules raise meaning; here it becomes a status, a stable type token and a title, as
`application/problem+json`.  A fault of ours shows no traceback and no cause.

Source: RFC 9457.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
from aiohttp import hdrs, web

from tlog.entries.submission import EntryError
from tlog.errors import (
    BusyError,
    CorruptError,
    FatalError,
    RejectedError,
    StaleError,
)
from tlog.log.admission.gate import FrozenError, UnauthorizedError
from tlog.log.admission.rates import RateLimitedError
from tlog.log.cosigning.guard import RolledBackError, UnconfirmedError
from tlog.log.publishing.heads import NotCosignedError
from tlog.witness.budget import BudgetError
from tlog.witness.cosigner import NeverCosignedError
from tlog.witness.roster import UnknownOriginError
from tlogclient.cosigning import SIZE_TYPE
from tlogverify.errors import FormatError, ProofError, SignatureError, TlogError


class NotFoundError(RejectedError):
    """What was asked for is not in the log."""

    def __init__(self, detail: str) -> None:
        super().__init__("not-found", detail)


class TooLargeError(RejectedError):
    """A body above its bound."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__("too-large", f"a body has at most {limit_bytes} bytes")


class SlowBodyError(RejectedError):
    """A body that did not come in time."""

    def __init__(self, limit_s: float) -> None:
        super().__init__("slow-body", f"a body comes within {limit_s:.0f} seconds")


class MediaTypeError(RejectedError):
    """A body of a type or coding that is not taken."""

    def __init__(self, detail: str) -> None:
        super().__init__("unsupported-media-type", detail)


class NotAcceptableError(RejectedError):
    """An answer was asked for in a form that it does not have."""

    def __init__(self, detail: str) -> None:
        super().__init__("not-acceptable", detail)


class KnownEntryError(RejectedError):
    """The log has this entry, and is set to say so instead of proving it.

    index: where.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__("duplicate", f"an equivalent entry has index {index}")


class Problem(NamedTuple):
    """How an error is told: status, type token, title."""

    status: int
    token: str
    title: str


PROBLEMS: Final[Mapping[type[TlogError], Problem]] = {
    EntryError: Problem(400, "invalid-entry", "An entry is not valid"),
    FormatError: Problem(400, "invalid-request", "The request is not valid"),
    FrozenError: Problem(405, "frozen", "This log takes no more entries"),
    UnauthorizedError: Problem(401, "unauthorized", "A bearer token is needed"),
    SignatureError: Problem(403, "unproven-signature", "No trusted key signed"),
    UnknownOriginError: Problem(404, "unknown-origin", "An unknown log"),
    NeverCosignedError: Problem(404, "never-cosigned", "No head of that log"),
    NotFoundError: Problem(404, "not-found", "Not in this log"),
    NotAcceptableError: Problem(406, "not-acceptable", "No such form of answer"),
    SlowBodyError: Problem(408, "slow-body", "The body took too long"),
    KnownEntryError: Problem(409, "duplicate", "The log has this entry"),
    StaleError: Problem(409, "stale", "Another size was cosigned last"),
    TooLargeError: Problem(413, "too-large", "The body is too large"),
    MediaTypeError: Problem(415, "unsupported-media-type", "The body's type"),
    ProofError: Problem(422, "unproven", "The Merkle proof fails"),
    BudgetError: Problem(429, "budget", "Too many requests of this log"),
    RateLimitedError: Problem(429, "rate-limited", "Too many entries"),
    NotCosignedError: Problem(503, "not-cosigned", "No cosigned head covers it yet"),
    UnconfirmedError: Problem(503, "unconfirmed", "Its witnesses have not spoken yet"),
    RolledBackError: Problem(500, "rolled-back", "This log must not write"),
    BusyError: Problem(503, "busy", "No room now"),
    FatalError: Problem(503, "outcome-unknown", "The log is restarting: send it again"),
    CorruptError: Problem(500, "corrupt", "The log's own bytes do not verify"),
}
"""By the first class that an error is of; every error of the server has one."""

ROUTING: Final[Mapping[int, Problem]] = {
    404: Problem(404, "not-found", "No such resource"),
    405: Problem(405, "method-not-allowed", "No such method here"),
}
"""What the web server itself refuses."""

INTERNAL: Final = Problem(500, "internal", "A fault of this server")

# What a frozen log allows.
_READS: Final = "GET, HEAD"

_FATAL_RETRY_S: Final = 5


def problem_of(error: TlogError) -> Problem:
    """Return how `error` is told."""
    for kind in type(error).__mro__:
        if kind in PROBLEMS:
            return PROBLEMS[kind]
    return INTERNAL


def error_response(error: TlogError) -> web.Response:
    """Return the answer to a request that ended with `error`."""
    if isinstance(error, StaleError):
        return _size_response(error.known_size)
    problem = problem_of(error)
    is_ours = isinstance(error, CorruptError | FatalError)
    detail = problem.title if is_ours else str(error)
    response = problem_response(problem, detail, getattr(error, "position", None))
    response.headers.update(error_headers(error))
    return response


def error_headers(error: TlogError) -> dict[str, str]:
    """Return the headers that tell a client what it may do about `error`."""
    if isinstance(error, BusyError):
        return {hdrs.RETRY_AFTER: str(error.retry_after_s)}
    if isinstance(error, FatalError):
        return {hdrs.RETRY_AFTER: str(_FATAL_RETRY_S)}
    if isinstance(error, UnauthorizedError):
        return {hdrs.WWW_AUTHENTICATE: "Bearer"}
    if isinstance(error, FrozenError):
        return {hdrs.ALLOW: _READS}
    return {}


def _size_response(known_size: int) -> web.Response:
    """Return the one answer that is no problem document: C2SP tlog-witness, 409."""
    return web.Response(
        status=409,
        body=b"%d\n" % known_size,
        headers={hdrs.CONTENT_TYPE: SIZE_TYPE, hdrs.CACHE_CONTROL: "no-store"},
    )


def problem_response(
    problem: Problem, detail: str, position: int | None = None
) -> web.Response:
    """Return a problem document; position: of the bad entry in a batch."""
    document: dict[str, object] = {
        "type": problem.token,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }
    if position is not None:
        document["position"] = position
    return web.Response(
        status=problem.status,
        body=msgspec.json.encode(document),
        content_type="application/problem+json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


class Dialect(NamedTuple):
    """How errors are told below some path: ours, and the web server's own."""

    error: Callable[[TlogError], web.Response]
    problem: Callable[[Problem, str], web.Response]


PROBLEM_DOCUMENTS: Final = Dialect(error_response, problem_response)
