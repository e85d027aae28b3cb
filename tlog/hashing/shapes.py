"""The shapes of what goes in and out: whole hashes, whole pairs, whole tiles.

Sizes are in bytes.  All backends check them here, so that a wrong size has one answer.
"""

from mmap import mmap

from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import FULL_TILE_BYTES

Buffer = bytes | bytearray | memoryview | mmap
"""Any contiguous buffer; it must not change while it is hashed."""


def flat(buffer: Buffer) -> bytes | memoryview:
    """Return a buffer as bytes one behind the other; ValueError if they are not."""
    if isinstance(buffer, bytes):
        return buffer
    view = memoryview(buffer)
    if not view.c_contiguous:
        raise ValueError("the buffer is not contiguous")
    return view.cast("B")


def count_pairs(size: int) -> int:
    """Return how many pairs of hashes these are; ValueError for other lengths."""
    if size % (2 * HASH_SIZE):
        raise ValueError(f"{size} bytes are no pairs of hashes")
    return size // (2 * HASH_SIZE)


def count_tiles(size: int) -> int:
    """Return how many whole tiles these are; ValueError for other lengths."""
    if size % FULL_TILE_BYTES:
        raise ValueError(f"{size} bytes are no whole tiles")
    return size // FULL_TILE_BYTES


def tile_width(size: int) -> int:
    """Return the width of one tile, 0 to 256; ValueError for other lengths."""
    if size % HASH_SIZE or size > FULL_TILE_BYTES:
        raise ValueError(f"{size} bytes are no tile")
    return size // HASH_SIZE


def count_hashes(size: int) -> int:
    """Return how many hashes these are; ValueError for other lengths."""
    if size % HASH_SIZE:
        raise ValueError(f"{size} bytes are no hashes")
    return size // HASH_SIZE


def growth_widths(start: int, peaks_size: int, leaves_size: int) -> list[int]:
    """Return how many hashes each level of a growth has, bottom up, the root's last.

    The level of height h holds the nodes from the even index start >> h & ~1 on, so
    that an odd first node has its older neighbour beside it.

    Raises ValueError unless there are one or more leaves, and one peak for each set bit
    of `start`.
    """
    size = start + count_hashes(leaves_size)
    if size == start or peaks_size != start.bit_count() * HASH_SIZE:
        raise ValueError("a growth has one or more leaves, and a peak for each set bit")
    widths = []
    first, total = start, size
    while total > 1:
        widths.append(total - (first & ~1))
        first, total = first // 2, (total + 1) // 2
    return [*widths, 1]
