"""The hashing interface on `hashlib`, for every machine."""

import hashlib
from collections.abc import Sequence

from tlogverify.bundles import parse_bundle
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE
from tlogverify.tiles import FULL_TILE_BYTES


def backend() -> str:
    """Return the name of what hashes."""
    return "hashlib"


def hash_leaves(entries: Sequence[bytes]) -> bytes:
    """Return the leaf hashes of `entries`, joined."""
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\x00" + entry).digest() for entry in entries])


def bundle_leaf_hashes(bundle: bytes, width: int) -> bytes:
    """Return the leaf hashes of a bundle of `width` entries, joined.

    Raises FormatError if the bundle does not hold exactly these.
    """
    return hash_leaves(parse_bundle(bundle, width))


def split_hashes(joined: bytes) -> list[bytes]:
    """Return joined hashes one by one; ValueError for other lengths."""
    if len(joined) % HASH_SIZE:
        raise ValueError(f"{len(joined)} bytes are no hashes")
    return [joined[at : at + HASH_SIZE] for at in range(0, len(joined), HASH_SIZE)]


def hash_pairs(nodes: bytes) -> bytes:
    """Return the parents of n x 2 hashes, joined; ValueError for other lengths."""
    if len(nodes) % (2 * HASH_SIZE):
        raise ValueError(f"{len(nodes)} bytes are no pairs of hashes")
    sha256 = hashlib.sha256
    return b"".join(
        [
            sha256(b"\x01" + nodes[at : at + 64]).digest()
            for at in range(0, len(nodes), 64)
        ]
    )


def subtree_roots(hashes: bytes) -> bytes:
    """Return the roots of whole tiles, joined; ValueError for other lengths."""
    if len(hashes) % FULL_TILE_BYTES:
        raise ValueError(f"{len(hashes)} bytes are no whole tiles")
    for _ in range(8):
        hashes = hash_pairs(hashes)
    return hashes


def tile_levels(hashes: bytes) -> list[bytes]:
    """Return the complete nodes above up to 256 hashes, bottom up, themselves first.

    Level k holds width >> k nodes; nodes that are not complete are left out.
    """
    if len(hashes) % HASH_SIZE or len(hashes) > FULL_TILE_BYTES:
        raise ValueError(f"{len(hashes)} bytes are no tile")
    levels = [hashes]
    while len(levels[-1]) >= 2 * HASH_SIZE:
        below = levels[-1]
        levels.append(hash_pairs(below[: len(below) // 64 * 64]))
    return levels


def root(hashes: bytes) -> bytes:
    """Return the root over n hashes, by RFC 6962; ValueError for other lengths.

    A last node that may itself stand for an incomplete subtree is fine.
    """
    if len(hashes) % HASH_SIZE:
        raise ValueError(f"{len(hashes)} bytes are no hashes")
    if not hashes:
        return EMPTY_ROOT
    while len(hashes) > HASH_SIZE:
        paired = len(hashes) // 64 * 64
        # A node without a sibling goes up as it is.
        hashes = hash_pairs(hashes[:paired]) + hashes[paired:]
    return hashes
