"""The hashing interface on the compiled kernels, through cffi.

Every size that C believes is derived here from the buffer that goes with it.  Each
call is one call of C, with the interpreter's lock released, but for a single node and
a single leaf, which `hashlib` hashes.

A result is a new `bytes` object that C fills before anybody else has seen it, as
extension modules do.  A buffer copied into one afterwards took 1.9 times as long for
one node and 2.4 times for 262,144 (AVX-512 on Zen 5).  An interpreter where that does
not work fails the self-test (`tlog.hashing.choice`) and hashes with `hashlib`.
"""

from array import array
from collections.abc import Sequence, Sized
from hashlib import sha256
from typing import Final

from tlog.hashing._native import ffi, lib
from tlog.hashing.shapes import (
    Buffer,
    count_hashes,
    count_pairs,
    count_tiles,
    flat,
    growth_widths,
    tile_width,
)
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash, to_hash
from tlogverify.tiles import FULL_TILE_BYTES, TILE_WIDTH

Address = Sized
"""`bytes`, or a buffer as cffi sees it."""

_LEAF: Final = 0x00
_LEAF_PREFIX: Final = bytes([_LEAF])
_NODE: Final = b"\x01"
_PAIR_BYTES: Final = 2 * HASH_SIZE
_BYTES: Final = ffi.typeof("uint8_t[]")
_SIZES: Final = ffi.typeof("uint64_t[]")


class NativeBackend:
    """A kernel of this machine.

    threads: for large batches; small ones stay on the caller's.

    Raises LookupError if the kernel is not built in, or the processor lacks it.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._kernel = lib.tlog_backend(name.encode())
        if self._kernel == ffi.NULL:
            raise LookupError(name)
        self.name = name
        self.threads = threads

    def hash_leaves(self, entries: Sequence[Buffer]) -> bytes:
        """Return the leaf hashes of `entries`, joined."""
        if len(entries) == 1:
            # `hashlib` for one message: the kernel's other lanes would wait.
            return sha256(_LEAF_PREFIX + entries[0]).digest()
        return self.hash_messages(entries, _LEAF)

    def hash_messages(self, messages: Sequence[Buffer], prefix: int) -> bytes:
        """Return the hashes of `messages`, joined.

        prefix: a byte ahead of each message, or -1 for plain SHA-256.
        """
        joined = b"".join(messages)
        count = len(messages)
        hashes = bytes(HASH_SIZE * count)
        if count == 1:
            lib.tlog_hash_message(self._kernel, joined, len(joined), prefix, hashes)
            return hashes
        sizes = array("Q", map(len, messages))
        if len(sizes) != count or not lib.tlog_hash_messages(
            self._kernel,
            joined,
            len(joined),
            ffi.from_buffer(_SIZES, sizes),
            count,
            prefix,
            self.threads,
            hashes,
        ):
            # A length is not in bytes where a buffer's items are larger.
            return self.hash_messages([bytes(flat(it)) for it in messages], prefix)
        return hashes

    def bundle_leaf_hashes(self, bundle: Buffer, width: int) -> bytes:
        """Return the leaf hashes of a bundle of `width` entries, joined."""
        entries = _address(bundle)
        size = len(entries)
        # An entry has its length ahead: no larger width can be there.
        if 2 * width <= size:
            hashes = bytes(HASH_SIZE * width)
            if lib.tlog_hash_bundle(self._kernel, entries, size, width, hashes):
                return hashes
        # The verifier's parser decides, and its error says what is wrong.
        return self.hash_leaves(parse_bundle(bytes(bundle), width))

    def hash_pairs(self, nodes: Buffer) -> bytes:
        """Return the parents of n x 2 hashes, joined."""
        if len(nodes) == _PAIR_BYTES and isinstance(nodes, bytes):
            # A call of C through cffi costs more than one node: 670 ns by AVX-512 and
            # 1,050 by plain C, against 470 by `hashlib` (Xeon, Sapphire Rapids).
            return sha256(_NODE + nodes).digest()
        pairs = _address(nodes)
        count = count_pairs(len(pairs))
        hashes = bytes(HASH_SIZE * count)
        lib.tlog_hash_pairs(self._kernel, pairs, count, self.threads, hashes)
        return hashes

    def hash_pair(self, left: Hash, right: Hash) -> Hash:
        """Return the parent of two hashes; no kernel is asked, as above."""
        return Hash(sha256(_NODE + left + right).digest())

    def subtree_roots(self, hashes: Buffer) -> bytes:
        """Return the roots of whole tiles, joined."""
        tiles = _address(hashes)
        count = count_tiles(len(tiles))
        roots = bytes(HASH_SIZE * count)
        lib.tlog_subtree_roots(self._kernel, tiles, count, self.threads, roots)
        return roots

    def tile_levels(self, hashes: Buffer) -> list[bytes]:
        """Return the complete nodes above up to 256 hashes, bottom up, themselves."""
        tile = _address(hashes)
        width = tile_width(len(tile))
        widths = _complete_widths(width)
        above = bytes(HASH_SIZE * sum(widths))
        if above:
            lib.tlog_tile_levels(self._kernel, tile, width, above)
        return [bytes(hashes), *_cut(above, widths)]

    def growth_levels(
        self, start: int, peaks: bytes, leaf_hashes: bytes
    ) -> list[bytes]:
        """Return all levels of a growth, bottom up, the root last."""
        widths = growth_widths(start, len(peaks), len(leaf_hashes))
        size = start + len(leaf_hashes) // HASH_SIZE
        lowest = leaf_hashes
        if start % 2:
            lowest, peaks = peaks[:HASH_SIZE] + leaf_hashes, peaks[HASH_SIZE:]
        above = bytes(HASH_SIZE * sum(widths[1:]))
        lib.tlog_growth_levels(
            self._kernel, start, size, peaks, lowest, self.threads, above
        )
        return [lowest, *_cut(above, widths[1:])]

    def root(self, hashes: Buffer) -> Hash:
        """Return the root over n hashes."""
        nodes: Buffer = hashes
        count = count_hashes(len(_address(nodes)))
        if count == 0:
            return EMPTY_ROOT
        while count > TILE_WIDTH:
            whole = _last_tile(count)
            view = flat(nodes)
            # The root of what fills no tile stands for it on the level above.
            rest = self.root(view[whole:]) if len(view) > whole else b""
            nodes = self.subtree_roots(view[:whole]) + rest
            count = len(nodes) // HASH_SIZE
        found = bytes(HASH_SIZE)
        lib.tlog_small_root(self._kernel, _address(nodes), count, found)
        return to_hash(found)


def _address(buffer: Buffer) -> Address:
    """Return what cffi passes as an address, and whose length is in bytes.

    Raises ValueError if the buffer is not contiguous.
    """
    if isinstance(buffer, bytes):
        return buffer
    return ffi.from_buffer(_BYTES, flat(buffer))


def _cut(joined: bytes, widths: list[int]) -> list[bytes]:
    """Return joined hashes as levels of `widths` hashes."""
    levels, at = [], 0
    for width in widths:
        levels.append(joined[at : at + width * HASH_SIZE])
        at += width * HASH_SIZE
    return levels


def _complete_widths(width: int) -> list[int]:
    """Return how many complete nodes stand above `width` hashes, bottom up."""
    return [width >> height for height in range(1, width.bit_length())]


def _last_tile(count: int) -> int:
    """Return how many bytes of `count` hashes lie in whole tiles."""
    return count // TILE_WIDTH * FULL_TILE_BYTES
