"""A request's body: `{"entries":[...]}`, 1 to 10,000 of them, all or nothing.

Entries are read one after the other, and the first bad one ends the reading.  A hostile
body therefore costs no more memory than its one worst entry.  In JSON, an entry that is
canonical already is its own leaf; every other one is parsed strictly.  Both ways give
the same bytes, and a property test says so.
"""

import io
import json
import re
from typing import Final, NoReturn

import cbor2

from tlog.entries.provenance import (
    canonical_record,
    digest_from_bytes,
    digest_from_hex,
)
from tlogverify.bundles import MAX_ENTRY_BYTES
from tlogverify.errors import FormatError
from tlogverify.lines import unique_members
from tlogverify.record import end_of_record

MAX_ENTRIES: Final = 10_000
MAX_BODY_BYTES: Final = 8 << 20

# Most entries are shorter than the first; the last has room for every character of an
# entry in its longest spelling, \u and four digits.
_JSON_WINDOWS: Final = (1 << 12, 6 * MAX_ENTRY_BYTES)
_SPACE: Final = rb"[ \t\r\n]*"
_JSON_START: Final = re.compile(
    _SPACE + rb"\{" + _SPACE + rb'"entries"' + _SPACE + rb":" + _SPACE + rb"\[" + _SPACE
)
_JSON_NEXT: Final = re.compile(_SPACE + rb"," + _SPACE)
_JSON_END: Final = re.compile(_SPACE + rb"\]" + _SPACE + rb"\}" + _SPACE)

_CBOR_START: Final = b"\xa1\x67entries"
_CBOR_DEPTH: Final = 8
# Most entries are shorter than the first; an entry is never longer than the second.
_CBOR_WINDOWS: Final = (1 << 10, 1 << 17)


class EntryError(FormatError):
    """One bad entry; position: its 0-based place in the request."""

    def __init__(self, cause: FormatError, position: int) -> None:
        self.position = position
        super().__init__(f"entry {position}: {cause}")


def parse_json_submission(body: bytes) -> list[bytes]:
    """Return the canonical bytes of a JSON body's entries, in order.

    Raises FormatError for the body, EntryError for the first bad entry.
    """
    start = _JSON_START.match(body)
    if start is None:
        raise FormatError('the body is {"entries":[...]}', body[:64])
    at = start.end()
    entries: list[bytes] = []
    is_empty = _JSON_END.fullmatch(body, at) is not None
    while not is_empty and len(entries) < MAX_ENTRIES:
        entry, at = _json_entry(body, at, len(entries))
        entries.append(entry)
        if _JSON_END.fullmatch(body, at):
            return entries
        comma = _JSON_NEXT.match(body, at)
        if comma is None:
            raise FormatError("behind an entry stands a comma or the end", body[at:])
        at = comma.end()
    raise FormatError(f"a request has 1 to {MAX_ENTRIES} entries")


def _json_entry(body: bytes, at: int, position: int) -> tuple[bytes, int]:
    """Return the canonical bytes of the entry at `at`, and where it ends."""
    try:
        end = end_of_record(body, at)
        if end is not None:
            return body[at:end], end
        value, end = _strict_json(body, at)
        return canonical_record(value, digest_from_hex), end
    except FormatError as error:
        raise EntryError(error, position) from None


def parse_cbor_submission(body: bytes) -> list[bytes]:
    """Return the canonical bytes of a CBOR body's entries, in order.

    Raises FormatError for the body, EntryError for the first bad entry.
    """
    if not body.startswith(_CBOR_START):
        raise FormatError('the body is a map with the one member "entries"', body[:16])
    count, at = _cbor_array(body, len(_CBOR_START))
    if not 0 < count <= MAX_ENTRIES:
        raise FormatError(f"a request has 1 to {MAX_ENTRIES} entries", count)
    entries: list[bytes] = []
    for position in range(count):
        try:
            value, at = _strict_cbor(body, at)
            entries.append(canonical_record(value, digest_from_bytes))
        except FormatError as error:
            raise EntryError(error, position) from None
    if at != len(body):
        raise FormatError("bytes stand behind the body's end", at)
    return entries


def _strict_json(body: bytes, at: int) -> tuple[object, int]:
    """Parse the JSON value at `at` without repeated members, floats or constants.

    No character outside ASCII is part of a valid entry, so any reading of such bytes
    will do.  The reading here keeps their places.
    """
    for window in _JSON_WINDOWS:
        text = body[at : at + window].decode("latin-1")
        try:
            value, end = _DECODER.raw_decode(text)
        except RecursionError:
            raise FormatError("the entry is nested too deeply") from None
        except ValueError as error:
            if len(text) < window:
                raise FormatError(f"the entry is not JSON: {error}") from None
        else:
            return value, at + end
    raise FormatError(f"the entry is not JSON of at most {_JSON_WINDOWS[-1]} bytes")


def _refuse_float(number: str) -> NoReturn:
    raise FormatError("floats are not allowed", number)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=unique_members,
    parse_float=_refuse_float,
    parse_constant=_refuse_float,
)


def _cbor_array(body: bytes, at: int) -> tuple[int, int]:
    """Return the length of the array at `at`, and where its first element stands."""
    head = body[at : at + 1] or b"\x00"
    kind, length = head[0] >> 5, head[0] & 31
    if kind != 4 or length > 27:
        raise FormatError("entries is an array of definite length", head)
    if length < 24:
        return length, at + 1
    size = 1 << length - 24
    number = body[at + 1 : at + 1 + size]
    if len(number) < size:
        raise FormatError("the body ends within a length", len(body))
    return int.from_bytes(number, "big"), at + 1 + size


def _strict_cbor(body: bytes, at: int) -> tuple[object, int]:
    """Parse the CBOR value at `at` without tags, endless or repeated members."""
    for window in _CBOR_WINDOWS:
        stream = io.BytesIO(body[at : at + window])
        try:
            value = cbor2.CBORDecoder(
                stream,
                tag_hook=_refuse_tag,
                semantic_decoders=dict.fromkeys(_KNOWN_TAGS, _refuse_tag),
                max_depth=_CBOR_DEPTH,
                allow_indefinite=False,
                allow_duplicate_keys=False,
                strict_hashable_types=True,
            ).decode()
        except cbor2.CBORDecodeEOF as error:
            if window == _CBOR_WINDOWS[0] and at + window < len(body):
                continue
            raise FormatError(f"the entry is cut short: {error}") from None
        # The decoder's own errors, and what it lets through of Python's.
        except (cbor2.CBORError, ValueError, OverflowError, TypeError) as error:
            raise FormatError(f"the entry is not strict CBOR: {error}") from None
        return value, at + stream.tell()
    raise FormatError("the entry is too long", at)


def _refuse_tag(*_: object) -> NoReturn:
    raise ValueError("CBOR tags are not allowed")


_KNOWN_TAGS: Final = (
    *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
    *(256, 258, 260, 261, 1004, 43000, 55799),
)
"""The tags that cbor2 would turn into Python values, some at great cost."""
