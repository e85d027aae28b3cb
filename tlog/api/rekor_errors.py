"""Errors as Sigstore's clients read them.

    {"code":<gRPC code>,"message":"<the reason>","details":[]}

One of our own faults shows no cause.  A frozen log says so in plain text.

Source: gRPC-Gateway, "Default error handling"; sigstore/rekor-tiles.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import hdrs, web

from tlog.admission.gate import FrozenError, UnauthorizedError
from tlog.api.problems import (
    READS,
    Dialect,
    KnownEntryError,
    Problem,
    problem_of,
)
from tlog.api.respond import NEVER, text_response
from tlog.errors import BusyError, CorruptError, FatalError
from tlogverify.errors import TlogError

LOG_INDEX: Final = "x-log-index"

_UNKNOWN: Final = 2
_CODES: Final[Mapping[int, int]] = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    408: 4,  # DEADLINE_EXCEEDED
    409: 6,  # ALREADY_EXISTS
    413: 8,  # RESOURCE_EXHAUSTED
    415: 3,
    429: 8,
    500: _UNKNOWN,
    503: 14,  # UNAVAILABLE
}


def rekor_error(error: TlogError) -> web.Response:
    """Return the answer to a request that ended with `error`."""
    problem = problem_of(error)
    if isinstance(error, FrozenError):
        response = text_response(f"{error}\n".encode(), status=problem.status)
        response.headers[hdrs.ALLOW] = READS
        return response
    if isinstance(error, FatalError):
        # Not integrated, as far as is known: what upstream says then.
        return _response(500, f"{problem.title.lower()}")
    is_ours = isinstance(error, CorruptError)
    response = _response(problem.status, problem.title if is_ours else str(error))
    if isinstance(error, BusyError):
        response.headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    elif isinstance(error, KnownEntryError):
        response.headers[LOG_INDEX] = str(error.index)
    elif isinstance(error, UnauthorizedError):
        response.headers[hdrs.WWW_AUTHENTICATE] = "Bearer"
    return response


def rekor_problem(problem: Problem, detail: str) -> web.Response:
    """Return the answer to what the web server itself refuses."""
    return _response(problem.status, detail)


REKOR: Final = Dialect(rekor_error, rekor_problem)


def _response(status: int, message: str) -> web.Response:
    document = {
        "code": _CODES.get(status, _UNKNOWN),
        "message": message,
        "details": [],
    }
    return web.Response(
        status=status,
        body=msgspec.json.encode(document),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: NEVER},
    )
