"""The hashes of a tree, by `hashlib`.

A leaf and a node start with different bytes, so that no node can pass for a leaf.

Source: RFC 6962, 2.1 (the same as RFC 9162, 2.1.1).
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NewType, cast

Hash = NewType("Hash", bytes)
"""A SHA-256 digest: always 32 bytes.

A cast stands only where a digest was just computed or a length just checked; everybody
else asks `to_hash`, `hash_at` or `split_hashes`.
"""

HASH_SIZE: Final = 32

DIGEST_BYTES: Final[Mapping[str, int]] = {"sha256": 32, "sha384": 48, "sha512": 64}
"""By which algorithms artifacts and documents are named, and how long a digest is."""

EMPTY_ROOT: Final = Hash(hashlib.sha256(b"").digest())
"""The root of the tree without leaves."""


def to_hash(digest: bytes) -> Hash:
    """Return `digest` as a Hash; ValueError unless it has 32 bytes."""
    if len(digest) != HASH_SIZE:
        raise ValueError(f"a hash has {HASH_SIZE} bytes, not {len(digest)}")
    return Hash(bytes(digest))


def hash_at(joined: bytes, nth: int) -> Hash:
    """Return the nth of joined hashes, from 0 on; ValueError if it is not there."""
    start = nth * HASH_SIZE
    found = joined[start : start + HASH_SIZE]
    if len(found) != HASH_SIZE or nth < 0:
        raise ValueError(f"{len(joined)} bytes of hashes have no number {nth}")
    return Hash(found)


def split_hashes(joined: bytes) -> list[Hash]:
    """Return joined hashes one by one; ValueError for other lengths."""
    if len(joined) % HASH_SIZE:
        raise ValueError(f"{len(joined)} bytes are no hashes")
    starts = range(0, len(joined), HASH_SIZE)
    # One cast for all: a call for each hash costs half as much again.
    return cast(list[Hash], [joined[at : at + HASH_SIZE] for at in starts])


def leaf_hash(entry: bytes) -> Hash:
    """Return the hash of a leaf that holds `entry`."""
    return Hash(hashlib.sha256(b"\x00" + entry).digest())


def node_hash(left: bytes, right: bytes) -> Hash:
    """Return the hash of the node above two 32-byte hashes."""
    return Hash(hashlib.sha256(b"\x01" + left + right).digest())


def hash_level(nodes: list[Hash]) -> list[Hash]:
    """Return the parents of `nodes`, two by two; a last one alone stays as it is."""
    pair, sha256 = iter(nodes), hashlib.sha256
    parents = [
        sha256(b"\x01" + left + right).digest()
        for left, right in zip(pair, pair, strict=False)
    ]
    return cast(list[Hash], [*parents, nodes[-1]] if len(nodes) % 2 else parents)
