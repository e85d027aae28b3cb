"""Whether the log is as fast, and as small in memory, when it has become large."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks.plot import Line, write_plot
from benchmarks.records import ENTRY_BYTES, SEARCH_KEYS
from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, folder_bytes, scratch_folder, serving
from tlogverify.tiles import TILE_WIDTH

QUESTION: Final = "Is the 10th million entries as fast as the 1st, in as little memory?"
METHOD: Final = """
    One log, one server process, from empty to its full size over HTTP, in ten equal
    parts: 4 connections of one other process, requests of 1,000 entries.  Each part's
    speed runs from its first request to its last answer; memory (VmRSS) is read when
    the part is published and indexed.  A machine's own pace differs more from minute to
    minute than a log's, so the last part is written in ten slices by turns with the
    first of another log, which is new, by a server process of its own.  Then both
    answer over 64 connections: a proof of one entry of each tile, which is a second's
    work of the new log and no more; the large log the same once more; and then, by
    turns and 14 times, single entries, random proofs of the newest part and random
    proofs of all entries.  Turns are short, and the log that begins changes, because
    the machine's own pace does.  Of one part nearly all tiles are kept in
    memory, of ten hardly any.  A ratio is of the time that all slices of one log took
    to that of the other's, or of each turn's; CPU is the server process's.  Disk: the
    blocks of all files after the server has stopped.  Then a new server process on
    that folder answers random proofs, and its memory is read again.
"""
CONNECTIONS: Final = 4
READERS: Final = 64
BATCH: Final = 1_000
PARTS: Final = 10
TURNS: Final = 14
MEMORY_MIB: Final = 300
DISK_BYTES: Final = 1.2 * (ENTRY_BYTES + 40 + 50 * SEARCH_KEYS)
RATIO: Final = 0.8


@dataclass(frozen=True, slots=True)
class Spent:
    """What some work on a log took: seconds until answered and settled, and CPU."""

    seconds: float
    settled_s: float
    cpu_s: float


@dataclass(slots=True)
class Grown:
    """A log that grows by one load after the other, each with a seed of its own."""

    log: RunningLog
    size: int = 0
    seeds: Iterator[int] = field(default_factory=count)

    def grow(self, entries: int, batch: int, connections: int) -> Spent:
        """Submit so many, in requests of `batch`."""
        before_s = self.log.cpu_s
        arguments = (f"--entries={entries}", f"--batch={batch}")
        seed = next(self.seeds)
        found = self.log.load("submit", *arguments, connections=connections, seed=seed)
        assert (found["start"], found["end"]) == (self.size, self.size + entries)
        self.size += entries
        cpu_s = self.log.cpu_s - before_s
        return Spent(found["seconds"], found["settled_seconds"], cpu_s)


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured.

    batches: of each turn, the large log's and the new one's.  ratios: of each kind of
    request, the large log's speed to the new one's by turns.  first_proofs_per_s: the
    large log's rate of proofs that are the first of their tile, and the new one's.
    """

    series: list[dict[str, float]]
    batches: list[tuple[Spent, Spent]]
    ratios: dict[str, list[float]]
    first_proofs_per_s: tuple[float, float]
    serving_mib: float
    disk: dict[str, float]


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 10_000_000, 200_000))
    part = given.entries // PARTS
    singles, proofs = (400, 1_000) if given.quick else (7_000, 20_000)
    found = _measure(part, singles, proofs)
    result = Result(
        name="bench_growth",
        question=QUESTION,
        method=METHOD,
        measures=_measures(found, part),
        settings={
            "entries": part * PARTS,
            "batch": BATCH,
            "connections": CONNECTIONS,
            "entry_bytes": ENTRY_BYTES,
            "search_keys": SEARCH_KEYS,
            "single_entries": TURNS * singles,
            "proofs": TURNS * proofs,
        },
        is_quick=given.quick,
        series=found.series,
    )
    result.finish()
    write_plot(
        result.path.with_suffix(".svg"),
        "entries in the log, millions",
        [
            Line("durable entries a second", _points(found.series, "entries_per_s")),
            Line("resident memory, MiB", _points(found.series, "resident_mib")),
        ],
    )


def _measure(part: int, singles: int, proofs: int) -> Found:
    """Grow a log to ten parts, and ask it and a new one by turns; how often of each."""
    with scratch_folder() as folder, scratch_folder() as other:
        with serving(folder) as log, serving(other) as new:
            large, small = Grown(log), Grown(new)
            series = [_grow(large, part) for _ in range(PARTS - 1)]
            batches = [
                (_batches(large, part // PARTS), _batches(small, part // PARTS))
                for _ in range(PARTS)
            ]
            series.append(_figures(large, part, [it for it, _ in batches]))
            first_proofs_per_s = _once_a_tile(large), _once_a_tile(small)
            # What is pushed out of memory once more is kept in the scratch file.
            _once_a_tile(large)
            ratios = {
                "single entries": _ratios(
                    large, small, lambda it, _: it.grow(singles, 1, READERS).seconds
                ),
                "proofs of the newest part": _ratios(
                    large,
                    small,
                    lambda it, nth: _proofs_s(it, proofs, it.size - part, nth),
                ),
                "proofs of all entries": _ratios(
                    large, small, lambda it, nth: _proofs_s(it, proofs, 0, nth)
                ),
            }
        disk = _bytes_per_entry(folder, large.size)
        with serving(folder) as log:
            # As many proofs as fill the tile cache many times over.
            many = 200_000 if proofs > 1_000 else 20_000
            _proofs_s(Grown(log, large.size), many, 0, 0)
            return Found(
                series, batches, ratios, first_proofs_per_s, log.resident_mib, disk
            )


def _measures(found: Found, part: int) -> list[Measure]:
    series, size = found.series, part * PARTS
    last, first = (_total(it) for it in zip(*found.batches, strict=True))
    first_of_large, first_of_new = found.first_proofs_per_s
    growing_mib = [max(it["resident_mib"] for it in series)]
    return [
        Measure(
            "the last tenth's speed to a new log's first",
            "x",
            [first.seconds / last.seconds],
            RATIO,
        ),
        Measure(
            "the same, published and searchable too",
            "x",
            [first.settled_s / last.settled_s],
            RATIO,
        ),
        Measure(
            "the same, CPU an entry", "x", [last.cpu_s / first.cpu_s], 1 / RATIO, True
        ),
        *(
            Measure(f"{what}, the large log's speed to the new one's", "x", it, RATIO)
            for what, it in found.ratios.items()
        ),
        Measure(
            "proofs that are the first of their tile, of the large log",
            "/s",
            [first_of_large],
        ),
        Measure(
            "the same, the large log's speed to the new one's",
            "x",
            [first_of_large / first_of_new],
        ),
        Measure(f"speed, entries 1 to {part:,}", "/s", [series[0]["entries_per_s"]]),
        Measure(f"speed, the last {part:,}", "/s", [series[-1]["entries_per_s"]]),
        Measure(
            f"resident memory while growing to {size:,}",
            "MiB",
            growing_mib,
            MEMORY_MIB,
            True,
        ),
        Measure(
            f"resident memory, serving {size:,}",
            "MiB",
            [found.serving_mib],
            MEMORY_MIB,
            True,
        ),
        *_disk_measures(found.disk),
    ]


def _grow(large: Grown, part: int) -> dict[str, float]:
    """Add one part, and return what it was like."""
    return _figures(large, part, [_batches(large, part)])


def _figures(large: Grown, part: int, slices: Sequence[Spent]) -> dict[str, float]:
    spent = _total(slices)
    found = {
        "size": large.size,
        "entries_per_s": part / spent.seconds,
        "settled_per_s": part / spent.settled_s,
        "resident_mib": large.log.resident_mib,
        "cpu_us_per_entry": spent.cpu_s / part * 1e6,
    }
    print("  " + "  ".join(f"{name} {it:,.0f}" for name, it in found.items()))
    return found


def _batches(it: Grown, entries: int) -> Spent:
    return it.grow(entries, BATCH, CONNECTIONS)


def _ratios(
    large: Grown, small: Grown, work: Callable[[Grown, int], float]
) -> list[float]:
    """Return the speed of the large log to the small one's, of some turns.

    work: returns how many seconds the nth turn's took.
    """
    ratios = []
    for nth in range(TURNS):
        taken_s = {it is large: work(it, nth) for it in _by_turns(large, small, nth)}
        ratios.append(taken_s[False] / taken_s[True])
    return ratios


def _by_turns(large: Grown, small: Grown, nth: int) -> tuple[Grown, Grown]:
    return (large, small) if nth % 2 == 0 else (small, large)


def _proofs_s(it: Grown, proofs: int, start: int, order: int) -> float:
    which = (f"--start={start}", f"--size={it.size}", f"--order={order}")
    found = it.log.load("prove", f"--proofs={proofs}", *which, connections=READERS)
    return found["seconds"]


def _once_a_tile(it: Grown) -> float:
    """Return the rate of proofs, one of each tile."""
    which = ("--once-a-tile", f"--proofs={it.size // TILE_WIDTH}")
    found = it.log.load("prove", *which, f"--size={it.size}", connections=READERS)
    return found["proofs"] / found["seconds"]


def _total(slices: Sequence[Spent]) -> Spent:
    return Spent(
        sum(it.seconds for it in slices),
        sum(it.settled_s for it in slices),
        sum(it.cpu_s for it in slices),
    )


def _points(series: list[dict[str, float]], name: str) -> list[tuple[float, float]]:
    return [(it["size"] / 1e6, it[name]) for it in series]


def _bytes_per_entry(folder: Path, size: int) -> dict[str, float]:
    """Return the disk bytes of each part of the folder, for each entry."""
    public = folder / "public"
    entries = folder_bytes(public / "tile" / "entries")
    found = {
        "entries": entries,
        "tiles": folder_bytes(public / "tile") - entries,
        "index": folder_bytes(folder / "index"),
        "journal": sum(folder_bytes(it) for it in folder.glob("journal.db*")),
    }
    return {name: count / size for name, count in found.items()}


def _disk_measures(disk: dict[str, float]) -> list[Measure]:
    return [
        Measure("disk", "B/entry", [sum(disk.values())], DISK_BYTES, True),
        *(
            Measure(f"disk, {name}", "B/entry", [count], None, True)
            for name, count in disk.items()
        ),
    ]


if __name__ == "__main__":
    main()
