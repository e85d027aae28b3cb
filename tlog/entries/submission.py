"""A request's body: `{"entries":[...]}`, 1 to 10,000 of them, all or nothing.

JSON takes a short way: the array is cut into its elements without reading them, and an
element that is canonical already is its own leaf.  Every other one is parsed strictly;
both ways give the same bytes, and a property test says so.
"""

import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn, TypeVar

import cbor2
import msgspec

from tlog.entries.provenance import (
    canonical_record,
    digest_from_bytes,
    digest_from_hex,
)
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.record import require_record

MAX_ENTRIES: Final = 10_000
MAX_BODY_BYTES: Final = 8 << 20

_Element = TypeVar("_Element")

_MAX_DEPTH: Final = 16
_ENVELOPE: Final = re.compile(
    rb'[ \t\r\n]*\{[ \t\r\n]*"entries"[ \t\r\n]*:(.*)\}[ \t\r\n]*', re.DOTALL
)
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])
# An entry whose every character is spelled \\uXXXX; what is longer is not looked into.
_MAX_ELEMENT_BYTES: Final = 6 * MAX_ENTRY_BYTES


class EntryError(FormatError):
    """One bad entry; position: its 0-based place in the request."""

    def __init__(self, cause: FormatError, position: int) -> None:
        self.position = position
        super().__init__(f"entry {position}: {cause}")


def parse_json_submission(body: bytes) -> list[bytes]:
    """Return the canonical bytes of a JSON body's entries, in order.

    Raises FormatError for the body, EntryError for the first bad entry.
    """
    envelope = _ENVELOPE.fullmatch(body)
    if envelope is None:
        raise FormatError('the body is {"entries":[...]}', body[:64])
    try:
        elements = _ELEMENTS.decode(envelope[1])
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise FormatError(f"the body is not JSON with entries alone: {error}") from None
    _require_count(elements)
    return _each([bytes(element) for element in elements], _entry_from_json)


def parse_cbor_submission(body: bytes) -> list[bytes]:
    """Return the canonical bytes of a CBOR body's entries, in order.

    Raises FormatError for the body, EntryError for the first bad entry.
    """
    stream = io.BytesIO(body)
    try:
        decoded = cbor2.CBORDecoder(
            stream,
            tag_hook=_refuse_tag,
            semantic_decoders=dict.fromkeys(_KNOWN_TAGS, _refuse_tag),
            max_depth=_MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            strict_hashable_types=True,
        ).decode()
    except FormatError:
        raise
    # The decoder's own errors, and what it lets through of Python's.
    except (cbor2.CBORError, ValueError, OverflowError, TypeError) as error:
        raise FormatError(f"the body is not strict CBOR: {error}") from None
    if stream.tell() != len(body):
        raise FormatError("bytes stand behind the body's end", stream.tell())
    if not isinstance(decoded, dict) or set(decoded) != {"entries"}:
        raise FormatError('the body is a map with the one member "entries"')
    entries = decoded["entries"]
    if not isinstance(entries, list):
        raise FormatError("entries is an array", entries)
    _require_count(entries)
    return _each(entries, _entry_from_cbor)


def _require_count(entries: Sequence[object]) -> None:
    if not 0 < len(entries) <= MAX_ENTRIES:
        raise FormatError(f"a request has 1 to {MAX_ENTRIES} entries", len(entries))


def _each(elements: list[_Element], parse: Callable[[_Element], bytes]) -> list[bytes]:
    entries: list[bytes] = []
    for position, element in enumerate(elements):
        try:
            entries.append(parse(element))
        except FormatError as error:
            raise EntryError(error, position) from None
    return entries


def _entry_from_json(element: bytes) -> bytes:
    try:
        require_record(element)
    except FormatError:
        if len(element) > _MAX_ELEMENT_BYTES:
            size = len(element)
            raise FormatError(
                f"an entry's JSON has at most {_MAX_ELEMENT_BYTES} bytes", size
            ) from None
        return canonical_record(_strict_json(element), digest_from_hex)
    return element


def _entry_from_cbor(element: object) -> bytes:
    return canonical_record(element, digest_from_bytes)


def _strict_json(element: bytes) -> object:
    """Parse one JSON value without repeated members, floats or constants."""
    try:
        value: object = json.loads(
            element.decode("utf-8"),
            object_pairs_hook=_unique_members,
            parse_float=_refuse_float,
            parse_constant=_refuse_float,
        )
    except FormatError:
        raise
    except RecursionError:
        raise FormatError("the entry is nested too deeply") from None
    except ValueError as error:
        raise FormatError(f"the entry is not JSON: {error}") from None
    return value


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise FormatError("a member stands here twice", name)
        members[name] = value
    return members


def _refuse_float(number: str) -> NoReturn:
    raise FormatError("floats are not allowed", number)


def _refuse_tag(*_: object) -> NoReturn:
    raise FormatError("CBOR tags are not allowed")


_KNOWN_TAGS: Final = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
"""The tags that cbor2 would turn into Python values, some at great cost."""
