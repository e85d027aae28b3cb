"""All checks of a folder, in order; the first damaged place ends them."""

import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlog import hashing
from tlog.errors import MISSING, RejectedError
from tlog.fsck.blame import find_damaged_bundle
from tlog.fsck.damage import DamageError
from tlog.fsck.files import TileFiles
from tlog.fsck.index import IndexFolder
from tlog.fsck.journal import (
    EntryReader,
    Journal,
    JournalFile,
    check_batches,
    journal_error,
)
from tlog.fsck.places import FolderPlace, Place
from tlog.fsck.tree import PublicTree
from tlogverify.bundles import Progress, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.kinds import require_entry
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found whole.

    published_size: of the public checkpoint.  signed_size: of the largest head, which
    is the journal's unless more was published since it was read.
    indexed_size: how many entries the index covers; None if it was not looked at.
    """

    origin: str
    published_size: int
    signed_size: int
    indexed_size: int | None


def check_folder(root: Path, progress: Progress, *, tree_only: bool) -> Verdict:
    """Verify a log's folder, which no process may hold.

    tree_only: leave out the index and the entries' own format.

    Raises DamageError naming the first damaged place, RejectedError if the folder is
    in use, of a newer format, or no log, MachineError or OSError if the machine cannot
    read it.
    """
    if not (root / "format").exists():
        raise RejectedError(f"{root} is not a log's folder")
    lock = FileLock(root / "lock", blocking=False)
    try:
        with lock:
            return _check(root, progress, tree_only=tree_only)
    except Timeout:
        raise RejectedError(f"another process holds {root}; stop it first") from None
    except sqlite3.DatabaseError as error:
        raise journal_error("journal.db", error) from error


def name_damaged_bundle(root: Path, place: Place | None = None) -> DamageError | None:
    """Return the first bundle that is known not to lead to the head, if there is one.

    root: has the keys, and the public files where no other place is given.  Hash tiles
    may be missing.  None also if keys or head cannot be read.
    """
    place = place or FolderPlace(root)
    try:
        head = PublicTree(place, read_keys(root)).durable
    except DamageError:
        return None
    if head is None:
        return None
    return find_damaged_bundle(TileFiles(place), head)


def check_public(place: Place, root: Path, progress: Progress) -> None:
    """Verify all bundles and tiles of a place up to its heads, and no journal.

    root: has the keys.  Raises DamageError naming the first damaged place.
    """
    tree = PublicTree(place, read_keys(root))
    check_entries(tree, None, progress)


def _check(root: Path, progress: Progress, *, tree_only: bool) -> Verdict:
    _check_format(root)
    keys = read_keys(root)
    place = FolderPlace(root)
    tree = PublicTree(place, keys)
    with ExitStack() as opened:
        journal = JournalFile(root / "journal.db", keys)
        opened.callback(journal.close)
        index = None if tree_only else IndexFolder(root / "index")
        if index is not None:
            opened.callback(index.close)
        if tree.durable is None and journal.first_start() != 0:
            raise DamageError("head", place.where("checkpoint"), "is missing")
        check_entries(tree, index, progress)
        if index is not None:
            index.check(tree.size)
        check_batches(journal, tree.peaks, published_entries(place, tree.size))
        tree.check_leftovers(lambda: journal.head.size)
        return verdict_of(tree, journal, index)


def verdict_of(
    tree: PublicTree, journal: Journal, index: IndexFolder | None
) -> Verdict:
    """Return the verdict on what was found whole."""
    return Verdict(
        origin=journal.head.origin,
        published_size=tree.published_size,
        signed_size=max(journal.head.size, tree.published_size),
        indexed_size=None if index is None else index.complete_to,
    )


def check_entries(
    tree: PublicTree, index: IndexFolder | None, progress: Progress
) -> None:
    """Check all bundles with their tiles, and their entries' format beside an index.

    An entry of no known format is told at the end: only then it is known that the head
    proves it, and that its bundle is not just damaged.
    """
    done, total = 0, tree.size
    unknown: DamageError | None = None
    for content, joined in tree.bundles():
        width = len(joined) // HASH_SIZE
        if index is not None and unknown is None:
            entries = parse_bundle(content, width)
            unknown = _unknown_kind(done, entries)
            if unknown is None:
                index.add(done, entries, hashing.split_hashes(joined))
        done += width
        progress(done, total)
    if unknown is not None:
        raise unknown


def _unknown_kind(start: int, entries: list[bytes]) -> DamageError | None:
    """Return the first entry that has no known format, as damage."""
    for position, entry in enumerate(entries, start):
        try:
            require_entry(entry)
        except FormatError as error:
            return DamageError("entry", f"entry {position}", str(error))
    return None


def _check_format(root: Path) -> None:
    text = (root / "format").read_bytes()
    if not text.strip().isdigit():
        raise DamageError("format", "format", "is not a number")
    if int(text) > FORMAT_VERSION:
        raise RejectedError(f"{root} has the newer format {int(text)}")


def read_keys(root: Path) -> list[VerifierKey]:
    """Return the keys in `log.vkey` of a folder; DamageError if there is none."""
    try:
        lines = (root / "log.vkey").read_bytes().splitlines()
        keys = [parse_verifier_key(line) for line in lines]
    except (*MISSING, FormatError) as error:
        raise DamageError("keys", "log.vkey", str(error)) from error
    if not keys:
        raise DamageError("keys", "log.vkey", "names no key")
    return keys


def published_entries(place: Place, size: int) -> EntryReader:
    """Return what reads published entries, whose bundles have been checked.

    size: up to which they have been.
    """

    def read(start: int, end: int) -> list[bytes]:
        entries: list[bytes] = []
        for nth in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            width = min(size - nth * TILE_WIDTH, TILE_WIDTH)
            content = place.read(Tile(ENTRIES, nth, width))
            entries += parse_bundle(content, width)
        first = start // TILE_WIDTH * TILE_WIDTH
        return entries[start - first : end - first]

    return read
