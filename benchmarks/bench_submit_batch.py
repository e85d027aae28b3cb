"""Durable entries a second, in requests of 1,000."""

from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving

QUESTION: Final = "How many entries a second become durable, in requests of 1,000?"
METHOD: Final = """
    A new log for each run; 4 connections of one other process send requests of 1,000
    entries each, made before the clock starts, each the next when its last is answered.
    From the first request to the last answer; every answer is 201 with the proofs.  The
    second figure ends when all of it is published and can be searched too.
"""
BATCH: Final = 1_000
CONNECTIONS: Final = 4


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 500_000, 50_000))
    rates: list[float] = []
    settled: list[float] = []
    p50: list[float] = []
    p99: list[float] = []
    cpu_us: list[float] = []
    for nth in range(given.runs):
        with scratch_folder() as folder, serving(folder) as log:
            # Not counted: code paths, connections and caches come to life.
            log.load("submit", "--entries=5000", f"--batch={BATCH}", seed=1000 + nth)
            before_s = log.cpu_s
            arguments = (f"--entries={given.entries}", f"--batch={BATCH}")
            flags = {"connections": CONNECTIONS, "seed": nth}
            summary = log.load("submit", *arguments, **flags)
            assert summary["entries"] == given.entries
            used_s = log.cpu_s - before_s
        rates.append(given.entries / summary["seconds"])
        settled.append(given.entries / summary["settled_seconds"])
        p50.append(summary["latency_ms.p50"])
        p99.append(summary["latency_ms.p99"])
        cpu_us.append(used_s / given.entries * 1e6)
    Result(
        name="bench_submit_batch",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("durable entries, batches of 1,000", "/s", rates, 100_000),
            Measure("the same, published and searchable too", "/s", settled),
            Measure("request of 1,000 to proof, p50", "ms", p50, None, True),
            Measure("request of 1,000 to proof, p99", "ms", p99, 200, True),
            Measure("server CPU for an entry", "us", cpu_us, None, True),
        ],
        settings={"entries": given.entries, "batch": BATCH, "connections": CONNECTIONS},
        is_quick=given.quick,
    ).finish()


if __name__ == "__main__":
    main()
