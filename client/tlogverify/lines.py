"""Strict lines, decimals and base64: the only text decoders of this package.

Each value has one spelling: an accepted text encodes to the same bytes again.  Python's
own decoders are not so strict: `int` takes "+1", "1_0" and other scripts' digits,
`base64` takes stray bits behind the last byte.
"""

import base64
import binascii
import re
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE, Hash

MAX_SIZE: Final = 2**63 - 1
"""The largest tree size, index and timestamp (Go peers keep them in an int64)."""

_DECIMAL: Final = re.compile(rb"0|[1-9][0-9]{0,18}")


def split_lines(rule: str, text: bytes) -> list[bytes]:
    """Return the lines of `text` without their LF; each must have one.

    Splits at LF alone: CR, U+0085 and U+2028 are bytes like any other here.
    """
    lines = text.split(b"\n")
    if lines.pop() != b"":
        raise FormatError(f"{rule} must end with a newline")
    return lines


def parse_decimal(rule: str, field: bytes, maximum: int = MAX_SIZE) -> int:
    """Parse ASCII digits without sign or leading zero, 0 <= value <= maximum."""
    if _DECIMAL.fullmatch(field) is None or int(field) > maximum:
        raise FormatError(f"{rule} must be a decimal up to {maximum}", field)
    return int(field)


def parse_base64(rule: str, field: bytes) -> bytes:
    """Decode RFC 4648 section 4 base64, refusing every second spelling."""
    decoded, is_canonical = decode_base64(rule, field)
    if not is_canonical:
        raise FormatError(f"{rule} must be canonical base64", field)
    return decoded


def decode_base64(rule: str, field: bytes) -> tuple[bytes, bool]:
    """Decode base64, and return whether the unused bits at its end are zero.

    It is for values that nobody here relies on: other bits at the end are a second
    spelling of the same bytes.
    """
    try:
        decoded = base64.b64decode(field, validate=True)
    except (binascii.Error, ValueError):
        raise FormatError(f"{rule} must be base64", field) from None
    encoded = base64.b64encode(decoded)
    # Only the last digit may differ: the padding and the length are what they must be.
    if len(encoded) != len(field):
        raise FormatError(f"{rule} must be canonical base64", field)
    return decoded, encoded == field


def parse_hash(rule: str, field: bytes) -> Hash:
    """Decode the base64 of a 32-byte hash."""
    decoded = parse_base64(rule, field)
    if len(decoded) != HASH_SIZE:
        raise FormatError(f"{rule} must have {HASH_SIZE} bytes", field)
    return Hash(decoded)


def parse_text(rule: str, field: bytes) -> str:
    """Decode UTF-8, refusing surrogates and overlong forms."""
    try:
        return field.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{rule} must be UTF-8") from None


def encode_base64(value: bytes) -> str:
    """Encode as RFC 4648 section 4 base64."""
    return base64.b64encode(value).decode("ascii")


def unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object's members: the hook of every decoder here.

    FormatError for one that stands there twice: two readers could see two values.
    """
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise FormatError("a member stands here twice")
        members[name] = value
    return members
