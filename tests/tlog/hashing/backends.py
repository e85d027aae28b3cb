"""The backends of this machine, one by one, for the tests of hashing.

What is expected of all of them is computed once.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import pytest

from tlog.hashing.backend import Backend
from tlog.hashing.built import make_native
from tlog.hashing.choice import NAMES, available
from tlog.hashing.plain import PlainBackend

HERE = available()
NATIVE = [name for name in HERE if name != "hashlib"]

ABSENT = pytest.mark.skip(reason="not on this machine, or not built")

each_backend = pytest.mark.parametrize("name", HERE)
"""Every backend that this machine has."""

each_kernel = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in NATIVE else ABSENT)
        for name in NAMES
        if name != "hashlib"
    ],
)
"""Every kernel; those that this machine or this build lacks are seen to be skipped."""


def backend_of(name: str, threads: int = 1) -> Backend:
    """Return a backend by its name."""
    return PlainBackend() if name == "hashlib" else make_native(name, threads)


def sha256(content: bytes) -> bytes:
    """Return one digest, by `hashlib`."""
    return hashlib.sha256(content).digest()


@lru_cache(maxsize=16)
def pseudo_random(size: int, seed: str = "tests of hashing") -> bytes:
    """Return bytes that look random and are always the same."""
    return hashlib.shake_128(seed.encode()).digest(size)


def leaf_hashes(entries: Sequence[bytes]) -> bytes:
    """Return leaf hashes, joined, by `hashlib`."""
    return b"".join(sha256(b"\x00" + entry) for entry in entries)


@lru_cache(maxsize=32)
def parents(nodes: bytes) -> bytes:
    """Return the hashes of whole pairs, joined, by `hashlib`."""
    return b"".join(
        sha256(b"\x01" + nodes[at : at + 64]) for at in range(0, len(nodes), 64)
    )
