"""The journal: its head verifies, and its batches lead from the tiles to that head."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from tlog import hashing
from tlog.errors import MachineError, database_error
from tlog.fsck.damage import DamageError
from tlog.fsck.peaks import Peaks
from tlogverify.bundles import parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import VerifierKey
from tlogverify.kinds import require_entry
from tlogverify.signed import open_checkpoint

EntryReader = Callable[[int, int], list[bytes]]
"""From [start, end) to the published entries there."""


def journal_error(where: str, error: sqlite3.Error) -> DamageError | MachineError:
    """Return what an error of SQLite says of the journal at `where`."""
    told = database_error(where, error)
    if isinstance(told, MachineError):
        return told
    return DamageError("journal", where, str(error))


class JournalFile:
    """A journal, read and not changed.

    head: opened with `keys`; raises DamageError if it does not verify.
    """

    def __init__(self, path: Path, keys: Sequence[VerifierKey]) -> None:
        if not path.exists():
            raise DamageError("journal", path.name, "the journal is missing")
        self._connection = sqlite3.connect(path)
        try:
            self.head = self._open_head(path.name, keys)
        except BaseException:
            self._connection.close()
            raise

    def _open_head(self, name: str, keys: Sequence[VerifierKey]) -> Checkpoint:
        try:
            verdict = self._connection.execute("PRAGMA integrity_check").fetchone()
            if verdict != ("ok",):
                raise DamageError("journal", name, f"SQLite says: {verdict[0]}")
            rows = self._connection.execute("SELECT size, note FROM head").fetchall()
            if len(rows) != 1:
                raise DamageError("journal", name, f"has {len(rows)} heads")
            if type(rows[0][1]) is not bytes:
                raise DamageError("journal", f"{name}: head", "a value's type is wrong")
            head = open_checkpoint(rows[0][1], *keys)
        except sqlite3.DatabaseError as error:
            raise journal_error(f"{name}: head", error) from error
        except (FormatError, SignatureError) as error:
            raise DamageError("journal", f"{name}: head", str(error)) from error
        if head.size != rows[0][0]:
            raise DamageError("journal", f"{name}: head", f"says size {rows[0][0]}")
        return head

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def first_start(self) -> int:
        """Return where the first batch starts; the head's size if there is none."""
        row = self._connection.execute("SELECT min(start) FROM batches").fetchone()
        return self.head.size if row[0] is None else int(row[0])

    def check_batches(self, peaks: Peaks, published: EntryReader) -> None:
        """Let the published tree grow by the batches; it must reach the head.

        peaks: of the published tree; grows.  published: reads entries of bundles, which
        batches below the published size must repeat.
        """
        if self.head.size < peaks.size:
            raise DamageError(
                "journal", "journal.db: head", f"is below the public {peaks.size}"
            )
        public_size, expected = peaks.size, None
        rows = self._connection.execute(
            'SELECT start, "end", entries FROM batches ORDER BY start'
        )
        for start, end, encoded in rows:
            where = f"journal.db: batch {start}"
            if (type(start), type(end), type(encoded)) != (int, int, bytes):
                raise DamageError("journal", where, "a value's type is wrong")
            if expected not in {None, start}:
                raise DamageError("journal", where, f"does not follow on {expected}")
            expected = end
            entries = _entries(where, encoded, end - start)
            if end <= public_size:
                if published(start, end) != entries:
                    raise DamageError("journal", where, "differs from the bundles")
            elif start != peaks.size:
                raise DamageError(
                    "journal", where, f"does not follow on the tiles' {peaks.size}"
                )
            else:
                for leaf_hash in hashing.split_hashes(hashing.hash_leaves(entries)):
                    peaks.push(0, leaf_hash)
        if (peaks.size, peaks.root()) != (self.head.size, self.head.root):
            raise DamageError(
                "journal", "journal.db: head", "the batches do not lead to it"
            )


def _entries(where: str, encoded: bytes, width: int) -> list[bytes]:
    try:
        entries = parse_bundle(encoded, width)
        for entry in entries:
            require_entry(entry)
    except FormatError as error:
        raise DamageError("journal", where, str(error)) from error
    return entries
