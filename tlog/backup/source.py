"""A log's folder, read while its log may run.

The order is the argument.  The public checkpoint is read first, then the journal's
head and batches in one transaction of SQLite, so that the checkpoint is not larger.
What the journal no longer had by then was durable in bundles before, and a bundle only
grows: so every entry up to the journal's head is found afterwards, whatever the log
goes on to do.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.backup.place import open_head, read_keys
from tlog.errors import MISSING, CorruptError, RejectedError, database_error
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.keys import VerifierKey
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_TRIES: Final = 2


@dataclass(frozen=True, slots=True)
class Source:
    """The state of a log at one moment.

    first: the index of the first of `entries`, which the journal holds.
    """

    root: Path
    keys: Sequence[VerifierKey]
    note: bytes
    head: Checkpoint
    shown: bytes | None
    first: int
    entries: Sequence[bytes]

    def bundle(self, nth: int) -> tuple[bytes, bytes]:
        """Return the bundle `nth`, as wide as the head covers, and its leaf hashes.

        Raises CorruptError if the entries are not there, or have not that form.
        """
        start = nth * TILE_WIDTH
        width = min(self.head.size - start, TILE_WIDTH)
        where, content, found = self._stored(nth)
        try:
            if found != width:
                # Only the last bundles are not in the files as they are to be copied.
                entries = parse_bundle(content, found)[:width]
                content = encode_bundle(entries + self._waiting(start, width, entries))
            return content, hashing.bundle_leaf_hashes(content, width)
        except FormatError as error:
            raise CorruptError(where, str(error)) from error

    def _waiting(self, start: int, width: int, stored: list[bytes]) -> list[bytes]:
        """Return what the journal has of a bundle, behind its entries in a file."""
        at, missing = start + len(stored) - self.first, width - len(stored)
        found = self.entries[at : at + missing] if at >= 0 else []
        if len(found) < missing:
            where = f"public/{Tile(ENTRIES, start // TILE_WIDTH).path}"
            held = len(stored) + len(found)
            raise CorruptError(where, f"holds {held} of {width} entries")
        return [*found]

    def _stored(self, nth: int) -> tuple[str, bytes, int]:
        """Return the widest file of a bundle, its name first, and the width.

        Without a file, a bundle of no entries.  A narrower file goes away when the full
        one is there, and not before: so that whoever misses it finds the full one at
        the second look.
        """
        full = self.root / "public" / Tile(ENTRIES, nth).path
        narrow = full.with_name(f"{full.name}.p")
        for _ in range(_TRIES):
            try:
                return str(full), full.read_bytes(), TILE_WIDTH
            except MISSING:
                pass
            try:
                widest = max((int(it.name) for it in narrow.iterdir()), default=0)
                path = narrow / str(widest)
                return str(path), path.read_bytes(), widest
            except (*MISSING, ValueError):
                pass
        return str(full), b"", 0


def read_source(root: Path) -> Source:
    """Return the state that a log's folder has now.

    Raises RejectedError if it is none, CorruptError if it cannot be read as one.
    """
    journal = root / "journal.db"
    if not (root / "format").exists() or not journal.exists():
        raise RejectedError(f"{root} is not a log's folder")
    keys = read_keys(root)
    try:
        shown = (root / "public/checkpoint").read_bytes()
    except FileNotFoundError:
        shown = None
    try:
        with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
            note, first, entries = _read_journal(connection)
    except sqlite3.DatabaseError as error:
        raise database_error(str(journal), error) from error
    head = open_head(note, keys, "the journal's head")
    return Source(
        root, keys, note, head, shown, head.size if first is None else first, entries
    )


def _read_journal(
    connection: sqlite3.Connection,
) -> tuple[bytes, int | None, list[bytes]]:
    connection.execute("BEGIN")
    row = connection.execute("SELECT note FROM head").fetchone()
    if row is None or type(row[0]) is not bytes:
        raise CorruptError("the journal", "has no head")
    first, entries = None, list[bytes]()
    batches = 'SELECT start, "end", entries FROM batches ORDER BY start'
    for start, end, encoded in connection.execute(batches):
        where = f"the journal's batch at {start}"
        first = start if first is None else first
        if start != first + len(entries):
            raise CorruptError(where, f"does not follow on {first + len(entries)}")
        try:
            entries += parse_bundle(encoded, end - start)
        except (FormatError, TypeError) as error:
            raise CorruptError(where, str(error)) from error
    return row[0], first, entries
