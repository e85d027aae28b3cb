"""Following a whole log: entries a second over HTTP and from a folder, and memory."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, scratch_folder, serving

QUESTION: Final = "How many entries a second does a monitor verify, in how much memory?"
METHOD: Final = """
    `tlog monitor --once` from an empty state up to the head, the command with its
    start-up: every bundle fetched, hashed, searched for one digest, stored and synced.
    Over HTTP from `tlog serve` on the same machine, and from the log's folder.  A
    core's rate is by the monitor's own CPU time (user and system, all threads); the
    log's server is another process and is not counted there, but shares the cores by
    the wall clock.  Memory is the most that was ever resident.  The log's files are in
    the kernel's cache.
"""
_STEP_ENTRIES: Final = 500_000
# Of no entry: what is found would be told, and is not the question.
_ABSENT: Final = "sha256:" + "0123456789abcdef" * 4


@dataclass(frozen=True, slots=True)
class _Used:
    """What one command took."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def main() -> None:
    """Measure, check, write, print."""
    given = options(
        QUESTION,
        ("entries", 2_000_000, 50_000),
        ("watches", 1_000, 100),
        ("large", 10_000_000, 60_000),
    )
    figures: dict[str, list[float]] = {}
    with scratch_folder() as folder:
        log = folder / "log"
        with serving(log) as server:
            _grow(server, 0, given.entries)
            many = folder / "watches"
            many.write_text("".join(_absent(given.watches)), "ascii")
            places = {"http": server.url, "folder": str(log / "public")}
            for _ in range(given.runs):
                for name, place in places.items():
                    _add(figures, name, given.entries, _follow(folder, log, place))
                watching = ("--watch-file", str(many))
                used = _follow(folder, log, places["folder"], *watching)
                _add(figures, "many", given.entries, used)
            _grow(server, given.entries, given.large)
            _add(figures, "large", given.large, _follow(folder, log, server.url))
    Result(
        name="bench_monitor",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("verified over HTTP, one core", "/s", figures["http"], 200_000),
            Measure(
                "verified over HTTP, by the wall clock", "/s", figures["http wall"]
            ),
            Measure(
                "verified from a folder, one core", "/s", figures["folder"], 1_000_000
            ),
            Measure(
                "verified from a folder, by the wall clock",
                "/s",
                figures["folder wall"],
            ),
            Measure(
                f"from a folder with {given.watches:,} watches, one core",
                "/s",
                figures["many"],
            ),
            Measure("most memory, over HTTP", "MiB", figures["http MiB"]),
            Measure("most memory, from a folder", "MiB", figures["folder MiB"]),
            Measure(
                f"most memory, {given.large:,} entries over HTTP",
                "MiB",
                figures["large MiB"],
            ),
            Measure(
                f"{given.large:,} entries verified over HTTP, one core",
                "/s",
                figures["large"],
            ),
        ],
        settings={
            "entries": given.entries,
            "watches": given.watches,
            "large": given.large,
        },
        is_quick=given.quick,
    ).finish()


def _add(figures: dict[str, list[float]], name: str, entries: int, used: _Used) -> None:
    figures.setdefault(name, []).append(entries / used.cpu_s)
    figures.setdefault(f"{name} wall", []).append(entries / used.wall_s)
    figures.setdefault(f"{name} MiB", []).append(used.peak_mib)


def _grow(server: RunningLog, start: int, end: int) -> None:
    """Submit entries up to a size, in steps, so that the load generator stays small."""
    for first in range(start, end, _STEP_ENTRIES):
        server.fill(min(_STEP_ENTRIES, end - first), seed=first)


def _absent(count: int) -> Iterator[str]:
    """Return watches that no entry has."""
    for nth in range(count):
        yield f"sha256:{hashlib.sha256(b'absent %d' % nth).hexdigest()}\n"


def _follow(folder: Path, log: Path, place: str, *flags: str) -> _Used:
    """Run the command on a new state; stop unless all was verified."""
    with TemporaryDirectory(dir=folder) as state:
        command = [sys.executable, "-m", "tlog", "monitor", "--once", "--log", place]
        command += ["--policy", str(log / "policy"), "--state", state]
        command += ["--watch", _ABSENT, "--log-format", "json", *flags]
        begun_s = perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            alarms, lines = process.stdout.read(), process.stderr.read()
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = perf_counter() - begun_s
        assert (process.returncode, alarms) == (0, ""), (alarms, lines)
        assert re.search(r'"event": ?"verified"', lines), lines
        return _Used(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
