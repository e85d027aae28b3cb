"""Members of the JSON that bundles are made of, read more strictly than protobuf asks.

Protobuf lets a reader take several spellings of one value.  Every known producer writes
one of them, and only that one is taken here: lowerCamelCase names, standard base64 with
padding, 64-bit integers as strings, enums by name.  A member that is null or left out
has its type's empty value.  A member of another name is refused, because it could say
what nobody here would judge.

Source: protobuf.dev, "ProtoJSON Format"; sigstore/protobuf-specs.
"""

from collections.abc import Collection, Mapping, Sequence

from tlogverify.attestation.members import array_member, object_member, optional_text
from tlogverify.errors import FormatError
from tlogverify.lines import parse_base64, parse_decimal

Members = Mapping[str, object]
"""The members of one JSON object, by name."""


def require_known(rule: str, members: Members, names: Collection[str]) -> Members:
    """Return the members; FormatError for one that is not in `names`."""
    for name in members:
        if name not in names:
            raise FormatError(f"{rule} has no member of this name", name)
    return members


def message(
    rule: str, members: Members, name: str, names: Collection[str]
) -> Members | None:
    """Return a member that is an object with members of `names`; None if it is unset.

    An empty object counts as set, as it does in protobuf.
    """
    if members.get(name) is None:
        return None
    found = object_member(rule, members, name)
    return require_known(f"{rule}.{name}", found, names)


def required_message(
    rule: str, members: Members, name: str, names: Collection[str]
) -> Members:
    """Return such an object, which must stand there."""
    found = message(rule, members, name, names)
    if found is None:
        raise FormatError(f"{rule} has {name}, an object")
    return found


def messages(
    rule: str, members: Members, name: str, names: Collection[str], most: int
) -> Sequence[Members]:
    """Return an array of at most `most` such objects; () if it is unset."""
    if members.get(name) is None:
        return ()
    found = array_member(rule, members, name, most)
    return [require_known(f"{rule}.{name}", it, names) for it in found]


def short_text(rule: str, members: Members, name: str, most: int) -> str:
    """Return a text of at most `most` characters; "" if it is unset."""
    text = optional_text(rule, members, name)
    if len(text) > most:
        raise FormatError(f"{rule}.{name} has at most {most} characters", len(text))
    return text


def some_bytes(rule: str, members: Members, name: str, most: int) -> bytes:
    """Return 1 to `most` bytes, which must stand there in base64."""
    text = optional_text(rule, members, name)
    # Four characters of base64 are three bytes; what is longer is not decoded.
    if not 0 < len(text) <= 4 * (most // 3 + 1):
        raise FormatError(f"{rule}.{name} is 1 to {most} bytes in base64")
    return parse_base64(f"{rule}.{name}", text.encode())


def number(rule: str, members: Members, name: str) -> int:
    """Return an integer, 0 to 2**63 - 1, that is written as a string; 0 if unset."""
    text = optional_text(rule, members, name)
    return parse_decimal(f"{rule}.{name}", text.encode()) if text else 0
