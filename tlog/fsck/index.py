"""The index: every leaf hash and digest of the entries, and nothing besides.

Compared as a whole: the hashes of all keys with their values are added up, once over
the entries and once over the index.  That needs one pass over each and no memory; the
index is derived, so there is no use in naming one key of it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from rocksdict import AccessType, Options, Rdict

from tlog.errors import MachineError, names_machine_trouble
from tlog.fsck.damage import DamageError
from tlogverify.kinds import search_keys

_COMPLETE_TO = b"\xff"


class IndexFolder:
    """An index, opened for reading; complete_to: how many entries it covers."""

    def __init__(self, path: Path) -> None:
        try:
            self._database = Rdict(
                str(path),
                Options(raw_mode=True),
                access_type=AccessType.read_only(False),
            )
            stored = self._database.get(_COMPLETE_TO)
        except Exception as error:
            raise _index_error(error) from error
        self.complete_to = int.from_bytes(stored or b"", "big")
        self._expected = 0

    def close(self) -> None:
        """Close the folder."""
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
            rows = [(b"\x00" + leaf_hash, place), *((key, b"") for key in keys)]
            self._expected += _sum(rows)

    def check(self, size: int) -> None:
        """Check that the index holds the keys of all entries added, and no other.

        size: how many entries it may cover.
        """
        if self.complete_to > size:
            raise DamageError(
                "index", "index", f"is ahead of the published {size} entries"
            )
        try:
            found = _sum(
                (key, value)
                for key, value in self._database.items()
                if isinstance(key, bytes) and key != _COMPLETE_TO
            )
        except Exception as error:
            raise _index_error(error) from error
        if (found - self._expected) % 2**256:
            raise DamageError(
                "index",
                "index",
                "differs from the entries: remove it, then start the log",
            )


def _index_error(error: Exception) -> DamageError | MachineError:
    """Return what an error of RocksDB says, which raises Exception itself."""
    if names_machine_trouble(str(error)):
        return MachineError(f"the index cannot be read now: {error}")
    return DamageError("index", "index", str(error))


def _sum(pairs: Iterable[tuple[bytes, bytes]]) -> int:
    sha256, from_bytes = hashlib.sha256, int.from_bytes
    return sum(from_bytes(sha256(key + value).digest()) for key, value in pairs)
