"""The index: every leaf hash and digest of the entries, and nothing besides.

Compared as a whole: the hashes of all keys with their values are added up, once over
the entries and once over the index.  That needs one pass over each and no memory; the
index is derived, so there is no use in naming one key of it.  Names above `complete_to`
are passed over: a crash may leave them, and the log writes them again.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rocksdict import AccessType, Options, Rdict

from tlog.errors import MachineError, names_machine_trouble
from tlog.fsck.damage import DamageError
from tlogverify.kinds import search_keys

_COMPLETE_TO = b"\xfe"
_EARLIER_COMPLETE_TO = b"\xff"
_NAMES = "names"
_SUMS = 2**256


class IndexFolder:
    """An index, opened for reading; complete_to: how many entries it covers."""

    def __init__(self, path: Path) -> None:
        with _telling():
            self._database = Rdict(
                str(path),
                Options(raw_mode=True),
                access_type=AccessType.read_only(False),
            )
            is_earlier = self._database.get(_EARLIER_COMPLETE_TO) is not None
        if is_earlier:
            self._database.close()
            raise DamageError(
                "index", "index", "is of an earlier format: start the log"
            )
        with _telling():
            stored = self._database.get(_COMPLETE_TO)
            self._named = self._database.get_column_family(_NAMES)
        self.complete_to = int.from_bytes(stored or b"", "big")
        self._leaves = self._names = 0

    def close(self) -> None:
        """Close the folder."""
        self._named.close()
        self._database.close()

    def add(
        self, start: int, entries: Sequence[bytes], leaf_hashes: Sequence[bytes]
    ) -> None:
        """Take note of entries from `start` on, as far as the index goes."""
        pairs = zip(entries, leaf_hashes, strict=True)
        for index, (entry, leaf_hash) in enumerate(pairs, start):
            if index >= self.complete_to:
                return
            place = index.to_bytes(6, "big")
            keys = {key + place for key in search_keys(entry)}
            self._leaves += _sum([(b"\x00" + leaf_hash, place)])
            self._names += _sum((key, b"") for key in keys)

    def check(self, size: int) -> None:
        """Check that the index holds the keys of all entries added, and no other.

        size: how many entries it may cover.
        """
        if self.complete_to > size:
            raise DamageError(
                "index", "index", f"is ahead of the published {size} entries"
            )
        above = self.complete_to.to_bytes(6, "big")
        with _telling():
            leaves = _sum(it for it in _rows(self._database) if it[0] != _COMPLETE_TO)
            names = _sum(
                it for it in _rows(self._named) if it[0][-len(above) :] < above
            )
        if (leaves, names) != (self._leaves % _SUMS, self._names % _SUMS):
            raise DamageError(
                "index",
                "index",
                "differs from the entries: remove it, then start the log",
            )


@contextmanager
def _telling() -> Iterator[None]:
    """Let RocksDB's error, which is Exception itself, leave the body by its meaning."""
    try:
        yield
    except Exception as error:
        if names_machine_trouble(str(error)):
            raise MachineError(f"the index cannot be read now: {error}") from error
        raise DamageError("index", "index", str(error)) from error


def _rows(family: Rdict) -> Iterator[tuple[bytes, bytes]]:
    return cast("Iterator[tuple[bytes, bytes]]", family.items())


def _sum(pairs: Iterable[tuple[bytes, bytes]]) -> int:
    sha256, from_bytes = hashlib.sha256, int.from_bytes
    hashes = (from_bytes(sha256(key + value).digest()) for key, value in pairs)
    return sum(hashes) % _SUMS
