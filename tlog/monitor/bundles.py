"""The entries that the monitor has read: full bundles, one behind the other.

    entries.bin  the bundles
    ends.bin     where each ends, 8 bytes big-endian
    roots.bin    the root of each, 32 bytes

The files are appended to, and cut at the end.  The state's database says how many of
the bundles count, in one transaction with all else; what lies beyond was left by a
process that was stopped.
"""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.errors import CorruptError
from tlogverify.bundles import MAX_BUNDLE_BYTES
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import TILE_WIDTH

_END_BYTES: Final = 8
_LEAST_BUNDLE_BYTES: Final = 2 * TILE_WIDTH


class ReadableBundles:
    """The bundles below a number, which no process changes any more.

    Any thread may read, also while another process adds more.
    """

    def __init__(self, folder: Path, count: int, flags: int = os.O_RDONLY) -> None:
        """Open the files; CorruptError if they hold fewer than `count`."""
        self._names = [folder / f"{it}.bin" for it in ("entries", "ends", "roots")]
        # Without a buffer, what is written can be read at once through the same file.
        mode = "rb" if flags == os.O_RDONLY else "r+b"
        self._files: list[FileIO] = []
        try:
            for name in self._names:
                self._files.append(FileIO(os.open(name, flags, 0o600), mode))
            self._entries, self._ends, self._roots = self._files
            self.count = count
            self._open(count)
        except BaseException:
            self.close()
            raise

    def _open(self, count: int) -> None:
        if self._size(1) < count * _END_BYTES or self._size(2) < count * HASH_SIZE:
            raise CorruptError(str(self._names[1]), "it is shorter than it was")
        if self._size(0) < (self._end(count - 1) if count else 0):
            raise CorruptError(str(self._names[0]), "it is shorter than it was")
        if count:
            # Before anything is cut, the last bundle must end where it has ended.
            self.read(count - 1, count)

    def read(self, first: int, end: int) -> list[bytes]:
        """Return the bundles [first, end); CorruptError if one is not what was read."""
        start = self._end(first - 1) if first else 0
        ends = [self._end(number) for number in range(first, end)]
        found: list[bytes] = []
        for stop in ends:
            if not _LEAST_BUNDLE_BYTES <= stop - start <= MAX_BUNDLE_BYTES:
                raise CorruptError(str(self._names[1]), "it is not what was stored")
            found.append(_read(self._entries.fileno(), start, stop - start))
            start = stop
        try:
            hashes = [hashing.bundle_leaf_hashes(it, TILE_WIDTH) for it in found]
        except FormatError as error:
            raise CorruptError(str(self._names[0]), str(error)) from error
        if hashing.subtree_roots(b"".join(hashes)) != self.roots(first, end):
            # Damaged entries would convict an honest log, or hide what is watched.
            raise CorruptError(str(self._names[0]), "it is not what was stored")
        return found

    def roots(self, first: int, end: int) -> bytes:
        """Return the roots of the bundles [first, end), joined."""
        at, length = first * HASH_SIZE, (end - first) * HASH_SIZE
        return _read(self._roots.fileno(), at, length)

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _end(self, number: int) -> int:
        found = _read(self._ends.fileno(), number * _END_BYTES, _END_BYTES)
        return int.from_bytes(found, "big")

    def _size(self, nth: int) -> int:
        return os.fstat(self._files[nth].fileno()).st_size


class StoredBundles(ReadableBundles):
    """The three files of the process that holds the state; one thread changes them.

    count: how many bundles are in them, those too that are not synced yet.
    """

    def __init__(self, folder: Path, count: int) -> None:
        """Open or make the files; CorruptError if they hold fewer than `count`."""
        super().__init__(folder, count, os.O_RDWR | os.O_CREAT)
        try:
            self.cut(count)
        except BaseException:
            self.close()
            raise

    def append(self, bundles: Sequence[bytes], roots: bytes) -> None:
        """Add full bundles, and the root of each; not yet durable."""
        ends = []
        for bundle in bundles:
            self._length += len(bundle)
            ends.append(self._length.to_bytes(_END_BYTES, "big"))
        for file, content in zip(
            self._files, (bundles, [b"".join(ends)], [roots]), strict=True
        ):
            _write(file.fileno(), content)
        self.count += len(bundles)

    def sync(self) -> None:
        """Make all that was appended durable."""
        for file in self._files:
            os.fsync(file.fileno())

    def cut(self, count: int) -> None:
        """Drop all bundles from number `count` on."""
        self.count = min(count, self.count)
        self._length = self._end(self.count - 1) if self.count else 0
        lengths = (self._length, self.count * _END_BYTES, self.count * HASH_SIZE)
        for file, length in zip(self._files, lengths, strict=True):
            os.ftruncate(file.fileno(), length)
            os.lseek(file.fileno(), length, os.SEEK_SET)


def _read(descriptor: int, at: int, length: int) -> bytes:
    found = os.pread(descriptor, length, at)
    if len(found) != length:
        raise CorruptError("the stored entries", "a file is shorter than it was")
    return found


def _write(descriptor: int, parts: Sequence[bytes]) -> None:
    """Write all parts, which the system may take in pieces."""
    left = [memoryview(part) for part in parts if part]
    while left:
        written = os.writev(descriptor, left)
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if left:
            left[0] = left[0][written:]
