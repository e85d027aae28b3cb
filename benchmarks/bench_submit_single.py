"""Durable entries a second, one in each request."""

from typing import Final, NamedTuple

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving

QUESTION: Final = "How many entries a second become durable, one in each request?"
METHOD: Final = """
    A new log for each run and load.  Connections of one other process send one entry in
    each request, each the next when its last is answered: 64 of them, and 1,024, opened
    one after the other and all at once.  From the first request to the last answer;
    latency from submit to proof.  Every answer is 201 with its proof.
"""
_WARM_UP: Final = 2_000


class Load(NamedTuple):
    """How requests come.  at_once: all connections are opened together."""

    connections: int
    at_once: bool

    @property
    def said(self) -> str:
        """Return what the figures of this load are called by."""
        opened = ", opened at once" if self.at_once else ""
        return f"{self.connections:,} connections{opened}"


class Figures(NamedTuple):
    """What one run of a load gave."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


LOADS: Final = (
    Load(64, at_once=False),
    Load(1_024, at_once=False),
    Load(1_024, at_once=True),
)
_BUDGET: Final = 10_000


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 50_000, 5_000))
    measures: list[Measure] = []
    for load in LOADS:
        runs = [measure(load, given.entries, nth) for nth in range(given.runs)]
        measures += [
            Measure(load.said, "/s", [it.rate for it in runs], _BUDGET),
            Measure(f"{load.said}: p50", "ms", [it.p50_ms for it in runs], None, True),
            Measure(f"{load.said}: p99", "ms", [it.p99_ms for it in runs], None, True),
            Measure(
                f"{load.said}: server CPU for an entry",
                "us",
                [it.cpu_us for it in runs],
                None,
                lower_is_better=True,
            ),
        ]
    Result(
        name="bench_submit_single",
        question=QUESTION,
        method=METHOD,
        measures=measures,
        settings={"entries": given.entries, "batch": 1},
        is_quick=given.quick,
    ).finish()


def measure(load: Load, entries: int, nth: int) -> Figures:
    """Put one load on a new log."""
    with scratch_folder() as folder, serving(folder) as log:
        warm_up = (f"--entries={_WARM_UP}", "--batch=1")
        log.load("submit", *warm_up, connections=64, seed=1_000 + nth)
        before_s = log.cpu_s
        arguments = [f"--entries={entries}", "--batch=1"]
        arguments += ["--at-once"] if load.at_once else []
        flags = {"connections": load.connections, "seed": nth}
        summary = log.load("submit", *arguments, **flags)
        assert summary["entries"] == entries
        used_s = log.cpu_s - before_s
    return Figures(
        entries / summary["seconds"],
        summary["latency_ms.p50"],
        summary["latency_ms.p99"],
        used_s / entries * 1e6,
    )


if __name__ == "__main__":
    main()
