"""Batched tree hashing: buffers in, buffers out, whole levels at a time.

    hash_leaves(entries)                 n entries        -> n x 32 bytes
    bundle_leaf_hashes(bundle, width)    entry bundle     -> n x 32 bytes
    hash_pairs(nodes)                    n x 64 bytes     -> n x 32 bytes, one level up
    subtree_roots(leaf_hashes)           k x 8192 bytes   -> k x 32 bytes, whole tiles
    tile_levels(hashes)                  up to 8192 bytes -> all levels above them
    growth_levels(start, peaks, hashes)  a growing tree   -> all its new levels
    root(hashes)                         n x 32 bytes     -> one Hash
    hash_pair(left, right)               two hashes       -> one Hash
    split_hashes(joined)                 n x 32 bytes     -> n Hashes

    backend() names what runs, threads() tells on how many threads, and fault() which
    kernel failed its self-test.  `tlog.hashing.backend` has the contract in full.

    shapes      lengths, and what follows from them
    backend     the contract
    plain       on hashlib, for every machine
    native      on the kernels
    kernels     the kernels, in C, and how they are built
    built       whether there are any
    selftest    the known answer
    choice      which of them, by processor and environment

The self-check of each head does not use this package.  It hashes with tlogverify, so
that a wrong hash of this package is not signed.

Source: RFC 6962, 2.1; C2SP tlog-tiles.  How the kernels work: `docs/hashing.md`.
"""

import os

from tlog.hashing.choice import choose
from tlogverify.hashing import split_hashes

_choice = choose(os.environ)

hash_leaves = _choice.backend.hash_leaves
bundle_leaf_hashes = _choice.backend.bundle_leaf_hashes
hash_pair = _choice.backend.hash_pair
hash_pairs = _choice.backend.hash_pairs
subtree_roots = _choice.backend.subtree_roots
tile_levels = _choice.backend.tile_levels
growth_levels = _choice.backend.growth_levels
root = _choice.backend.root


def backend() -> str:
    """Return the name of what hashes.

    Raises RejectedError, as every function here does, if the environment asks for what
    this machine lacks.
    """
    return _choice.backend.name


def threads() -> int:
    """Return how many threads a large batch may use."""
    return _choice.backend.threads


def fault() -> str | None:
    """Return the kernel that failed its self-test, so that `hashlib` has its place."""
    return _choice.fault


__all__ = [
    "backend",
    "bundle_leaf_hashes",
    "fault",
    "growth_levels",
    "hash_leaves",
    "hash_pair",
    "hash_pairs",
    "root",
    "split_hashes",
    "subtree_roots",
    "threads",
    "tile_levels",
]
