"""Errors as Sigstore's clients read them.

    {"code":<gRPC code>,"message":"<the reason>","details":[]}

One of our own faults shows no cause.  A frozen log says so in plain text.

Source: gRPC-Gateway, "Default error handling"; sigstore/rekor-tiles.
"""

from collections.abc import Mapping
from typing import Final

from tlog.errors import FatalError
from tlog.http.exchange import Reply
from tlog.http.problems import ErrorAnswer
from tlog.http.respond import json_reply, text_reply
from tlog.log.admission.gate import FrozenError
from tlog.log.api.problems import KnownEntryError

LOG_INDEX: Final = "x-log-index"

_UNKNOWN: Final = 2
_CODES: Final[Mapping[int, int]] = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
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


def rekor_answer(answer: ErrorAnswer) -> Reply:
    """Return an error as Sigstore's clients read it; a dialect."""
    status, error = answer.problem.status, answer.error
    if isinstance(error, FrozenError):
        reply = text_reply(f"{error}\n".encode(), status=status)
    elif isinstance(error, FatalError):
        # Not integrated, as far as is known: what upstream says then.
        reply = _told(500, answer.detail.lower())
    else:
        reply = _told(status, answer.detail)
    headers = {**dict(reply.headers), **answer.headers}
    if isinstance(error, KnownEntryError):
        headers[LOG_INDEX] = str(error.index)
    return reply._replace(headers=tuple(headers.items()))


def _told(status: int, message: str) -> Reply:
    document = {
        "code": _CODES.get(status, _UNKNOWN),
        "message": message,
        "details": [],
    }
    return json_reply(document, status=status)
