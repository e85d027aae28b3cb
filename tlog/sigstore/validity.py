"""When something is valid: times as RFC 3339 writes them, and whom clients ask then.

Moments are POSIX nanoseconds.

Source: sigstore/protobuf-specs, `sigstore_common.proto`, TimeRange; released clients.
"""

import re
from calendar import monthrange, timegm
from typing import Final

from tlog.sigstore.neighbours import Document
from tlogclient.strictjson import read_object, read_text
from tlogverify.errors import FormatError

EPOCH: Final = "1970-01-01T00:00:00Z"
NS_PER_S: Final = 1_000_000_000

_READ_VERSION: Final = 1
"""Of Fulcio, identity providers and timestamp authorities: clients read no other."""
_END_S: Final = timegm((9999, 12, 31, 23, 59, 59)) + 1
_TIME: Final = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def parse_time(rule: str, text: str) -> int:
    """Return the moment; FormatError unless RFC 3339, and in UTC from 1970 to 9999."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise FormatError(f"{rule} is like 2026-01-31T12:00:00Z", text)
    year, month, day, hour, minute, second = (int(found[it]) for it in range(1, 7))
    if year == 0 or day > monthrange(year, month)[1]:
        raise FormatError(f"{rule} is a day of the calendar", text)
    moment_s = timegm((year, month, day, hour, minute, second))
    if found[8]:
        offset_s = int(found[9]) * 3600 + int(found[10]) * 60
        moment_s += -offset_s if found[8] == "+" else offset_s
    if not 0 <= moment_s < _END_S:
        raise FormatError(f"{rule} is in the years 1970 to 9999", text)
    return moment_s * NS_PER_S + int((found[7] or "").ljust(9, "0"))


def start_of(item: Document) -> int:
    """Return when a checked item's validity begins; 0 if it says nothing."""
    return _bounds(item)[0]


def is_asked(item: Document, moment_ns: int) -> bool:
    """Whether clients ask a Fulcio, provider or timestamp authority at that moment."""
    start, end = _bounds(item)
    return item.get("majorApiVersion") == _READ_VERSION and start <= moment_ns <= end


def _bounds(item: Document) -> tuple[int, int]:
    period = read_object("validFor", item.get("validFor", {}))
    start, end = (
        parse_time(name, read_text(name, period[name])) if name in period else default
        for name, default in (("start", 0), ("end", _END_S * NS_PER_S))
    )
    return start, end
