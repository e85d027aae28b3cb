"""Batched tree hashing: buffers in, buffers out, whole levels at a time.

    hash_leaves(entries)         n entries      -> n x 32 bytes
    bundle_leaf_hashes(bundle)   entry bundle   -> n x 32 bytes
    hash_pairs(nodes)            n x 64 bytes   -> n x 32 bytes, one level up
    subtree_roots(leaf_hashes)   k x 8192 bytes -> k x 32 bytes, whole tiles
    tile_levels(hashes)          up to 8192 bytes -> all levels above them
    split_hashes(joined)         n x 32 bytes   -> n values of 32 bytes
    root(hashes)                 n x 32 bytes   -> 32 bytes

`backend()` names what runs.  The self-check of each head does not use this package:
it hashes with tlogverify, so that a fault here cannot be signed.

Source: RFC 6962, 2.1; C2SP tlog-tiles.
"""

from tlog.hashing.plain import (
    backend,
    bundle_leaf_hashes,
    hash_leaves,
    hash_pairs,
    root,
    split_hashes,
    subtree_roots,
    tile_levels,
)

__all__ = [
    "backend",
    "bundle_leaf_hashes",
    "hash_leaves",
    "hash_pairs",
    "root",
    "split_hashes",
    "subtree_roots",
    "tile_levels",
]
