"""What each hashing backend does a second, at each size of a batch.

All backends get the same input, and what they return is compared with what `hashlib`
makes of it, before it is timed.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Final, NamedTuple

from benchmarks.pace import calls_per_cpu_s, calls_per_wall_s
from benchmarks.records import make_entries
from tlog.hashing.backend import Backend
from tlog.hashing.built import make_native
from tlog.hashing.plain import PlainBackend
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import FULL_TILE_BYTES, TILE_WIDTH

PEAK: Final = 4_096
"""The batch whose rate is the one that is named where no batch is."""

THREADS: Final = 2
THREADED: Final = 4 * PEAK

NODES: Final = "nodes"
LEAVES: Final = "leaves"
BUNDLES: Final = "bundles"
TILES: Final = "tiles"
RANGES: Final = "entries of ranges"
BOTH_CORES: Final = f"nodes, {THREADS} threads"

_PAIR: Final = 2 * HASH_SIZE
_TILES: Final = (1, 64)
_RANGE_BUNDLES: Final = 64
_TILE_NODES: Final = TILE_WIDTH - 1
_NODE_BATCHES: Final = (1, 2, 4, 8, 16, 64, _TILE_NODES, PEAK)
_LEAF_BATCHES: Final = (1, 8, 64, TILE_WIDTH, PEAK)


class Point(NamedTuple):
    """What a rate is of.  batch: the nodes or leaves of one call."""

    backend: str
    work: str
    batch: int


@dataclass(frozen=True, slots=True)
class Inputs:
    """Nodes and entries, at least PEAK of each, and their hashes by `hashlib`."""

    nodes: bytes
    parents: bytes
    entries: list[bytes]
    leaf_hashes: bytes


def make_inputs(nodes: int, entries: int) -> Inputs:
    """Return so many random pairs of hashes, and so many entries."""
    pairs = random.Random(5).randbytes(_PAIR * nodes)
    leaves = list(make_entries(entries, seed=5))
    plain = PlainBackend()
    return Inputs(pairs, plain.hash_pairs(pairs), leaves, plain.hash_leaves(leaves))


def make_backend(name: str, threads: int = 1) -> Backend:
    """Return one of the backends that this machine has."""
    return PlainBackend() if name == PlainBackend.name else make_native(name, threads)


def measure_backend(name: str, inputs: Inputs, seconds: float) -> dict[Point, float]:
    """Return all rates of one backend, in nodes or leaves a second.

    seconds: for each.
    """
    backend = make_backend(name)
    return {
        **_nodes(backend, inputs, seconds),
        **_leaves(backend, inputs, seconds),
        **_tiles(backend, inputs, seconds),
        **_ranges(backend, inputs, seconds),
        **_threaded(name, inputs, seconds),
    }


def _nodes(backend: Backend, inputs: Inputs, seconds: float) -> dict[Point, float]:
    rates = {}
    for batch in (*_NODE_BATCHES, len(inputs.nodes) // _PAIR):
        hash_once = partial(backend.hash_pairs, inputs.nodes[: _PAIR * batch])
        assert hash_once() == inputs.parents[: HASH_SIZE * batch], backend.name
        rate = _items_per_s(hash_once, batch, seconds, calls_per_cpu_s)
        rates[Point(backend.name, NODES, batch)] = rate
    return rates


def _leaves(backend: Backend, inputs: Inputs, seconds: float) -> dict[Point, float]:
    rates = {}
    for batch in (*_LEAF_BATCHES, len(inputs.entries)):
        hash_once = partial(backend.hash_leaves, inputs.entries[:batch])
        assert hash_once() == inputs.leaf_hashes[: HASH_SIZE * batch], backend.name
        rate = _items_per_s(hash_once, batch, seconds, calls_per_cpu_s)
        rates[Point(backend.name, LEAVES, batch)] = rate
    bundle = encode_bundle(inputs.entries[:TILE_WIDTH])
    hash_once = partial(backend.bundle_leaf_hashes, bundle, TILE_WIDTH)
    assert hash_once() == inputs.leaf_hashes[:FULL_TILE_BYTES], backend.name
    rate = _items_per_s(hash_once, TILE_WIDTH, seconds, calls_per_cpu_s)
    rates[Point(backend.name, BUNDLES, TILE_WIDTH)] = rate
    return rates


def _tiles(backend: Backend, inputs: Inputs, seconds: float) -> dict[Point, float]:
    rates = {}
    for tiles in _TILES:
        hashes = inputs.nodes[: FULL_TILE_BYTES * tiles]
        hash_once = partial(backend.subtree_roots, hashes)
        assert hash_once() == PlainBackend().subtree_roots(hashes), backend.name
        batch = _TILE_NODES * tiles
        rate = _items_per_s(hash_once, batch, seconds, calls_per_cpu_s)
        rates[Point(backend.name, TILES, batch)] = rate
    return rates


def _ranges(backend: Backend, inputs: Inputs, seconds: float) -> dict[Point, float]:
    count = min(len(inputs.entries) // TILE_WIDTH, _RANGE_BUNDLES)
    starts = range(0, count * TILE_WIDTH, TILE_WIDTH)
    bundles = [encode_bundle(inputs.entries[at : at + TILE_WIDTH]) for at in starts]
    expected = PlainBackend().root(inputs.leaf_hashes[: count * FULL_TILE_BYTES])

    def verify() -> bytes:
        leaves = [backend.bundle_leaf_hashes(it, TILE_WIDTH) for it in bundles]
        root = backend.root(backend.subtree_roots(b"".join(leaves)))
        assert root == expected, backend.name
        return root

    batch = count * TILE_WIDTH
    rate = _items_per_s(verify, batch, seconds, calls_per_cpu_s)
    return {Point(backend.name, RANGES, batch): rate}


def _threaded(name: str, inputs: Inputs, seconds: float) -> dict[Point, float]:
    backend = make_backend(name, THREADS)
    rates = {}
    if backend.threads == THREADS:
        for batch in (THREADED, len(inputs.nodes) // _PAIR):
            hash_once = partial(backend.hash_pairs, inputs.nodes[: _PAIR * batch])
            assert hash_once() == inputs.parents[: HASH_SIZE * batch], name
            rate = _items_per_s(hash_once, batch, seconds, calls_per_wall_s)
            rates[Point(name, BOTH_CORES, batch)] = rate
    return rates


def _items_per_s(
    hash_once: Callable[[], bytes],
    batch: int,
    seconds: float,
    calls_per_s: Callable[[Callable[[], object], float], float],
) -> float:
    """Return the nodes or leaves a second; `batch` of them are in one call.

    Small batches are called often between two readings of the clock.
    """
    times = max(1, PEAK // batch)

    def work() -> None:
        for _ in repeat(None, times):
            hash_once()

    return calls_per_s(work, seconds) * times * batch
