"""Entry bundles: the entries of one level-0 tile.

    (uint16 big-endian length || entry)*

A leaf's hash covers the entry without its length.

Source: C2SP tlog-tiles, "Log entries".
"""

from collections.abc import Callable, Iterable
from typing import Final

from tlogverify.errors import FormatError

MAX_ENTRY_BYTES: Final = 65_535
MAX_BUNDLE_BYTES: Final = 256 * (2 + MAX_ENTRY_BYTES)

Progress = Callable[[int, int], None]
"""Called by whoever reads all bundles of a log: entries done, entries in all."""


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return `entries` with their lengths; OverflowError above 65,535 bytes each."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def parse_bundle(bundle: bytes, width: int) -> list[bytes]:
    """Return the `width` entries that `bundle` holds, and nothing besides.

    Raises FormatError if there are fewer, more, or one is cut short.
    """
    entries: list[bytes] = []
    at, end = 0, len(bundle)
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if at > end:
            raise FormatError(f"the bundle ends within entry {len(entries)}", end)
        entries.append(bundle[start:at])
    if at != end:
        raise FormatError(f"bytes stand behind the last entry, at {at}", end)
    return entries
