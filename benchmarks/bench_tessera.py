"""Durable entries a second beside Tessera's, in one run and by one load generator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.peers.measure import go_version
from benchmarks.peers.tessera_log import build_tessera, serving_tessera
from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder, serving

QUESTION: Final = "What does a durable entry cost beside Tessera?"
METHOD: Final = """
    Tessera 1.0.4's POSIX log behind its conformance server's two routes, built from its
    Go module: as it comes (256 entries or a second a batch) and with batches of 10 ms.
    It answers an index; this log answers an index, after an exact look for duplicates,
    with the proof.  A new log for each line of each run; the same generator in another
    process sends one entry in each request, each connection the next when its last is
    answered.  Connections are opened one after the other, or all at once: then the
    rate counts the opening too.  CPU is the server's own, user and system.
"""
FEW: Final = 64
MANY: Final = 1_024


class Load(NamedTuple):
    """One line of a run: whose log, over how many connections, opened how."""

    who: str
    connections: int
    at_once: bool = False
    batch: int = 1
    flags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the line is called in the result."""
        how = ", at once" if self.at_once else ""
        size = f", batches of {self.batch:,}" if self.batch > 1 else ""
        tuned = " tuned" if self.flags else ""
        return f"{self.who}{tuned}, {self.connections:,} connections{how}{size}"


THEIRS: Final = Load("Tessera", MANY)
THEIRS_AT_ONCE: Final = Load("Tessera", MANY, at_once=True)
THEIRS_TUNED: Final = Load("Tessera", FEW, flags=("-batch-age=10ms",))
OURS: Final = Load("ours", MANY)
OURS_AT_ONCE: Final = Load("ours", MANY, at_once=True)
OURS_FEW: Final = Load("ours", FEW)
BATCHES: Final = Load("ours", 4, batch=1_000)

# Side by side, so that what the machine does to one it does to the other.
LOADS: Final = (
    THEIRS,
    OURS,
    THEIRS_AT_ONCE,
    OURS_AT_ONCE,
    THEIRS_TUNED,
    OURS_FEW,
    BATCHES,
)

# (ours, theirs, the rate at least, the CPU an entry at most, the p50 at most)
PAIRS: Final = (
    (OURS, THEIRS, 1.0, 1.1, None),
    (OURS_AT_ONCE, THEIRS_AT_ONCE, 1.0, 1.1, None),
    (OURS_FEW, THEIRS_TUNED, 2.0, None, 0.5),
    (BATCHES, THEIRS, 8.0, None, None),
)


class Found(NamedTuple):
    """What one line of one run came to."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 40_000, 4_000))
    found: dict[str, list[Found]] = {load.name: [] for load in LOADS}
    with scratch_folder() as scratch:
        program = build_tessera(scratch)
        for nth in range(given.runs):
            for load in LOADS:
                if load.who == "ours":
                    found[load.name].append(_ours(load, given.entries, nth))
                elif program is not None:
                    line = _theirs(program, load, given.entries, nth)
                    found[load.name].append(line)
    Result(
        name="bench_tessera",
        question=QUESTION,
        method=METHOD,
        measures=[*_measures(found), *_ratios(found)],
        settings={"entries": given.entries, "go": go_version()},
        is_quick=given.quick,
    ).finish()


def _ours(load: Load, entries: int, seed: int) -> Found:
    entries *= 10 if load.batch > 1 else 1
    with scratch_folder() as folder, serving(folder) as log:
        log.load("submit", "--entries=2000", "--batch=1", connections=FEW, seed=1000)
        before_s = log.cpu_s
        arguments = [f"--entries={entries}", f"--batch={load.batch}"]
        arguments += ["--at-once"] if load.at_once else []
        flags = {"connections": load.connections, "seed": seed}
        summary = log.load("submit", *arguments, **flags)
        return _found(load, summary, log.cpu_s - before_s)


def _theirs(program: Path, load: Load, entries: int, seed: int) -> Found:
    # With few connections each waits for the batch's time: fewer entries do.
    count = entries if load.connections == MANY else entries // 2
    with (
        scratch_folder() as folder,
        serving_tessera(program, folder, *load.flags) as log,
    ):
        log.add(2_000, MANY, "--seed=1000")
        before_s = log.cpu_s
        own = (f"--seed={seed}", f"--at-once={int(load.at_once)}")
        summary = log.add(count, load.connections, *own)
        return _found(load, summary, log.cpu_s - before_s)


def _found(load: Load, summary: dict[str, float], used_s: float) -> Found:
    opening_s = summary["opening_seconds"] if load.at_once else 0
    return Found(
        summary["entries"] / (summary["seconds"] + opening_s),
        used_s / summary["entries"] * 1e6,
        summary["latency_ms.p50"],
        summary["latency_ms.p99"],
    )


def _measures(found: dict[str, list[Found]]) -> Iterator[Measure]:
    for name, lines in found.items():
        if lines:
            yield Measure(f"{name}", "/s", [it.rate for it in lines])
            cpu_us = [it.cpu_us for it in lines]
            yield Measure(f"{name}: CPU an entry", "us", cpu_us, None, True)
            p50_ms = [it.p50_ms for it in lines]
            yield Measure(f"{name}: p50", "ms", p50_ms, None, True)
            # Tessera has no batches to compare with: this budget is in milliseconds.
            budget = 200 if name == BATCHES.name else None
            p99_ms = [it.p99_ms for it in lines]
            yield Measure(f"{name}: p99", "ms", p99_ms, budget, True)


def _ratios(found: dict[str, list[Found]]) -> Iterator[Measure]:
    if not found[PAIRS[0][1].name]:
        return
    for ours, theirs, rate, cpu, p50 in PAIRS:
        both = list(zip(found[ours.name], found[theirs.name], strict=True))
        what = f"{ours.name}, to {theirs.name}"
        if rate is not None:
            yield Measure(
                f"{what}: rate", "x", [a.rate / b.rate for a, b in both], rate
            )
        if cpu is not None:
            ratios = [a.cpu_us / b.cpu_us for a, b in both]
            yield Measure(f"{what}: CPU an entry", "x", ratios, cpu, True)
        if p50 is not None:
            ratios = [a.p50_ms / b.p50_ms for a, b in both]
            yield Measure(f"{what}: p50", "x", ratios, p50, True)


if __name__ == "__main__":
    main()
