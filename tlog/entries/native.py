"""The scanner, through cffi: what it declines is None here.

Every size that C believes is derived here from the buffer that goes with it.  Each call
is one call of C, with the interpreter's lock released.  Results are `bytes` that C
fills before anybody else has seen them, as in `tlog.hashing.native`.
"""

from array import array
from binascii import unhexlify
from hashlib import sha256
from typing import Final

from tlog.entries._scanner import ffi, lib
from tlog.entries.packed import Packed
from tlog.entries.rows import KEY_BYTES, MAX_INDEX, ROW_BYTES
from tlogverify.hashing import HASH_SIZE

_SIZES: Final = ffi.typeof("uint16_t[]")
_NUMBERS: Final = ffi.typeof("uint64_t[]")
_BYTES: Final = ffi.typeof("uint8_t[]")

# What a body has beside its entries and the commas between them.
_AROUND_BYTES: Final = len(b'{"entries":[]}')
_AHEAD_BYTES: Final = len(b'{"entries":[')

# No record is shorter: one of one subject, without what may be left out, has 213.
_LEAST_RECORD_BYTES: Final = 200

# A digest of an entry takes that many bytes of it or more: "sha256":"<64 hex>".
_LEAST_DIGEST_BYTES: Final = 75
# The same for a digest whose key is not a part of it: "sha384":"<96 hex>".
_LEAST_LONG_BYTES: Final = 107


def scan_body(body: bytes, most: int) -> Packed | None:
    """Return the entries of a body in canonical form, 1 to `most`."""
    room = min(most, len(body) // _LEAST_RECORD_BYTES)
    if room == 1:
        return _scan_one(body)
    sizes = array("H", bytes(2 * room))
    at = ffi.from_buffer(_SIZES, sizes)
    count = lib.tlog_scan_body(body, len(body), at, room)
    if count == 0:
        return None
    # Each comma, and nothing before the first entry, gives way to two bytes of length.
    bundle = bytes(len(body) - _AROUND_BYTES + count + 1)
    if not lib.tlog_pack_body(body, len(body), at, count, bundle, len(bundle)):
        return None
    return Packed(bundle, sizes[:count])


def _scan_one(body: bytes) -> Packed | None:
    """Return the entry of a body that has room for one alone.

    Most requests are such bodies, and more than half of the time that a call of C takes
    is spent on making ready for it.
    """
    sizes = ffi.new(_SIZES, 1)
    if not lib.tlog_scan_body(body, len(body), sizes, 1):
        return None
    size: int = sizes[0]
    entry = body[_AHEAD_BYTES : _AHEAD_BYTES + size]
    return Packed(size.to_bytes(2, "big") + entry, array("H", (size,)))


def scan_rows(
    bundle: bytes, count: int, leaf_hashes: bytes, start: int
) -> bytes | None:
    """Return the rows of `count` entries as `tlog.entries.rows.plain_rows` does."""
    if len(leaf_hashes) != HASH_SIZE * count or not 0 <= start <= MAX_INDEX - count:
        raise ValueError("rows want a hash for each entry, and indexes of six bytes")
    room = count + len(bundle) // _LEAST_DIGEST_BYTES
    rows = bytearray(ROW_BYTES * room)
    unfinished = array("Q", bytes(16 * (len(bundle) // _LEAST_LONG_BYTES)))
    numbers = ffi.new("size_t *")
    found = lib.tlog_scan_rows(
        bundle,
        len(bundle),
        count,
        leaf_hashes,
        start,
        ffi.from_buffer(_BYTES, rows),
        room,
        ffi.from_buffer(_NUMBERS, unfinished),
        len(unfinished),
        numbers,
    )
    if found == 0:
        return None
    _finish(rows, bundle, unfinished[: numbers[0]])
    ordered = bytes(ROW_BYTES * found)
    kept = lib.tlog_sort_rows(ffi.from_buffer(_BYTES, rows), found, ordered)
    return ordered[: ROW_BYTES * kept] if kept else None


def _finish(rows: bytearray, bundle: bytes, unfinished: "array[int]") -> None:
    """Write the keys of digests that are longer than a key."""
    for row, digits in zip(unfinished[::2], unfinished[1::2], strict=True):
        at = ROW_BYTES * row
        digest = unhexlify(bundle[digits : digits + 2 * rows[at]])
        rows[at + 1 : at + KEY_BYTES] = sha256(digest).digest()
