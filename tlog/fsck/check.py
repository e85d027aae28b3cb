"""All checks of a folder, in order; the first damaged place ends them."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tlog import hashing
from tlog.errors import CorruptError, RejectedError
from tlog.fsck.index import IndexFolder
from tlog.fsck.journal import JournalFile
from tlog.fsck.tree import PublicTree
from tlogverify.bundles import Progress, parse_bundle
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.kinds import require_entry, search_keys
from tlogverify.tiles import ENTRIES, Tile

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found whole.

    published_size: of the public checkpoint.  signed_size: of the journal's head.
    indexed_size: how many entries the index covers; None if it was not looked at.
    """

    origin: str
    published_size: int
    signed_size: int
    indexed_size: int | None


def check_folder(root: Path, progress: Progress, *, tree_only: bool) -> Verdict:
    """Verify a log's folder, which no process may hold.

    tree_only: leave out the index and the entries' own format.

    Raises CorruptError naming the first damaged place, RejectedError if the folder is
    in use, of a newer format, or no log.
    """
    if not (root / "format").exists():
        raise RejectedError(f"{root} is not a log's folder")
    lock = FileLock(root / "lock", blocking=False)
    try:
        with lock:
            return _check(root, progress, tree_only=tree_only)
    except Timeout:
        raise RejectedError(f"another process holds {root}; stop it first") from None


def _check(root: Path, progress: Progress, *, tree_only: bool) -> Verdict:
    _check_format(root)
    keys = _keys(root)
    tree = PublicTree(root / "public", keys)
    with ExitStack() as opened:
        journal = JournalFile(root / "journal.db", keys)
        opened.callback(journal.close)
        index = None if tree_only else IndexFolder(root / "index")
        if index is not None:
            opened.callback(index.close)
        if tree.durable is None and journal.first_start() != 0:
            raise CorruptError("public/checkpoint", "is missing")
        _check_entries(tree, index, progress)
        journal.check_batches(
            tree.peaks, lambda start, end: _published(root / "public", start, end)
        )
        tree.check_leftovers(journal.head.size)
        return Verdict(
            origin=journal.head.origin,
            published_size=tree.published_size,
            signed_size=journal.head.size,
            indexed_size=None if index is None else index.complete_to,
        )


def _check_entries(
    tree: PublicTree, index: IndexFolder | None, progress: Progress
) -> None:
    done, total = 0, tree.size
    for content, joined in tree.bundles():
        width = len(joined) // HASH_SIZE
        if index is not None:
            entries = parse_bundle(content, width)
            _check_kinds(done, entries)
            leaf_hashes = hashing.split_hashes(joined)
            keys = [search_keys(entry) for entry in entries]
            index.add_entries(done, leaf_hashes, keys)
        done += width
        progress(done, total)
    if index is not None:
        if index.complete_to > done:
            raise CorruptError("index", f"is ahead of the published {done} entries")
        index.check()


def _check_kinds(start: int, entries: list[bytes]) -> None:
    for position, entry in enumerate(entries, start):
        try:
            require_entry(entry)
        except FormatError as error:
            raise CorruptError(f"entry {position}", str(error)) from error


def _check_format(root: Path) -> None:
    text = (root / "format").read_bytes()
    if not text.strip().isdigit():
        raise CorruptError("format", "is not a number")
    if int(text) > FORMAT_VERSION:
        raise RejectedError(f"{root} has the newer format {int(text)}")


def _keys(root: Path) -> list[VerifierKey]:
    try:
        lines = (root / "log.vkey").read_bytes().splitlines()
        keys = [parse_verifier_key(line) for line in lines]
    except (OSError, FormatError) as error:
        raise CorruptError("log.vkey", str(error)) from error
    if not keys:
        raise CorruptError("log.vkey", "names no key")
    return keys


def _published(public: Path, start: int, end: int) -> list[bytes]:
    """Read published entries, whose bundles have been checked."""
    entries: list[bytes] = []
    for nth in range(start // 256, (end + 255) // 256):
        full = Tile(ENTRIES, nth)
        path, width = public / full.path, 256
        if not path.exists():
            # The widest of the incomplete forms holds all that is published.
            folder = path.with_name(f"{path.name}.p")
            width = max(int(file.name) for file in folder.iterdir())
            path = folder / str(width)
        entries += parse_bundle(path.read_bytes(), width)
    first = start // 256 * 256
    return entries[start - first : end - first]
