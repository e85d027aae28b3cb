"""The scanner first, and Python for what it declines: both give the same bytes.

Most requests are canonical records and nothing besides.  The scanner recognises those
without an object for each; what it declines costs what it always did.
"""

from tlog.entries.built import body_scanner, row_scanner
from tlog.entries.packed import Packed
from tlog.entries.rows import plain_rows
from tlog.entries.submission import (
    MAX_ENTRIES,
    parse_cbor_submission,
    parse_json_submission,
)


def read_json_submission(body: bytes) -> Packed:
    """Return what `parse_json_submission` returns, packed; it raises the same."""
    found = body_scanner(body, MAX_ENTRIES)
    return Packed.of(parse_json_submission(body)) if found is None else found


def read_cbor_submission(body: bytes) -> Packed:
    """Return what `parse_cbor_submission` returns, packed; it raises the same."""
    return Packed.of(parse_cbor_submission(body))


def index_rows(bundle: bytes, count: int, leaf_hashes: bytes, start: int) -> bytes:
    """Return the rows of a bundle's entries, as `plain_rows` does."""
    found = row_scanner(bundle, count, leaf_hashes, start)
    return plain_rows(bundle, count, leaf_hashes, start) if found is None else found
