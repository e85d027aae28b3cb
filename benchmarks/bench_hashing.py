"""Tree nodes and leaves hashed a second: each backend, each size of a batch.

In the same run, one message a call: hashlib in a bare loop, `openssl speed`, Go's x/mod
and transparency-dev/merkle, pymerkle.
"""

import hashlib
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.clock import INSTRUCTIONS, clock_hz, node_limit
from benchmarks.hash_rates import (
    BOTH_CORES,
    BUNDLES,
    LEAVES,
    NODES,
    PEAK,
    RANGES,
    THREADED,
    TILES,
    Inputs,
    Point,
    make_inputs,
    measure_backend,
)
from benchmarks.pace import calls_per_cpu_s
from benchmarks.peers.measure import (
    go_version,
    measure_go_hashing,
    measure_openssl,
    measure_pymerkle_hashing,
    openssl_version,
)
from benchmarks.plot import Line, write_log_plot
from benchmarks.records import ENTRY_BYTES
from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder
from tlog import hashing
from tlog.hashing.choice import available
from tlog.hashing.plain import PlainBackend

QUESTION: Final = "How many tree nodes and leaves are hashed a second, by each backend?"
METHOD: Final = """
    Random nodes, and entries of 263 bytes, the same ones over and over; what comes out
    is first compared with what hashlib makes of them.  One core is one thread by CPU
    time, two threads are by the wall clock.  Where no number is named, a call hashes
    4,096 nodes or leaves; "ours" is the backend that this machine uses by itself.  A
    tile is 255 nodes in 8 levels.  A range is verified from its 64 bundles to its root,
    as monitor, fsck and backup do it.  The result of 1,048,576 nodes is 32 MiB of new
    memory, whose pages the kernel makes at their first use; that counts.  Peers hash
    one message a call, and `openssl speed` one of 65 or 264 bytes: a node or a leaf
    with its prefix.  The limit is what the AVX-512 kernel could do if nothing ever
    waited: 3,214 vector instructions for 16 nodes, two started a cycle, as Intel's
    cores do, at the clock that a chain of additions had in the same run.  Zen 5 starts
    up to four, of which two rotate, so that the share of the limit can be above 1
    there.  The plot has one line for each backend: one core, medians.
"""
PLAIN: Final = PlainBackend.name
TITLES: Final = {
    "avx512": "AVX-512",
    "shani": "SHA-NI",
    "avx2": "AVX2",
    "armv8": "ARMv8",
    "portable": "plain C",
    PLAIN: "hashlib",
}
PEERS: Final = {
    "loop": "hashlib in a bare loop",
    "openssl": "openssl speed",
    "x/mod": "Go x/mod",
    "merkle": "Go transparency-dev/merkle",
    "pymerkle": "pymerkle",
}
BUDGETS: Final = {"avx512": (28_000_000, 11), "shani": (16_000_000, 6)}
"""Nodes a second, and how many times what hashlib does."""

RANGES_BUDGET: Final = 1_000_000

Rates = dict[Point, list[float]]


def main() -> None:
    """Measure, check, write, print."""
    given = options(
        QUESTION,
        ("nodes", 1 << 20, 1 << 16),
        ("entries", 1 << 20, PEAK),
        ("milliseconds", 200, 20),
    )
    seconds = given.milliseconds / 1_000
    names = available()
    inputs = make_inputs(given.nodes, given.entries)
    rates: Rates = {}
    others: dict[str, list[float]] = {}
    with scratch_folder() as scratch:
        for _ in range(given.runs):
            clock = clock_hz(scratch) if "avx512" in names else None
            for name in names:
                for point, rate in measure_backend(name, inputs, seconds).items():
                    rates.setdefault(point, []).append(rate)
            found = _peers(inputs, scratch, seconds)
            if clock is not None:
                found["clock"] = clock
            for peer, rate in found.items():
                others.setdefault(peer, []).append(rate)
    result = Result(
        name="bench_hashing",
        question=QUESTION,
        method=METHOD,
        measures=[
            *_backend_measures(rates, names),
            *_call_measures(rates, hashing.backend(), given.nodes),
            *_limit_measures(rates, others.pop("clock", [])),
            *_peer_measures(rates, others, hashing.backend()),
        ],
        settings={
            "nodes": given.nodes,
            "entries": given.entries,
            "entry_bytes": ENTRY_BYTES,
            "milliseconds": given.milliseconds,
            "backend": hashing.backend(),
            "absent": [name for name in TITLES if name not in names],
            "instructions": INSTRUCTIONS,
            "go": go_version(),
            "openssl": openssl_version(),
        },
        is_quick=given.quick,
        series=_series(rates),
    )
    result.finish()
    write_log_plot(
        result.path.with_suffix(".svg"),
        "nodes in one call",
        "millions of tree nodes a second, one core",
        [Line(TITLES[name], _points(rates, name)) for name in names],
    )


def _backend_measures(rates: Rates, names: Sequence[str]) -> list[Measure]:
    """Return what each backend does, and against hashlib."""
    measures = []
    for name in names:
        title = TITLES[name]
        nodes_budget, times_budget = BUDGETS.get(name, (None, None))
        nodes = rates[Point(name, NODES, PEAK)]
        leaves = rates[Point(name, LEAVES, PEAK)]
        measures.append(
            Measure(f"interior nodes, {title}, one core", "/s", nodes, nodes_budget)
        )
        if name != PLAIN:
            times = _ratios(nodes, rates[Point(PLAIN, NODES, PEAK)])
            what = f"interior nodes, {title}, against hashlib"
            measures.append(Measure(what, "x", times, times_budget))
        measures.append(Measure(f"leaves, {title}, one core", "/s", leaves))
        (ranges,) = (runs for it, runs in rates.items() if it[:2] == (name, RANGES))
        what = f"entries of ranges verified, {title}, one core"
        budget = RANGES_BUDGET if name == hashing.backend() != PLAIN else None
        measures.append(Measure(what, "/s", ranges, budget))
    return measures


def _call_measures(rates: Rates, ours: str, largest: int) -> list[Measure]:
    """Return what ours does in calls of other sizes and shapes."""
    tile, tiles = sorted(it for it in rates if it[:2] == (ours, TILES))
    share = _ratios(rates[tile], rates[Point(ours, NODES, PEAK)])
    bundles = rates[Point(ours, BUNDLES, 256)]
    measures = [
        Measure("one tile of 255 nodes against the peak rate", "x", share, 0.6),
        Measure("nodes, one tile a call, one core", "/s", rates[tile]),
        Measure("nodes, 64 tiles a call, one core", "/s", rates[tiles]),
        Measure("leaves, from a bundle of 256, one core", "/s", bundles),
    ]
    if ours != PLAIN:
        for work, one in ((NODES, "node"), (LEAVES, "leaf")):
            single, plain = rates[Point(ours, work, 1)], rates[Point(PLAIN, work, 1)]
            measures += [
                Measure(
                    f"one {one} a call against hashlib",
                    "x",
                    _ratios(single, plain),
                    1,
                ),
                Measure(f"{work}, one a call, one core", "/s", single),
            ]
        measures += [
            Measure(
                f"nodes, {batch:,} a call, two threads",
                "/s",
                rates[Point(ours, BOTH_CORES, batch)],
            )
            for batch in (THREADED, largest)
        ]
    return measures


def _limit_measures(rates: Rates, clocks: list[float]) -> list[Measure]:
    """Return how near AVX-512 comes to what the processor's ports allow."""
    if not clocks:
        return []
    limits = [node_limit(hz) for hz in clocks]
    share = _ratios(rates[Point("avx512", NODES, PEAK)], limits)
    return [
        Measure("clock of one core", "GHz", [hz / 1e9 for hz in clocks]),
        Measure("interior nodes, AVX-512, the limit", "/s", limits),
        Measure("interior nodes, AVX-512, share of the limit", "x", share),
    ]


def _peer_measures(
    rates: Rates, others: dict[str, list[float]], ours: str
) -> list[Measure]:
    """Return what the peers do that were run, and ours against each."""
    measures = []
    for work in (NODES, LEAVES):
        for peer, title in PEERS.items():
            theirs = others.get(f"{peer} {work}")
            if theirs:
                times = _ratios(rates[Point(ours, work, PEAK)], theirs)
                measures.append(Measure(f"{title}: {work}, one core", "/s", theirs))
                measures.append(Measure(f"ours to {title}: {work}", "x", times))
    return measures


def _peers(inputs: Inputs, scratch: Path, seconds: float) -> dict[str, float]:
    """Return the peers' rates: `peer work` to nodes or leaves a second."""
    go = measure_go_hashing(seconds, scratch) or {}
    found = {
        "loop": _bare_loop(inputs, seconds),
        "openssl": measure_openssl() or {},
        "pymerkle": measure_pymerkle_hashing(seconds) or {},
    }
    rates = {
        f"{peer} {work}": rate
        for peer, theirs in found.items()
        for work, rate in theirs.items()
    }
    return rates | go


def _bare_loop(inputs: Inputs, seconds: float) -> dict[str, float]:
    """Return what Python does with nothing around `hashlib`."""
    sha256 = hashlib.sha256
    pairs = [inputs.nodes[64 * nth : 64 * nth + 64] for nth in range(PEAK)]
    entries = inputs.entries[:PEAK]

    def nodes() -> None:
        for pair in pairs:
            sha256(b"\x01" + pair).digest()

    def leaves() -> None:
        for entry in entries:
            sha256(b"\x00" + entry).digest()

    return {
        NODES: calls_per_cpu_s(nodes, seconds) * PEAK,
        LEAVES: calls_per_cpu_s(leaves, seconds) * PEAK,
    }


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def _series(rates: Rates) -> list[dict[str, float]]:
    """Return all rates by batch: a backend's name alone is its nodes on one core."""
    rows: dict[int, dict[str, float]] = {}
    for point, runs in rates.items():
        name = point.backend
        if point.work != NODES:
            name += f", {point.work}"
        row = rows.setdefault(point.batch, {"batch": point.batch})
        row[name] = statistics.median(runs)
    return [rows[batch] for batch in sorted(rows)]


def _points(rates: Rates, backend: str) -> list[tuple[float, float]]:
    return [
        (point.batch, statistics.median(runs) / 1e6)
        for point, runs in rates.items()
        if (point.backend, point.work) == (backend, NODES)
    ]


if __name__ == "__main__":
    main()
