"""Refusals: the error that an HTTP answer means which is not a success.

    {"type":"<token>","title":"...","status":400,"detail":"...","position":17}

A refusal stays a refusal, however badly it is said: a body that is no problem document,
such as a proxy's, gives "about:blank".  The texts that people read are bounded and
printable.

Source: RFC 9457; RFC 9110, 10.2.3 (Retry-After).
"""

from email.utils import parsedate_to_datetime
from typing import Final

from tlogclient.batches import MAX_ENTRIES
from tlogclient.errors import RefusedError
from tlogclient.strictjson import parse_json, read_object, read_size, read_text
from tlogverify.errors import FormatError
from tlogverify.lines import parse_decimal

PROBLEM_TYPE: Final = "application/problem+json"
MAX_PROBLEM_BYTES: Final = 1 << 16

_MAX_TOKEN_CHARS: Final = 100
_MAX_DETAIL_CHARS: Final = 1000


def parse_refusal(status: int, body: bytes) -> RefusedError:
    """Return the refusal that a problem document describes, or one without words."""
    try:
        members = read_object("a problem", parse_json("a problem", body))
        token = read_text("type", members.get("type", "about:blank"))
        # Rekor's own form has a message.
        said = members.get("detail", members.get("message", members.get("title", "")))
        detail = read_text("detail", said)
        position = members.get("position")
        if position is not None:
            position = read_size("position", position)
    except FormatError:
        token, detail, position = "about:blank", "the answer does not say why", None
    return RefusedError(
        _printable(token, _MAX_TOKEN_CHARS),
        _printable(detail, _MAX_DETAIL_CHARS),
        status=status,
        position=position if position is None or position < MAX_ENTRIES else None,
    )


def parse_retry_after(field: str | None, date: str | None = None) -> float | None:
    """Return the seconds that a Retry-After header asks for; None for other forms.

    date: the answer's own Date.  A time to come back at counts from there: the two
    machines' clocks need not agree.
    """
    try:
        seconds = parse_decimal("Retry-After", (field or "").encode("utf-8", "replace"))
    except FormatError:
        return _seconds_between(date, field)
    return float(seconds)


def _seconds_between(date: str | None, later: str | None) -> float | None:
    try:
        begin, end = (parsedate_to_datetime(it or "") for it in (date, later))
        return max((end - begin).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _printable(text: str, limit_chars: int) -> str:
    # A log's words reach terminals: no control sequence may.
    shown = text[:limit_chars]
    return "".join(char if char.isprintable() else "?" for char in shown)
