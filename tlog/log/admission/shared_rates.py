"""The buckets of all clients, in memory that several processes share.

A set is 8 buckets, each of 32 bytes; a client has its place in one set, and takes that
of the client who has been quiet for longest if the set is full:

    16 bytes   BLAKE2 of the client, under a key of this start; zeros: free
     8 bytes   entries left        8 bytes   since when, monotonic seconds

A set is changed under a lock of the operating system, which ends with its process.
"""

import errno
import fcntl
import mmap
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from struct import Struct
from tempfile import TemporaryFile
from time import monotonic, sleep
from typing import Final

from tlog.errors import MachineError
from tlog.log.admission.rates import Bucket

_BUCKET: Final = Struct("=16sdd")
_WAYS: Final = 8
_SETS: Final = 1 << 14
_SET_BYTES: Final = _BUCKET.size * _WAYS
_FREE: Final = bytes(16)

# It is held for microseconds: longer only if its holder was stopped there.
_LOCK_S: Final = 0.25
_PAUSE_S: Final = 0.0002


class SharedBuckets:
    """Made before the processes that share it are forked; 131,072 clients.

    sets: fewer, for tests.
    """

    def __init__(self, sets: int = _SETS) -> None:
        self._sets = sets
        self._key = secrets.token_bytes(32)
        size = sets * _SET_BYTES
        self._file = _open_unnamed()
        os.truncate(self._file, size)
        self._memory = mmap.mmap(self._file, size)

    def change(self, client: str, how: Callable[[Bucket | None], Bucket]) -> None:
        """Replace a client's bucket; MachineError if its set stays locked."""
        name = client.encode("utf-8", "surrogateescape")
        digest = blake2b(name, digest_size=16, key=self._key).digest()
        start = int.from_bytes(digest[:4], "big") % self._sets * _SET_BYTES
        with self._held(start):
            at, bucket = self._place(digest, start)
            _BUCKET.pack_into(self._memory, at, digest, *how(bucket))

    def _place(self, digest: bytes, start: int) -> tuple[int, Bucket | None]:
        """Return where a client's bucket is, or is to be, and the bucket."""
        oldest, oldest_s = start, float("inf")
        for at in range(start, start + _SET_BYTES, _BUCKET.size):
            found, left, since_s = _BUCKET.unpack_from(self._memory, at)
            if found == digest:
                return at, Bucket(left, since_s)
            if found == _FREE:
                since_s = float("-inf")
            if since_s < oldest_s:
                oldest, oldest_s = at, since_s
        return oldest, None

    @contextmanager
    def _held(self, start: int) -> Iterator[None]:
        end_s = monotonic() + _LOCK_S
        while not self._try_to_lock(start):
            if monotonic() >= end_s:
                raise MachineError("the rates of clients cannot be changed now")
            sleep(_PAUSE_S)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _SET_BYTES, start)

    def _try_to_lock(self, start: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SET_BYTES, start)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EAGAIN}:
                return False
            raise
        return True


def _open_unnamed() -> int:
    """Return the descriptor of a file that has no name; in memory, if that can be."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tlog-rates")
    with TemporaryFile() as file:
        return os.dup(file.fileno())
