"""Durable entries a second, one in each request."""

from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving

QUESTION: Final = "How many entries a second become durable, one in each request?"
METHOD: Final = """
    A new log for each run; 64 connections of one other process send one entry in each
    request, each the next when its last is answered.  From the first request to the
    last answer; every answer is 201 with its proof.
"""
CONNECTIONS: Final = 64


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 50_000, 5_000))
    rates: list[float] = []
    p50: list[float] = []
    p99: list[float] = []
    cpu_us: list[float] = []
    for nth in range(given.runs):
        with scratch_folder() as folder, serving(folder) as log:
            flags = {"connections": CONNECTIONS, "seed": 1000 + nth}
            log.load("submit", "--entries=2000", "--batch=1", **flags)
            before_s = log.cpu_s
            arguments = (f"--entries={given.entries}", "--batch=1")
            summary = log.load("submit", *arguments, connections=CONNECTIONS, seed=nth)
            assert summary["entries"] == given.entries
            used_s = log.cpu_s - before_s
        rates.append(given.entries / summary["seconds"])
        p50.append(summary["latency_ms.p50"])
        p99.append(summary["latency_ms.p99"])
        cpu_us.append(used_s / given.entries * 1e6)
    Result(
        name="bench_submit_single",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("durable entries, one per request", "/s", rates, 10_000),
            Measure("submit to proof at that load, p50", "ms", p50, None, True),
            Measure("submit to proof at that load, p99", "ms", p99, None, True),
            Measure("server CPU for an entry", "us", cpu_us, None, True),
        ],
        settings={"entries": given.entries, "batch": 1, "connections": CONNECTIONS},
        is_quick=given.quick,
    ).finish()


if __name__ == "__main__":
    main()
