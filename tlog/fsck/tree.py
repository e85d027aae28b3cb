"""The public tree: bundles give leaf hashes, these the tiles, these the root."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import islice
from typing import Final

from tlog import hashing
from tlog.errors import MISSING
from tlog.fsck.blame import blame_pair, blame_tile
from tlog.fsck.damage import DamageError
from tlog.fsck.files import TileFiles
from tlog.fsck.peaks import Peaks
from tlog.fsck.places import Place
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import HASH_SIZE
from tlogverify.keys import VerifierKey
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import (
    FULL_TILE_BYTES,
    TILE_WIDTH,
    Tile,
    bundles_of_size,
    parse_tile,
)

_AHEAD: Final = 64
"""So many bundles are told ahead to where they lie, each with its tile."""


class PublicTree:
    """The public files of a log, judged against the checkpoint beside them.

    checkpoint: opened with `keys`; raises DamageError if it does not verify.  None
    in a log that has not published yet.  durable: the head that is stored beside it
    while the checkpoint waits for cosignatures, else the same.
    peaks: of all bundles that `bundles` has gone through.
    """

    def __init__(self, place: Place, keys: Sequence[VerifierKey]) -> None:
        self._place = place
        self._files = TileFiles(place)
        self.peaks = Peaks()
        self._levels: list[tuple[int, bytes]] = []
        self._within: list[tuple[Checkpoint, DamageError]] = []
        self.checkpoint = _head(place, "checkpoint", keys)
        stored = _head(place, "stored", keys)
        self.durable = self.checkpoint
        if stored is not None and stored.size > self.published_size:
            self.durable = stored
            if self.checkpoint is not None:
                where = place.where("checkpoint")
                self.expect_within(
                    self.checkpoint, DamageError("head", where, "is of another tree")
                )

    @property
    def published_size(self) -> int:
        """How many entries the public checkpoint has."""
        return self.checkpoint.size if self.checkpoint else 0

    @property
    def size(self) -> int:
        """How many entries have their tiles."""
        return self.durable.size if self.durable else 0

    def expect_within(self, head: Checkpoint, error: DamageError) -> None:
        """Let `bundles` raise an error unless the tree had this head, of its size."""
        self._within.append((head, error))

    def bundles(self) -> Iterator[tuple[bytes, bytes]]:
        """Check bundles and tiles from left to right.

        Yields each bundle with its leaf hashes, joined, when both are right.  At the
        end the tree is proven to be the checkpoint's.
        """
        if self.durable is None:
            return
        for bundle in self._expected():
            content, leaf_hashes = self._pair(bundle, self.durable)
            self._check_within(bundle, leaf_hashes)
            if bundle.is_full:
                root = hashing.subtree_roots(leaf_hashes)
                self.peaks.push(8, root)
                self._add(0, root)
            else:
                for leaf_hash in hashing.split_hashes(leaf_hashes):
                    self.peaks.push(0, leaf_hash)
            yield content, leaf_hashes
        for level, (index, edge) in enumerate(self._levels, 1):
            if edge:
                self._compare(Tile(level, index, len(edge) // HASH_SIZE), edge)
        if self.peaks.root() != self.durable.root:
            where = self._place.where("checkpoint")
            raise DamageError("head", where, "the bundles have another root")

    def _expected(self) -> Iterator[Tile]:
        bundles = bundles_of_size(self.size)
        while ahead := [*islice(bundles, _AHEAD)]:
            tiles = (Tile(0, it.index, it.width) for it in ahead)
            self._files.expect([*ahead, *tiles])
            yield from ahead

    def _check_within(self, bundle: Tile, leaf_hashes: bytes) -> None:
        """Check the root of each head that ends before or within a bundle."""
        start = bundle.index * TILE_WIDTH
        for head, error in self._within:
            if start <= head.size < start + bundle.width:
                then = deepcopy(self.peaks)
                for leaf_hash in hashing.split_hashes(leaf_hashes)[: head.size - start]:
                    then.push(0, leaf_hash)
                if then.root() != head.root:
                    raise error

    def check_leftovers(self, head_size: Callable[[], int]) -> None:
        """Check what else lies below tile/: older widths, and newer tiles.

        head_size: returns that of the signed head, when the names have been read; a
        crash may have left tiles up to there.
        """
        names = [*self._place.names()]
        size = head_size()
        for path in names:
            where = self._place.where(path)
            try:
                tile = parse_tile(path)
            except FormatError as error:
                raise DamageError("leftover", where, str(error)) from error
            whole = self._whole(tile, self.size)
            if whole is None:
                if self._whole(tile, size) is None:
                    raise DamageError("leftover", where, "lies beyond the log's size")
            elif whole == tile:
                # `bundles` has gone through it.
                continue
            elif not self._files.read(whole).startswith(self._files.read(tile)):
                raise DamageError("leftover", where, f"is no beginning of {whole.path}")

    def _whole(self, tile: Tile, size: int) -> Tile | None:
        """Return the widest form of `tile` in a tree of `size`, if it reaches there."""
        hashes = size >> 8 * max(tile.level, 0)
        width = min(hashes - tile.index * 256, 256)
        return Tile(tile.level, tile.index, width) if width >= tile.width else None

    def _add(self, level: int, root: bytes) -> None:
        """Append the root of a full tile of `level` to the tile above.

        That one may become full by it, and goes up likewise.
        """
        if level == len(self._levels):
            self._levels.append((0, b""))
        index, edge = self._levels[level]
        edge += root
        if len(edge) == FULL_TILE_BYTES:
            self._compare(Tile(level + 1, index), edge)
            self._add(level + 1, hashing.subtree_roots(edge))
            index, edge = index + 1, b""
        self._levels[level] = (index, edge)

    def _pair(self, bundle: Tile, head: Checkpoint) -> tuple[bytes, bytes]:
        """Return a bundle and its leaf hashes, which its tile must hold."""
        try:
            content = self._files.read(bundle)
            leaf_hashes = hashing.bundle_leaf_hashes(content, bundle.width)
            stored = self._files.read(Tile(0, bundle.index, bundle.width))
        except (*MISSING, FormatError) as error:
            raise blame_pair(bundle, self._files, head) from error
        if stored != leaf_hashes:
            raise blame_pair(bundle, self._files, head)
        return content, leaf_hashes

    def _compare(self, tile: Tile, expected: bytes) -> None:
        """Check a tile above level 0 against what lies below it."""
        if self._files.hashes(tile) != expected and self.durable is not None:
            raise blame_tile(tile, expected, self._files, self.durable)


def _head(place: Place, name: str, keys: Sequence[VerifierKey]) -> Checkpoint | None:
    where = place.where(name)
    try:
        return open_checkpoint(place.head(name), *keys)
    except FileNotFoundError:
        return None
    except (*MISSING, FormatError, SignatureError) as error:
        raise DamageError("head", where, str(error)) from error
