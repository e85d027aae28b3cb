"""The journal: its head verifies, and its batches lead from the tiles to that head."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

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

Watch = Callable[[int, list[bytes], list[bytes]], object]
"""Told of each batch above the tiles: its start, its entries and their leaf hashes."""


class Journal(Protocol):
    """Where a log is committed, read and not changed; where: its name for people."""

    where: str
    head: Checkpoint

    def first_start(self) -> int:
        """Return where the first batch starts; the head's size if there is none."""
        ...

    def batches(self) -> Iterable[tuple[Any, Any, Any]]:
        """Return start, end and bundle of each batch in order; of any types."""
        ...


def journal_error(where: str, error: sqlite3.Error) -> DamageError | MachineError:
    """Return what an error of SQLite says of the journal at `where`."""
    told = database_error(where, error)
    if isinstance(told, MachineError):
        return told
    return DamageError("journal", where, str(error))


class JournalFile:
    """A journal in a file.

    head: opened with `keys`; raises DamageError if it does not verify.
    """

    def __init__(self, path: Path, keys: Sequence[VerifierKey]) -> None:
        self.where = path.name
        if not path.exists():
            raise DamageError("journal", self.where, "the journal is missing")
        self._connection = sqlite3.connect(path)
        try:
            self.head = self._open_head(keys)
        except BaseException:
            self._connection.close()
            raise

    def _open_head(self, keys: Sequence[VerifierKey]) -> Checkpoint:
        try:
            verdict = self._connection.execute("PRAGMA integrity_check").fetchone()
            if verdict != ("ok",):
                raise DamageError("journal", self.where, f"SQLite says: {verdict[0]}")
            rows = self._connection.execute("SELECT size, note FROM head").fetchall()
        except sqlite3.DatabaseError as error:
            raise journal_error(f"{self.where}: head", error) from error
        return open_head(self.where, rows, keys)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def first_start(self) -> int:
        """Return where the first batch starts; the head's size if there is none."""
        row = self._connection.execute("SELECT min(start) FROM batches").fetchone()
        return self.head.size if row[0] is None else int(row[0])

    def batches(self) -> Iterable[tuple[Any, Any, Any]]:
        """Return start, end and bundle of each batch, in order."""
        return self._connection.execute(
            'SELECT start, "end", entries FROM batches ORDER BY start'
        )


def open_head(
    where: str, rows: Sequence[tuple[Any, Any]], keys: Sequence[VerifierKey]
) -> Checkpoint:
    """Return the head of a journal; rows: its size and its note, once.

    Raises DamageError if it does not verify.
    """
    if len(rows) != 1:
        raise DamageError("journal", where, f"has {len(rows)} heads")
    ((size, note),) = rows
    if type(note) is not bytes:
        raise DamageError("journal", f"{where}: head", "a value's type is wrong")
    try:
        head = open_checkpoint(note, *keys)
    except (FormatError, SignatureError) as error:
        raise DamageError("journal", f"{where}: head", str(error)) from error
    if head.size != size:
        raise DamageError("journal", f"{where}: head", f"says size {size}")
    return head


def check_batches(
    journal: Journal, peaks: Peaks, published: EntryReader, watch: Watch | None = None
) -> None:
    """Let the published tree grow by a journal's batches; it must reach the head.

    peaks: of the published tree; grows.  published: reads entries of bundles, which
    batches below the published size must repeat.
    """
    name = journal.where
    if journal.head.size < peaks.size:
        raise DamageError(
            "journal", f"{name}: head", f"is below the public {peaks.size}"
        )
    public_size = peaks.size
    for where, start, entries in _parsed(journal):
        end = start + len(entries)
        if end <= public_size:
            if published(start, end) != entries:
                raise DamageError("journal", where, "differs from the bundles")
            continue
        if start != peaks.size:
            raise DamageError(
                "journal", where, f"does not follow on the tiles' {peaks.size}"
            )
        leaf_hashes: list[bytes] = [*hashing.split_hashes(hashing.hash_leaves(entries))]
        for leaf_hash in leaf_hashes:
            peaks.push(0, leaf_hash)
        if watch is not None:
            watch(start, entries, leaf_hashes)
    if (peaks.size, peaks.root()) != (journal.head.size, journal.head.root):
        raise DamageError("journal", f"{name}: head", "the batches do not lead to it")


def check_published_batches(journal: Journal, published: EntryReader) -> None:
    """Compare the batches of a journal whose head is published already."""
    for where, start, entries in _parsed(journal):
        if published(start, start + len(entries)) != entries:
            raise DamageError("journal", where, "differs from the bundles")


def _parsed(journal: Journal) -> Iterator[tuple[str, int, list[bytes]]]:
    """Return of each batch its name, its start and its entries; each follows on."""
    expected = None
    for start, end, encoded in journal.batches():
        where = f"{journal.where}: batch {start}"
        if (type(start), type(end), type(encoded)) != (int, int, bytes):
            raise DamageError("journal", where, "a value's type is wrong")
        if expected not in {None, start}:
            raise DamageError("journal", where, f"does not follow on {expected}")
        expected = end
        yield where, start, _entries(where, encoded, end - start)


def _entries(where: str, encoded: bytes, width: int) -> list[bytes]:
    try:
        entries = parse_bundle(encoded, width)
        for entry in entries:
            require_entry(entry)
    except FormatError as error:
        raise DamageError("journal", where, str(error)) from error
    return entries
