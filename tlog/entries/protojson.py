"""Protobuf's JSON, as lenient as its senders may expect, and no further.

A member goes by its lowerCamelCase or its snake_case name, null is the same as nothing,
bytes are base64 of either alphabet with or without padding, an enum's value is its name
or its number.  A member that is unknown or stands twice is refused.

Source: protobuf.dev, "ProtoJSON Format".
"""

import base64
import binascii
import json
import re
from functools import lru_cache
from typing import Final, NoReturn

from tlogverify.errors import FormatError
from tlogverify.lines import unique_members

Message = dict[str, object]
"""The members of a message that are there, by their lowerCamelCase names."""

MAX_VALUES: Final = 512
"""Several times what 10 signatures and 10 verifiers are."""

_UPPER: Final = re.compile(r"(?<!^)(?=[A-Z])")
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]*")
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]*")


def parse_message(body: bytes, names: frozenset[str]) -> Message:
    """Parse a body that is one message with members of `names`; raises FormatError.

    One of more than MAX_VALUES brackets and commas is not parsed: values cost many
    times their bytes.
    """
    if body.count(b"{") + body.count(b"[") + body.count(b",") > MAX_VALUES:
        raise FormatError(f"a body has at most {MAX_VALUES} brackets and commas")
    try:
        value = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=unique_members,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        # The decoder's own words name a place, and show nothing of the body.
        raise FormatError(f"the body is not JSON: {error}"[:200]) from None
    except ValueError:
        raise FormatError("the body is not JSON: bad UTF-8, or a huge number") from None
    return read_message("the body", value, names)


def read_message(rule: str, value: object, names: frozenset[str]) -> Message:
    """Return the members of a message; raises FormatError for any other value."""
    if not isinstance(value, dict):
        raise FormatError(f"{rule} is an object", value)
    spellings = _spellings(names)
    message: Message = {}
    for spelling, member in value.items():
        name = spellings.get(spelling)
        if name is None:
            raise FormatError(f"{rule} has an unknown member", spelling)
        if name in message:
            raise FormatError(f"{rule} has a member in both spellings", name)
        message[name] = member
    return {name: member for name, member in message.items() if member is not None}


def read_bytes(rule: str, message: Message, name: str) -> bytes:
    """Return a member of bytes; an empty one is the same as no member."""
    text = message.get(name, "")
    if not isinstance(text, str):
        raise FormatError(f"{rule} is base64")
    digits = text.rstrip("=")
    padding = len(text) - len(digits)
    is_whole = padding == 0 or len(text) % 4 == 0
    if _STANDARD.fullmatch(digits) is None:
        if _URL_SAFE.fullmatch(digits) is None:
            raise FormatError(f"{rule} is base64")
        digits = digits.replace("-", "+").replace("_", "/")
    if padding > 2 or not is_whole:
        raise FormatError(f"{rule} is base64, padded or not")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except binascii.Error:
        raise FormatError(f"{rule} is base64") from None


def read_text(rule: str, message: Message, name: str) -> str:
    """Return a member of text; an empty one is the same as no member."""
    text = message.get(name, "")
    if not isinstance(text, str) or any("\ud800" <= it <= "\udfff" for it in text):
        raise FormatError(f"{rule} is a text", text)
    return text


def read_list(rule: str, message: Message, name: str) -> list[object]:
    """Return a repeated member; an empty one is the same as no member."""
    values = message.get(name, [])
    if not isinstance(values, list):
        raise FormatError(f"{rule} is an array", values)
    return values


def read_enum(rule: str, message: Message, name: str) -> str | int:
    """Return an enum's value: the name or the number that stands there; 0 for none."""
    value = message.get(name, 0)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise FormatError(f"{rule} is a name or a number", value)
    return value


@lru_cache(maxsize=64)
def _spellings(names: frozenset[str]) -> dict[str, str]:
    """Return each way to write a name, and the name."""
    both = {_UPPER.sub("_", name).lower(): name for name in names}
    return both | {name: name for name in names}


def _refuse_constant(constant: str) -> NoReturn:
    raise FormatError("a number is finite", constant)
