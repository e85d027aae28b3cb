"""The entries in a log's public files, searched and proven without a state.

Nothing is held and nothing is written, so the log that the files are of may run.  Every
bundle is held against its tile, and a proof against the head, so that what has changed
on the disk is a CorruptError.  Whoever changes a bundle and its tile so that they fit
can hide an entry, and never have one proven.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.errors import CorruptError
from tlog.monitor.source import FolderSource
from tlog.monitor.tree import inclusion_path, nodes_of_tiles, tile_at, tree_root
from tlog.monitor.verified import STEP_BUNDLES, BundleSearch, Named, Step
from tlogclient.answers import open_head
from tlogclient.findings import Sought
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, ProofError
from tlogverify.hashing import HASH_SIZE
from tlogverify.merkle import verify_inclusion
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_MOST_TILES: Final = 256


class _Tiles(dict[Tile, bytes]):
    """Hash tiles of a folder, read when they are asked for."""

    def __init__(self, source: FolderSource) -> None:
        super().__init__()
        self._source = source

    def __missing__(self, tile: Tile) -> bytes:
        content = self._source.read_tile(tile)
        if len(content) != tile.width * HASH_SIZE:
            raise CorruptError(tile.path, f"has {len(content)} bytes")
        if len(self) >= _MOST_TILES:
            self.clear()
        self[tile] = content
        return content


@dataclass(frozen=True, slots=True)
class FileEntries:
    """The entries below the public checkpoint; note: the head that a policy accepts."""

    policy: Policy
    note: bytes
    head: Checkpoint
    source: FolderSource
    tiles: _Tiles

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.head.size

    def search(self, sought: Sought, start: int = 0) -> Iterator[Step]:
        """Return the entries from `start` on that name it, ascending, step by step.

        Raises CorruptError or SourceError.
        """
        search, end = BundleSearch(sought), -(-self.size // TILE_WIDTH)
        for first in range(start // TILE_WIDTH, end, STEP_BUNDLES):
            numbers = range(first, min(first + STEP_BUNDLES, end))
            found: list[Named] = []
            for number in numbers:
                bundle, width = self._bundle(number)
                found += search.named(bundle, width, number)
            below = min(numbers.stop * TILE_WIDTH, self.size)
            yield Step(below, [it for it in found if it.index >= start])

    def prove(self, index: int, entry: bytes) -> Proof:
        """Return the proof of an entry; CorruptError if the tiles do not give one."""
        head = self.head
        path = inclusion_path(nodes_of_tiles(self.tiles, head.size), index, head.size)
        try:
            leaf = hashing.hash_leaves([entry])
            verify_inclusion(index, head.size, leaf, path, head.root)
        except ProofError as error:
            raise CorruptError("the tiles", f"do not prove entry {index}") from error
        return Proof(index, path, self.note, entry)

    def _bundle(self, number: int) -> tuple[bytes, int]:
        """Return a bundle that is as its tile says, and its width."""
        hashes = tile_at(self.size, 0, number)
        tile = Tile(ENTRIES, number, hashes.width)
        content = self.source.read_tile(tile)
        try:
            found = hashing.bundle_leaf_hashes(content, tile.width)
        except FormatError as error:
            raise CorruptError(tile.path, str(error)) from error
        # Its hash tile is not kept: nobody asks for most of them again.
        if found != self.source.read_tile(hashes):
            raise CorruptError(tile.path, "is not that of its tile")
        return content, tile.width


class LogFiles:
    """The files of one log; from any thread."""

    def __init__(self, folder: Path) -> None:
        """folder: it holds `checkpoint` and `tile/`."""
        self._source = FolderSource(folder)
        self._known: FileEntries | None = None

    def entries(self, policy: Policy) -> FileEntries:
        """Return the entries of the checkpoint that is public now.

        Raises VerificationError or FormatError if the policy does not accept it,
        CorruptError if its files do not lead to it, SourceError if one is not there.
        """
        note = self._source.read_checkpoint()
        known = self._known
        if known is None or known.note != note or known.policy is not policy:
            head = open_head(note, policy).checkpoint
            tiles = _Tiles(self._source)
            if tree_root(nodes_of_tiles(tiles, head.size), head.size) != head.root:
                raise CorruptError("the tiles", f"do not lead to the head {head.size}")
            self._known = known = FileEntries(policy, note, head, self._source, tiles)
        return known
