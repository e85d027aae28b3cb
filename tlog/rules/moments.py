"""Times and lengths of time, as rules and documents spell them.

    2026-05-01T12:00:00Z  2026-05-01T14:00:00+02:00    RFC 3339, whose zone must be told
    7d  12h  30m  45s                                  a length of time

All of it becomes POSIX seconds; fractions of a second are cut off.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from tlogverify.errors import FormatError

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_LENGTH: Final = re.compile(r"([1-9][0-9]{0,5})([dhms])")
_UNITS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse_time(rule: str, text: str) -> int:
    """Parse a time of RFC 3339; raises FormatError."""
    if _TIME.fullmatch(text) is None:
        raise FormatError(f"{rule} is a time of RFC 3339, with its zone", text)
    try:
        return math.floor(datetime.fromisoformat(text.upper()).timestamp())
    except (ValueError, OverflowError):
        raise FormatError(
            f"{rule} is a time of RFC 3339, with its zone", text
        ) from None


def parse_length(rule: str, value: object) -> int:
    """Parse a length of time, such as "7d"; raises FormatError."""
    found = _LENGTH.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise FormatError(f'{rule} is a number and d, h, m or s, such as "7d"', value)
    return int(found[1]) * _UNITS[found[2]]


def read_end(rule: str, value: object) -> int:
    """Return the first second after a time or a whole day of a TOML file.

    A day ends in UTC.  Raises FormatError for a time without its zone.
    """
    try:
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise FormatError(f"{rule} is a time with its zone", value.isoformat())
            return math.floor(value.timestamp()) + 1
        if isinstance(value, date):
            start = datetime(value.year, value.month, value.day, tzinfo=UTC)
            return int((start + timedelta(days=1)).timestamp())
    except OverflowError:
        raise FormatError(f"{rule} is a time that there is") from None
    raise FormatError(f"{rule} is a day or a time, without quotes", value)


def show_time(time_s: int) -> str:
    """Return a time in UTC, as RFC 3339 has it; beyond its years the bare seconds."""
    try:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{time_s} s"


def show_length(length_s: int) -> str:
    """Return a length of time in its largest whole unit."""
    unit = next(it for it in _UNITS if length_s % _UNITS[it] == 0)
    return f"{length_s // _UNITS[unit]}{unit}"
