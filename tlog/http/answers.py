"""What each answer of an application gets, by both ways in: errors told, counts, CORS.

An error is told in the form that its path asks for, and logged if this server must mend
it.  Each answer is counted by its route and status.
"""

from collections.abc import Mapping, MutableMapping
from errno import errorcode
from typing import Final

from aiohttp import hdrs
from prometheus_client import Counter

from tlog.errors import FatalError, MachineError
from tlog.http.exchange import Reply
from tlog.http.problems import (
    INTERNAL,
    NEVER,
    Dialect,
    ErrorAnswer,
    Rows,
    answer_to,
    problem_document,
)
from tlog.log_lines import log_event
from tlog.metrics import Metrics
from tlogverify.errors import FormatError, TlogError

# Of every other status a cache must know nothing: it would show a moment's trouble for
# as long as the resource may be kept.
_CACHED: Final = frozenset({200, 206, 304})
_READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class Answers:
    """What the answers of one application have in common.

    rows: how errors are answered.  dialects: the form of an error's answer, by the
    start of a path; below all other paths it is a problem document.
    """

    def __init__(
        self, metrics: Metrics, rows: Rows, dialects: Mapping[str, Dialect]
    ) -> None:
        self._metrics = metrics
        self._rows = rows
        self._dialects = dialects
        self._counters: dict[tuple[str, int], Counter] = {}

    def told(self, error: Exception, path: str) -> Reply:
        """Return the answer to an error; log the error if this server must mend it."""
        return self.in_dialect(_answer_to(error, self._rows), path)

    def in_dialect(self, answer: ErrorAnswer, path: str) -> Reply:
        """Return the answer in the form that clients of `path` read."""
        for start, dialect in self._dialects.items():
            if path.startswith(start):
                return dialect(answer)
        return problem_document(answer)

    def count(self, route: str, status: int) -> None:
        """Count one answer; route: as it is registered."""
        counter = self._counters.get((route, status))
        if counter is None:
            counter = self._metrics.requests.labels(route, str(status))
            self._counters[route, status] = counter
        counter.inc()


def open_and_bound(method: str, status: int, headers: MutableMapping[str, str]) -> None:
    """Open reads to all web origins, and keep from caches what they must not keep."""
    if status not in _CACHED:
        headers[hdrs.CACHE_CONTROL] = NEVER
    if method in _READS:
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"


def _answer_to(error: Exception, rows: Rows) -> ErrorAnswer:
    if isinstance(error, TlogError):
        found = answer_to(error, rows)
    elif isinstance(error, ConnectionError):
        # The client left within its body: nobody reads this.
        found = answer_to(FormatError("the body was cut short"), rows)
    elif isinstance(error, OSError | MemoryError):
        found = answer_to(MachineError(str(error)), rows)
    else:
        found = ErrorAnswer(INTERNAL, INTERNAL.title, {})
    # What ends the process is told once, where it ends.
    if found.problem.is_ours and not isinstance(error, FatalError):
        # The kinds alone: what an error says may hold what the request said.
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        number = cause.errno if isinstance(cause, OSError) else None
        name = errorcode.get(number or 0, type(cause).__name__)
        kind = type(error).__name__
        log_event("a request failed", level="error", error=kind, cause=name)
    return found
