"""A log with front ends, as a scenario: what the one that writes and they spend, apart.

`bench_shared` measures it beside nodes; alone, `python -m benchmarks.shared_workers`
prints the figures of one run and writes nothing.
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.more_cores import CORES
from benchmarks.running import ORIGIN, RunningLog, cpu_of, scratch_folder, serving

LEADER: Final = "process that writes"
FRONTS: Final = "front ends"
WHOLE: Final = "process"

Parts = dict[str, Callable[[], float]]
"""Whose CPU seconds are told apart, by name."""


class Costs(NamedTuple):
    """CPU that an entry takes, in microseconds."""

    leader_us: float
    fronts_us: float

    def rate(self, fronts: int, cores: int = CORES) -> float:
        """Return the entries a second that the busiest part allows.

        Each process has one core, of which its Python code runs under one lock; the
        load generator stands elsewhere.
        """
        busiest_us = max(self.leader_us, self.fronts_us / fronts)
        return 1e6 / max(busiest_us, (self.leader_us + self.fronts_us) / cores)


@contextmanager
def workers(count: int, origin: str = ORIGIN) -> Iterator[tuple[RunningLog, Parts]]:
    """Run a log in a folder with so many front ends; 1 is one process for all."""
    with (
        scratch_folder() as folder,
        serving(folder / "log", f"--workers={count}", origin=origin) as log,
    ):
        if count == 1:
            yield log, {WHOLE: lambda: log.cpu_s}
            return
        pid = log.process.pid
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        # In the order in which they were forked.
        leader, *fronts = map(int, told.split())
        yield (
            log,
            {
                LEADER: lambda: cpu_of(leader),
                FRONTS: lambda: sum(map(cpu_of, fronts)),
            },
        )


class _Load(NamedTuple):
    """What is asked by so many connections; flags: of the load generator."""

    verb: str
    number: int
    flags: tuple[str, ...]
    connections: int


def main() -> None:
    """Measure once, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--singles", type=int, default=6_000)
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--proofs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    loads = [
        _submissions(given.singles, 1, 64),
        _submissions(given.singles, 1, 512),
        _submissions(given.entries, 1_000, 4),
        _Load("prove", given.proofs, (f"--proofs={given.proofs}",), 64),
    ]
    for count in given.workers:
        for load in loads:
            with workers(count) as (log, parts):
                _measure(count, log, parts, load)


def _submissions(entries: int, batch: int, connections: int) -> _Load:
    return _Load(
        "submit", entries, (f"--entries={entries}", f"--batch={batch}"), connections
    )


def _measure(count: int, log: RunningLog, parts: Parts, load: _Load) -> None:
    flags = load.flags
    warm = _submissions(2_000, 250, 8).flags
    log.load("submit", *warm, connections=8, seed=50)
    if load.verb == "prove":
        flags = (*flags, "--size=2000")
    before = {whose: cpu_s() for whose, cpu_s in parts.items()}
    summary = log.load(load.verb, *flags, connections=load.connections, seed=1)
    costs_us = {
        whose: (cpu_s() - before[whose]) / load.number * 1e6
        for whose, cpu_s in parts.items()
    }
    p50, p99 = (summary[f"latency_ms.{which}"] for which in ("p50", "p99"))
    told = ", ".join(f"{whose} {it:.1f} us" for whose, it in costs_us.items())
    print(
        f"workers {count}, {load.connections} connections, {' '.join(flags)}: "
        f"{load.number / summary['seconds']:,.0f}/s, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms; CPU of each: {told}"
    )
    if count > 1:
        costs = Costs(costs_us[LEADER], costs_us[FRONTS])
        rates = ", ".join(
            f"{fronts} front ends {costs.rate(fronts):,.0f}/s"
            for fronts in (2, 4, 8, 15)
        )
        print(f"    computed for {CORES} cores: {rates}")


if __name__ == "__main__":
    main()
