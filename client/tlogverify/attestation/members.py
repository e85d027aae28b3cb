"""JSON that others wrote, read strictly where a decision hangs on it.

These are refused: bytes that are no UTF-8 or no JSON, a member that stands twice (two
readers could see two values), numbers that no double holds, and strings without a UTF-8
form where they are read.  Members that nobody here knows are passed over, as DSSE,
in-toto and SLSA ask of consumers; unset, null and empty mean the same to them.  The
caller bounds the bytes.
"""

import json
import math
from collections.abc import Mapping
from typing import Final, NoReturn

from tlogverify.errors import FormatError
from tlogverify.lines import parse_text, unique_members


def parse_object(rule: str, text: bytes) -> dict[str, object]:
    """Parse one JSON object; raises FormatError."""
    try:
        value: object = _DECODER.decode(parse_text(rule, text))
    except (ValueError, RecursionError):
        raise FormatError(f"{rule} must be one JSON object") from None
    return _as_object(rule, value)


def required_text(rule: str, members: Mapping[str, object], name: str) -> str:
    """Return a string that must stand there, be it empty."""
    if not isinstance(members.get(name), str):
        raise FormatError(f"{rule} has {name}, a string", members.get(name))
    return optional_text(rule, members, name)


def optional_text(rule: str, members: Mapping[str, object], name: str) -> str:
    """Return a string; "" where it is unset or null."""
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FormatError(f"{rule}: {name} is a string", value)
    parse_text(f"{rule}: {name}", value.encode("utf-8", "surrogatepass"))
    return value


def object_member(
    rule: str, members: Mapping[str, object], name: str
) -> dict[str, object]:
    """Return an object; {} where it is unset or null."""
    value = members.get(name)
    return {} if value is None else _as_object(f"{rule}: {name}", value)


def array_member(
    rule: str, members: Mapping[str, object], name: str, maximum: int
) -> list[dict[str, object]]:
    """Return an array of at most `maximum` objects, which must stand there."""
    value = members.get(name)
    if not isinstance(value, list) or len(value) > maximum:
        raise FormatError(f"{rule} has {name}, an array of at most {maximum}", value)
    return [_as_object(f"{rule}: {name}", item) for item in value]


def _as_object(rule: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FormatError(f"{rule} must be a JSON object", value)
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise FormatError("a number is finite")
    return value


def _refuse_constant(_: str) -> NoReturn:
    raise FormatError("NaN and Infinity are no JSON")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_members,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)
