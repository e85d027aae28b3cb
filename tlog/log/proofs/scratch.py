"""A file of siblings: full tiles that memory has no room for, made ready for paths.

Of a tile of leaves a path needs eight hashes.  From the tile's own file they cost an
open, 8 KiB and 255 hashes to compute; from here, one read of 1,092 bytes.  The kernel
has the file in memory as long as it has room.  The file has no name and ends with its
process, so it is never stale, nobody copies it, and nothing is lost with it.

    file     a slot for each tile: its index modulo the number of slots
    slot     16 groups, each for 16 leaves
    group    16 + 8 + 4 + 2 hashes: the leaves, and the nodes between them
             4 hashes: the siblings above, heights 4 to 7
             4 bytes: CRC-32 of these hashes, little-endian; it begins with twice the
             tile's index, modulo 2^32

The checksum tells a group from another tile's, from one that is half another's, and
from a hole: zeros are whole for no even beginning.  Two tiles with the same beginning
are 550 billion entries apart.
"""

import os
import tempfile
import weakref
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Final, cast
from zlib import crc32

from tlog.durable.database import RESERVE_BYTES
from tlog.durable.disk import free_bytes
from tlog.log.merkle.paths import TilePlace
from tlog.log.merkle.plans import TileLevels
from tlogverify.hashing import HASH_SIZE, Hash
from tlogverify.tiles import TILE_WIDTH

_HEIGHT: Final = 4
"""Of the subtree over a group."""
_ABOVE: Final = TILE_WIDTH.bit_length() - 1 - _HEIGHT
"""Heights of a tile above that."""
_LEAVES: Final = 1 << _HEIGHT
_GROUPS: Final = TILE_WIDTH // _LEAVES
_BELOW: Final = 2 * _LEAVES - 2
GROUP_BYTES: Final = (_BELOW + _ABOVE) * HASH_SIZE + 4
SLOT_BYTES: Final = _GROUPS * GROUP_BYTES

_CRC_OF_WHOLE: Final = 0x2144DF1C
"""CRC-32 of anything that its own CRC-32 follows."""
_CRC_MOST: Final = 0xFFFFFFFF


def _hashes(start: int, count: int = 1) -> slice:
    return slice(start * HASH_SIZE, (start + count) * HASH_SIZE)


def _parts_of(group: int) -> list[slice]:
    """Return what a group takes of each level of its tile."""
    below = [
        _hashes(group * _LEAVES >> height, _LEAVES >> height)
        for height in range(_HEIGHT)
    ]
    return below + [_hashes(group >> height ^ 1) for height in range(_ABOVE)]


def _siblings_of(nth: int) -> list[slice]:
    """Return where the siblings of a group's nth leaf stand in it."""
    # The nodes of height h begin after 16 + 8 + ..., h terms.
    below = [
        _hashes(2 * _LEAVES - (2 * _LEAVES >> height) + (nth >> height ^ 1))
        for height in range(_HEIGHT)
    ]
    return below + [_hashes(_BELOW + nth) for nth in range(_ABOVE)]


_PARTS: Final = [_parts_of(group) for group in range(_GROUPS)]
_SIBLINGS: Final = [_siblings_of(nth) for nth in range(_LEAVES)]

_TOGETHER: Final = 32
"""Tiles that are handed to the writing thread at once: waking it costs most."""
_MOST_WAITING: Final = 2
_NO_TILE: Final = b"\xff" * 8
"""-1 of an array of eight bytes each."""
# What only makes proofs quick goes long before entries and documents have no room.
_RESERVE_BYTES: Final = 32 * RESERVE_BYTES
# Linux alone tells what waits for a disk from what does not.
_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)


class PathScratch:
    """Keeps full tiles of leaves for their paths; safe to use from any thread.

    folder: where the file is made when it is first needed.  tiles: how many it may
    have, SLOT_BYTES each; 0 keeps none.  reserve_bytes: if the disk has less room when
    something is to be written, the file gives back what it has, and takes no more.

    It keeps none either where a read cannot be told not to wait for the disk: on other
    systems than Linux, and in file systems that are memory.
    """

    def __init__(
        self, folder: Path, tiles: int, reserve_bytes: int = _RESERVE_BYTES
    ) -> None:
        self._folder = folder
        self._tiles = tiles
        self._reserve_bytes = reserve_bytes
        self._is_on = tiles > 0 and bool(_NOWAIT)
        self._file: int | None = None
        # Writing may wait for the disk, and an event loop may not.
        self._writer = ThreadPoolExecutor(1, "scratch")
        self._room = BoundedSemaphore(_MOST_WAITING)
        self._waiting: list[tuple[int, TileLevels]] = []
        # Of each slot the tile that came last, whether it was written or not.
        self._last = array("q")
        self._lock = Lock()

    def siblings(
        self, place: TilePlace, nth: int, *, may_wait: bool
    ) -> list[Hash] | None:
        """Return the eight siblings of a full tile's nth hash, lowest first.

        None if they are not kept, or without `may_wait` if that waits for the disk.
        """
        level, tile = place
        if self._file is None or level != 0:
            return None
        group = bytearray(GROUP_BYTES)
        at = self._at(tile) + nth // _LEAVES * GROUP_BYTES
        try:
            os.preadv(self._file, [group], at, 0 if may_wait else _NOWAIT)
        except OSError:
            return None
        if crc32(group, tile << 1 & _CRC_MOST) != _CRC_OF_WHOLE:
            return None
        content = bytes(group)
        return cast(list[Hash], [content[it] for it in _SIBLINGS[nth % _LEAVES]])

    def keep(self, place: TilePlace, levels: TileLevels) -> None:
        """Keep a full tile of leaves in the place of another, once some more came.

        It is kept when it comes for the second time, with none for its slot in between:
        to write one costs more than to read it twice from its own file.  A tile of a
        higher level is not kept, nor those that come faster than they can be written.
        """
        level, tile = place
        if not self._is_on or level != 0:
            return
        with self._lock:
            if not self._came_before(tile):
                return
            self._waiting.append((tile, levels))
            if len(self._waiting) < _TOGETHER:
                return
            waiting, self._waiting = self._waiting, []
        if self._room.acquire(blocking=False):
            try:
                self._writer.submit(self._write, waiting)
            except RuntimeError:
                # The machine starts no thread now, and what waits is not counted.
                self._turn_off()

    def _came_before(self, tile: int) -> bool:
        """Return whether a tile was the last one that came for its slot; now it is."""
        slot, last = tile % self._tiles, self._last
        if slot >= len(last):
            # As bytes: from a list of as many it keeps an event loop for 20 ms.
            last.frombytes(_NO_TILE * (slot + 1 - len(last)))
        came_before = last[slot] == tile
        last[slot] = tile
        return came_before

    def _write(self, waiting: list[tuple[int, TileLevels]]) -> None:
        try:
            if not self._is_on:
                return
            file = self._opened()
            if free_bytes(file) < self._reserve_bytes:
                self._turn_off()
                os.ftruncate(file, 0)
                return
            for tile, levels in waiting:
                # The last group: a write that the disk had no room for has no end.
                if self.siblings((0, tile), TILE_WIDTH - 1, may_wait=True) is None:
                    os.pwrite(file, _slot(tile, levels), self._at(tile))
        except OSError:
            # No descriptors, a disk that fails: proofs go on without.
            pass
        finally:
            self._room.release()

    def _turn_off(self) -> None:
        with self._lock:
            self._is_on = False
            self._waiting = []

    def _opened(self) -> int:
        if self._file is None:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                try:
                    os.preadv(file.fileno(), [bytearray(1)], 0, _NOWAIT)
                except OSError:
                    self._turn_off()
                    raise
                self._file = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._file)
        return self._file

    def _at(self, tile: int) -> int:
        return tile % self._tiles * SLOT_BYTES


def _slot(tile: int, levels: TileLevels) -> bytes:
    parts: list[bytes] = []
    for group in _PARTS:
        hashes = b"".join(
            [level[part] for level, part in zip(levels, group, strict=False)]
        )
        parts += hashes, crc32(hashes, tile << 1 & _CRC_MOST).to_bytes(4, "little")
    return b"".join(parts)
