"""What more cores than the machine has would do, by arithmetic on CPU figures.

A node, or a front end, is one process whose Python code runs under one lock, so it is
given one core.
Its C code (hashes, index, requests to the store) runs beside that lock, which makes a
computed rate a floor.  Whatever is no CPU, such as a network, a disk that is slower
than its share, or memory that cores share, is not in it.
"""

from typing import Final

CORES: Final = 16
_OTHERS: Final = {
    "1 node": 0,
    "2 nodes": 1,
    "4 nodes": 3,
    "2 front ends": 2,
    "4 front ends": 4,
    "2 front ends, 512 connections": 2,
    "4 front ends, 512 connections": 4,
}
"""The processes of each scenario beside the one that writes."""

_WRITING: Final = ("node that writes", "process that writes")
_SHARING: Final = ("node that forwards", "nodes that read along", "front ends")


def computed(found: dict[str, list[float]], batch: int) -> dict[str, list[float]]:
    """Return the rates for CORES, run by run, from the costs of an entry."""
    rates: dict[str, list[float]] = {}
    for name, others in _OTHERS.items():
        load = f"{name}, {batch:,} a request"
        costs = _costs_us(found, load)
        if not costs:
            continue
        rates[f"{load}, computed for {CORES} cores"] = [
            1e6 / max(_busiest_us(it, others), sum(it.values()) / CORES) for it in costs
        ]
    return rates


def _costs_us(found: dict[str, list[float]], load: str) -> list[dict[str, float]]:
    """Return what each part spends on an entry, for each run."""
    start, end = f"{load}: CPU of the ", " for an entry"
    parts = {
        what.removeprefix(start).removesuffix(end): runs
        for what, runs in found.items()
        if what.startswith(start)
    }
    return [
        dict(zip(parts, run, strict=True)) for run in zip(*parts.values(), strict=True)
    ]


def _busiest_us(costs_us: dict[str, float], others: int) -> float:
    """Return what an entry costs the process that has most to do.

    The others share the load: each forwards its part of it, and nodes read the rest
    along.
    """
    writing = sum(costs_us.get(it, 0.0) for it in _WRITING)
    sharing = sum(costs_us.get(it, 0.0) for it in _SHARING)
    return max(writing, sharing / others if others else 0.0)
