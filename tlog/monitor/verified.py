"""What the verified entries say to a question that the log answers too.

The log's index is the log's word.  Here every entry up to a verified head is read, and
so the answer has all that there is below its size.

A state folder is read beside the process that holds it: entries below its verified
size never change.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from tlog.errors import CorruptError, database_error
from tlog.monitor.bundles import ReadableBundles
from tlog.monitor.database import read_only
from tlog.monitor.matching import AnyWatch, Matcher, NameWatch, Watch
from tlog.monitor.reading import CURSOR, Cursor, cursor_of
from tlog.monitor.stored import StoredTree
from tlogclient.findings import Digest, Name, Sought, names
from tlogverify.errors import FormatError
from tlogverify.kinds import parse_entry
from tlogverify.proof import Proof
from tlogverify.tiles import TILE_WIDTH

STEP_BUNDLES: Final = 64


@dataclass(frozen=True, slots=True)
class Named:
    """An entry that names what is sought; index: its place in the log."""

    index: int
    entry: bytes


class Step(NamedTuple):
    """A part of a search: by now all entries below an index are searched.

    found: ascending, since the step before; there may be none.
    """

    below: int
    found: list[Named]


@dataclass(frozen=True, slots=True)
class VerifiedEntries:
    """All entries below the verified head of `cursor`."""

    bundles: ReadableBundles
    cursor: Cursor

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.cursor.head.size

    def tree(self) -> StoredTree:
        """Return the tree that they make."""
        return StoredTree(self.bundles, self.cursor.edge, self.size)

    def search(self, sought: Sought, start: int = 0) -> Iterator[Step]:
        """Return the entries from `start` on that name it, ascending, step by step.

        Raises CorruptError if an entry is not what was stored.
        """
        search, (full, width) = BundleSearch(sought), divmod(self.size, TILE_WIDTH)
        for first in range(start // TILE_WIDTH, full, STEP_BUNDLES):
            end = min(first + STEP_BUNDLES, full)
            found: list[Named] = []
            for number, bundle in enumerate(self.bundles.read(first, end), first):
                found += search.named(bundle, TILE_WIDTH, number)
            yield Step(end * TILE_WIDTH, [it for it in found if it.index >= start])
        if width:
            found = search.named(self.cursor.edge, width, full)
            yield Step(self.size, [it for it in found if it.index >= start])

    def prove(self, index: int, entry: bytes) -> Proof:
        """Return the proof of one of them."""
        path = self.tree().inclusion_path(index, self.size)
        return Proof(index, path, self.cursor.head.note, entry)


class BundleSearch:
    """Finds in bundles what names something."""

    def __init__(self, sought: Sought) -> None:
        self._sought = sought
        self._matcher = Matcher((_watch(sought),))

    def named(self, bundle: bytes, width: int, number: int) -> list[Named]:
        """Return the entries of a bundle of `width`, the nth of the log, that do."""
        return [
            Named(it.index, it.entry)
            for it in self._matcher.search(bundle, width, number * TILE_WIDTH)
            if _is_named(it.entry, self._sought)
        ]


@contextmanager
def open_verified(folder: Path) -> Iterator[VerifiedEntries]:
    """Open the state folder of a monitor for reading alone.

    Raises FormatError if it is none or has verified nothing, CorruptError if its
    entries do not lead to its head, OSError or MachineError if it cannot be read.
    """
    file = folder / "monitor.db"
    if not file.is_file():
        raise FormatError(f"{folder} is no state folder of `tlog monitor`")
    with closing(read_only(file)) as database:
        try:
            cursor = cursor_of(database.execute(CURSOR).fetchall())
        except sqlite3.Error as error:
            raise database_error(str(file), error) from error
    if not cursor.head.note:
        raise FormatError(f"{folder} has no verified head yet: let `tlog monitor` run")
    with closing(ReadableBundles(folder, cursor.first_of_run)) as bundles:
        entries = VerifiedEntries(bundles, cursor)
        if entries.tree().root(entries.size) != cursor.head.root:
            raise CorruptError("entries.bin", "it does not lead to the verified head")
        yield entries


def _watch(sought: Sought) -> AnyWatch:
    if isinstance(sought, Name):
        return NameWatch(sought.kind, sought.text)
    digest = sought.value if isinstance(sought, Digest) else sought.sha256
    return Watch(digest, "")


def _is_named(entry: bytes, sought: Sought) -> bool:
    """Whether an entry names what is sought as what it is sought as.

    A matcher finds a digest wherever it stands, and takes bytes of no known kind too.
    """
    try:
        return names(parse_entry(entry), sought)
    except FormatError:
        return False
