"""How long a submitter waits for the proof, at 1,000 entries a second."""

from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving

QUESTION: Final = (
    "How long does a submitter wait for the proof, at 1,000 entries a second?"
)
METHOD: Final = """
    An open loop: entries arrive at random (a Poisson process) at 1,000 a second,
    whether or not earlier ones are answered, over 64 connections.  A latency runs from
    the moment that an entry was due, so that a stall counts for all that came during
    it, to the whole answer: durable, signed, with its proof.  The first second does not
    count.  The load generator's timer ticks once a millisecond: half of one on average
    is its own.
"""
CONNECTIONS: Final = 64
BUDGET_MS: Final = {"p50": 5.0, "p99": 30.0}


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("seconds", 30, 5), ("rate", 1_000, 1_000))
    names = ("p50", "p90", "p99", "p99.9", "max")
    found: dict[str, list[float]] = {name: [] for name in names}
    achieved: list[float] = []
    for nth in range(given.runs):
        entries = given.seconds * given.rate
        with scratch_folder() as folder, serving(folder) as log:
            summary = log.load(
                "arrive",
                f"--entries={entries}",
                f"--rate={given.rate}",
                connections=CONNECTIONS,
                seed=nth,
            )
        for name in names:
            found[name].append(summary[f"latency_ms.{name}"])
        achieved.append(summary["entries"] / summary["seconds"])
        assert achieved[-1] > 0.95 * given.rate, "the log fell behind what was offered"
    Result(
        name="bench_latency",
        question=QUESTION,
        method=METHOD,
        measures=[
            *(
                Measure(
                    f"submit to proof, {given.rate:,}/s offered, {name}",
                    "ms",
                    found[name],
                    BUDGET_MS.get(name),
                    True,
                )
                for name in names
            ),
            Measure("answered", "/s", achieved),
        ],
        settings={"seconds": given.seconds, "connections": CONNECTIONS},
        is_quick=given.quick,
    ).finish()


if __name__ == "__main__":
    main()
