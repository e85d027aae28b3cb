"""Two files differ that should lead to one another: which of them is damaged.

The head decides, by the tiles above (`tlog.fsck.proven`).
"""

from tlog.fsck.damage import DamageError
from tlog.fsck.files import TileFiles
from tlog.fsck.proven import ProvenTiles
from tlogverify.checkpoint import Checkpoint
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile, bundles_of_size


def blame_pair(bundle: Tile, files: TileFiles, head: Checkpoint) -> DamageError:
    """Return what is damaged of a bundle and its level-0 tile, which differ.

    All that lies left of them has been found to agree.
    """
    tile = Tile(0, bundle.index, bundle.width)
    bundle_path, tile_path = files.where(bundle), files.where(tile)
    tiles = ProvenTiles(files, head)
    proven = tiles.hashes(tile)
    bundle_fault, tile_fault = files.fault(bundle), files.fault(tile)
    if proven is None:
        if bundle_fault and tile_fault:
            return DamageError(
                "bundle-and-tile",
                bundle_path,
                f"{bundle_fault}; {tile_path} is damaged too: {tile_fault}",
            )
        if tile.is_full and tiles.root_above(tile) is None:
            return _undecided(bundle_path, bundle_fault, tile_path, tile_fault)
        return DamageError(
            "bundle-and-tile",
            bundle_path,
            f"{bundle_fault or 'it does not lead to the head'}; {tile_path} is damaged "
            f"too: {tile_fault or 'it does not lead to the head'}",
        )
    if files.hashes(bundle) == proven:
        return DamageError(
            "tile",
            tile_path,
            tile_fault or "does not follow from the bundle, which leads to the head",
        )
    why = bundle_fault or "is not what its tile was made of"
    return DamageError("bundle", bundle_path, f"{why}; its tile leads to the head")


def _undecided(
    bundle_path: str, bundle_fault: str, tile_path: str, tile_fault: str
) -> DamageError:
    """Return what is known where the tiles above do not lead to the head."""
    unknown = "the tiles above do not lead to the head, so that it is not known whether"
    if bundle_fault:
        return DamageError(
            "bundle", bundle_path, f"{bundle_fault}; {unknown} its tile is whole"
        )
    if tile_fault:
        return DamageError(
            "tile", tile_path, f"{tile_fault}; {unknown} its bundle is whole"
        )
    return DamageError(
        "bundle-or-tile",
        tile_path,
        f"does not follow from its bundle; {unknown} the tile or the bundle is damaged",
    )


def blame_tile(
    tile: Tile, expected: bytes, files: TileFiles, head: Checkpoint
) -> DamageError:
    """Return what is damaged where a tile above level 0 differs from those below.

    expected: its bytes, by the bundles and tiles below it, which agree.
    """
    proven = ProvenTiles(files, head).hashes(tile)
    path = files.where(tile)
    fault = files.fault(tile) or "does not follow from the tiles below it"
    if proven is None:
        return DamageError("tile", path, f"{fault}, and neither leads to the head")
    if proven == expected:
        return DamageError("tile", path, fault)
    (first, *_) = (
        at
        for at in range(tile.width)
        if proven[32 * at : 32 * at + 32] != expected[32 * at : 32 * at + 32]
    )
    bundle = Tile(
        ENTRIES,
        (tile.index * TILE_WIDTH + first) * TILE_WIDTH ** (tile.level - 1),
    )
    return DamageError(
        "bundle-and-tile",
        files.where(bundle),
        f"it and its tile agree, but {path}, which leads to the head, has another root",
    )


def find_damaged_bundle(files: TileFiles, head: Checkpoint) -> DamageError | None:
    """Return the first bundle that does not lead to the head; None if none is known.

    Tiles may be missing: a bundle is judged by what is left of them.
    """
    tiles = ProvenTiles(files, head)
    for bundle in bundles_of_size(head.size):
        path = files.where(bundle)
        if fault := files.fault(bundle):
            return DamageError("bundle", path, fault)
        found = files.hashes(bundle)
        tile = Tile(0, bundle.index, bundle.width)
        if found is not None and tiles.leads(tile, found) is False:
            return DamageError("bundle", path, "does not lead to the head")
    return None
