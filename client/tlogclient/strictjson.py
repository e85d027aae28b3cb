"""Strict JSON: values of exact types out of the bytes of a log that may be hostile.

These are refused beside bytes that are no JSON: a member that stands twice or is not
expected, floats, negative and oversized integers, `true` for 1, text that is not UTF-8,
and nesting without end.  The caller bounds the bytes.
"""

import json
from typing import Final, NoReturn

from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.lines import (
    parse_decimal,
    parse_hash,
    parse_text,
    unique_members,
)
from tlogverify.ranges import MAX_SIDE


def parse_json(rule: str, text: bytes) -> object:
    """Parse one JSON value; raises FormatError."""
    try:
        return _DECODER.decode(parse_text(rule, text))
    except (ValueError, RecursionError):
        raise FormatError(f"{rule} must be JSON", text) from None


def read_members(rule: str, value: object, names: frozenset[str]) -> dict[str, object]:
    """Return an object's members, which are exactly `names`."""
    members = read_object(rule, value)
    if members.keys() != names:
        raise FormatError(f"{rule} has the members {sorted(names)}", sorted(members))
    return members


def read_object(rule: str, value: object) -> dict[str, object]:
    """Return an object's members, whatever their names."""
    if not isinstance(value, dict):
        raise FormatError(f"{rule} must be an object", value)
    return value


def read_array(rule: str, value: object) -> list[object]:
    """Return an array's elements."""
    if not isinstance(value, list):
        raise FormatError(f"{rule} must be an array", value)
    return value


def read_size(rule: str, value: object) -> int:
    """Return a tree size or an index; `parse_json` lets in only 0 to 2**63 - 1."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(f"{rule} must be an integer", value)
    return value


def read_bool(rule: str, value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise FormatError(f"{rule} must be true or false", value)
    return value


def read_text(rule: str, value: object) -> str:
    """Return a string that has a UTF-8 form: no lone surrogates."""
    if not isinstance(value, str):
        raise FormatError(f"{rule} must be a string", value)
    parse_text(rule, value.encode("utf-8", "surrogatepass"))
    return value


def read_hashes(rule: str, value: object) -> tuple[Hash, ...]:
    """Return an array of hashes in canonical base64, at most one per tree level."""
    hashes = read_array(rule, value)
    if len(hashes) > MAX_SIDE + 1:
        raise FormatError(f"{rule} has at most {MAX_SIDE + 1} hashes", len(hashes))
    return tuple(parse_hash(rule, read_text(rule, text).encode()) for text in hashes)


def _parse_integer(digits: str) -> int:
    return parse_decimal("a number", digits.encode())


def _refuse_number(text: str) -> NoReturn:
    raise FormatError("a number must be an integer", text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_members,
    parse_int=_parse_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)
