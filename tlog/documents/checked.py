"""Reading a document in pieces, each of which is checked before anybody gets it.

A document of one piece is hashed when it is read.  A longer one is hashed as a whole
first, and the hash of each of its pieces is remembered: from then on every piece that
is read must have its hash.  So a file that changes at any moment, even between two
reads, is found out before a wrong byte leaves.  What is remembered is a fact about the
digest, not about the file.
"""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Final

from tlog.documents.refusals import DamagedDocumentError
from tlog.documents.shelf import Reader, is_emptied

PIECE_BYTES: Final = 256 << 10
_READ_AT_ONCE: Final = 4
"""Pieces of a document that is hashed as a whole: fewer requests of a bucket."""

_MOST_PIECES: Final = 1 << 18
"""Hashes that are remembered: of 64 GiB of documents, in some 20 MiB."""


class Pieces:
    """The hashes of the pieces of documents that were whole; from any thread."""

    def __init__(self, most: int = _MOST_PIECES) -> None:
        self._most = most
        self._known: OrderedDict[bytes, tuple[bytes, ...]] = OrderedDict()
        self._count = 0
        self._lock = Lock()

    def find(self, digest: bytes) -> tuple[bytes, ...] | None:
        """Return the hashes of a document's pieces, if they are known."""
        with self._lock:
            if (found := self._known.get(digest)) is not None:
                self._known.move_to_end(digest)
            return found

    def keep(self, digest: bytes, hashes: tuple[bytes, ...]) -> None:
        """Remember a document's pieces, and forget those that nobody asked for."""
        with self._lock:
            if digest not in self._known:
                self._known[digest] = hashes
                self._count += len(hashes)
            while self._count > self._most and len(self._known) > 1:
                _, gone = self._known.popitem(last=False)
                self._count -= len(gone)


class OpenDocument:
    """A document that was whole when it was opened; a context manager.

    Raises DamagedDocumentError if it is not, and OSError if it cannot be read now; the
    reader is closed then.
    """

    def __init__(self, reader: Reader, digest: bytes, pieces: Pieces) -> None:
        self.digest = digest
        self._reader = reader
        self.size = reader.size
        try:
            if is_emptied(digest, reader.size):
                raise DamagedDocumentError(digest)
            self._hashes = self._known_hashes(pieces)
        except BaseException:
            reader.close()
            raise

    def __enter__(self) -> "OpenDocument":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file; idempotent."""
        self._reader.close()

    def read_whole(self, most: int) -> bytes | None:
        """Return all bytes if they are at most `most`, else None; raises as `read`."""
        if self.size > most:
            return None
        count = max(-(-self.size // PIECE_BYTES), 1)
        return b"".join(map(self.read, range(count)))

    def read(self, number: int) -> bytes:
        """Return the piece with a number from 0 on.

        Raises DamagedDocumentError if the bytes are no longer what they were.
        """
        piece = self._read(number)
        if hashlib.sha256(piece).digest() != self._hashes[number]:
            raise DamagedDocumentError(self.digest)
        return piece

    def _read(self, number: int) -> bytes:
        return self._reader.read(number * PIECE_BYTES, PIECE_BYTES)

    def _known_hashes(self, pieces: Pieces) -> tuple[bytes, ...]:
        count = max(-(-self.size // PIECE_BYTES), 1)
        if count == 1:
            # Its piece is the document: hashed when it is read, and now too, so that
            # what is damaged is told before an answer has begun.
            if hashlib.sha256(self._read(0)).digest() != self.digest:
                raise DamagedDocumentError(self.digest)
            return (self.digest,)
        known = pieces.find(self.digest)
        if known is None:
            known = self._hash_pieces(count)
            pieces.keep(self.digest, known)
        if len(known) != count:
            raise DamagedDocumentError(self.digest)
        return known

    def _hash_pieces(self, count: int) -> tuple[bytes, ...]:
        whole, hashes = hashlib.sha256(), list[bytes]()
        for first in range(0, count, _READ_AT_ONCE):
            block = self._reader.read(first * PIECE_BYTES, _READ_AT_ONCE * PIECE_BYTES)
            whole.update(block)
            for at in range(0, len(block), PIECE_BYTES):
                hashes.append(hashlib.sha256(block[at : at + PIECE_BYTES]).digest())
        if whole.digest() != self.digest:
            raise DamagedDocumentError(self.digest)
        return tuple(hashes)
