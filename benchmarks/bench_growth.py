"""Whether the log is as fast, and as small in memory, when it has become large."""

from pathlib import Path
from typing import Final

from benchmarks.plot import Line, write_plot
from benchmarks.records import ENTRY_BYTES, SEARCH_KEYS
from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, folder_bytes, scratch_folder, serving

QUESTION: Final = "Is the 10th million entries as fast as the 1st, in as little memory?"
METHOD: Final = """
    One log, one server process, from empty to its full size over HTTP, in ten equal
    parts: 4 connections of one other process, requests of 1,000 entries.  Each part's
    speed runs from its first request to its last answer; memory (VmRSS) is read when
    the part is published and indexed.  Disk: the blocks of all files after the server
    has stopped.  Then a new server process on that folder answers random inclusion
    proofs, and its memory is read again.
"""
CONNECTIONS: Final = 4
BATCH: Final = 1_000
PARTS: Final = 10
MEMORY_MIB: Final = 300
DISK_BYTES: Final = 1.2 * (ENTRY_BYTES + 40 + 50 * SEARCH_KEYS)


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 10_000_000, 200_000))
    part = given.entries // PARTS
    size = part * PARTS
    with scratch_folder() as folder:
        with serving(folder) as log:
            series = [_grow(log, part, nth) for nth in range(PARTS)]
        disk = _bytes_per_entry(folder, size)
        with serving(folder) as log:
            # As many proofs as fill the tile cache many times over.
            proofs = 20_000 if given.quick else 200_000
            arguments = (f"--proofs={proofs}", f"--size={size}")
            log.load("prove", *arguments, connections=64)
            serving_mib = log.resident_mib
    first, last = series[0], series[-1]
    ratio = last["entries_per_s"] / first["entries_per_s"]
    settled = last["settled_per_s"] / first["settled_per_s"]
    result = Result(
        name="bench_growth",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("the last tenth's speed against the first's", "x", [ratio], 0.8),
            Measure("the same, published and searchable too", "x", [settled], 0.8),
            Measure(f"speed, entries 1 to {part:,}", "/s", [first["entries_per_s"]]),
            Measure(f"speed, the last {part:,}", "/s", [last["entries_per_s"]]),
            Measure(
                f"resident memory while growing to {size:,}",
                "MiB",
                [max(it["resident_mib"] for it in series)],
                MEMORY_MIB,
                True,
            ),
            Measure(
                f"resident memory, serving {size:,}",
                "MiB",
                [serving_mib],
                MEMORY_MIB,
                True,
            ),
            *_disk_measures(disk),
        ],
        settings={
            "entries": size,
            "batch": BATCH,
            "connections": CONNECTIONS,
            "entry_bytes": ENTRY_BYTES,
            "search_keys": SEARCH_KEYS,
        },
        is_quick=given.quick,
        series=series,
    )
    result.finish()
    write_plot(
        result.path.with_suffix(".svg"),
        "entries in the log, millions",
        [
            Line("durable entries a second", _points(series, "entries_per_s")),
            Line("resident memory, MiB", _points(series, "resident_mib")),
        ],
    )


def _grow(log: RunningLog, part: int, nth: int) -> dict[str, float]:
    """Add one part, and return what it was like."""
    before_s = log.cpu_s
    arguments = (f"--entries={part}", f"--batch={BATCH}")
    summary = log.load("submit", *arguments, connections=CONNECTIONS, seed=nth)
    assert (summary["start"], summary["end"]) == (nth * part, (nth + 1) * part)
    found = {
        "size": summary["end"],
        "entries_per_s": part / summary["seconds"],
        "settled_per_s": part / summary["settled_seconds"],
        "resident_mib": log.resident_mib,
        "cpu_us_per_entry": (log.cpu_s - before_s) / part * 1e6,
    }
    print("  " + "  ".join(f"{name} {it:,.0f}" for name, it in found.items()))
    return found


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
