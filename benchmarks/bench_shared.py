"""What a log costs that nodes share, beside one in a folder, in the same run."""

import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.engines import Engines, engines
from benchmarks.results import Measure, Result, options
from benchmarks.running import ORIGIN, RunningLog, scratch_folder, serving

QUESTION: Final = "What does a log cost that nodes share, beside one in a folder?"
METHOD: Final = """
    A new log for each run: in a folder, and in a PostgreSQL database with its defaults
    on the same disk and a gofakes3 bucket in memory, all with the load generator on the
    machine's cores.  64 connections send one entry in each request, and 4 connections
    1,000 in each.  The CPU of node, database and store is read from /proc, each apart.
    Taking over: two nodes with takeover_s = 5, one of which writes; from its SIGKILL,
    and from its SIGTERM, to the first line of the other one, which serves then.
"""
_FOLDER, _SHARED = "folder", "shared"


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 200_000, 20_000), ("singles", 20_000, 2_000))
    found: dict[str, list[float]] = defaultdict(list)
    with engines() as shared:
        for nth in range(given.runs):
            for engine in (_FOLDER, _SHARED):
                with _node(engine, shared, nth) as log:
                    _measure(found, engine, log, shared, (given.singles, 1, 64, nth))
                    _measure(found, engine, log, shared, (given.entries, 1000, 4, nth))
            for number in (signal.SIGKILL, signal.SIGTERM):
                seconds = _take_over(shared, f"{ORIGIN}/{nth}-{number}", number)
                found[f"another node serves after {number.name}"].append(seconds)
    Result(
        name="bench_shared",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure(what, _unit(what), runs, _budget(what), _unit(what) != "/s")
            for what, runs in found.items()
        ],
        settings={"entries": given.entries, "singles": given.singles},
        is_quick=given.quick,
    ).finish()


def _unit(what: str) -> str:
    if "CPU" in what:
        return "us"
    return "s" if "serves" in what else "ms" if ", p" in what else "/s"


def _budget(what: str) -> float | None:
    """Return the budget of taking over; the rest is told beside the folder."""
    return 5 if "serves" in what else None


@contextmanager
def _node(engine: str, shared: Engines, nth: int) -> Iterator[RunningLog]:
    with scratch_folder() as folder:
        if engine == _FOLDER:
            with serving(folder / "log") as log:
                yield log
            return
        origin = f"{ORIGIN}/{nth}"
        _lay_key(folder / "log", origin)
        with serving(folder / "log", *shared.flags, origin=origin) as log:
            yield log


def _measure(
    found: dict[str, list[float]],
    engine: str,
    log: RunningLog,
    shared: Engines,
    load: tuple[int, int, int, int],
) -> None:
    entries, batch, connections, seed = load
    flags = {"connections": connections, "seed": seed * 100 + batch}
    warm = (f"--entries={2 * batch * connections}", f"--batch={batch}")
    log.load("submit", *warm, connections=connections, seed=seed * 100 + batch + 50)
    before = (log.cpu_s, shared.database_cpu_s, shared.store_cpu_s)
    arguments = (f"--entries={entries}", f"--batch={batch}")
    summary = log.load("submit", *arguments, **flags)
    assert summary["entries"] == entries
    after = (log.cpu_s, shared.database_cpu_s, shared.store_cpu_s)
    name = f"{engine}, {batch:,} a request"
    found[name].append(entries / summary["seconds"])
    for which in ("p50", "p99"):
        found[f"{name}, {which}"].append(summary[f"latency_ms.{which}"])
    for whose, start, end in zip(
        ("node", "database", "store"), before, after, strict=True
    ):
        if engine == _SHARED or whose == "node":
            cost_us = (end - start) / entries * 1e6
            found[f"{name}: CPU of the {whose} for an entry"].append(cost_us)


def _take_over(shared: Engines, origin: str, number: signal.Signals) -> float:
    """Return the seconds from one node's end to the other one's first line."""
    with scratch_folder() as folder, (folder / "waiting").open("w") as errors:
        _lay_key(folder / "a", origin)
        shutil.copytree(folder / "a", folder / "b")
        command = [sys.executable, "-m", "tlog", "serve", "--json"]
        command += ["--listen=127.0.0.1:0", f"--origin={origin}", *shared.flags]
        pipe = subprocess.PIPE
        writing = subprocess.Popen([*command, f"--data={folder / 'a'}"], stdout=pipe)
        assert writing.stdout is not None
        assert writing.stdout.readline()
        waiting = subprocess.Popen(
            [*command, f"--data={folder / 'b'}"], stdout=pipe, stderr=errors
        )
        assert waiting.stdout is not None
        while "another node writes" not in (folder / "waiting").read_text("utf-8"):
            time.sleep(0.05)
        started_s = time.perf_counter()
        writing.send_signal(number)
        assert waiting.stdout.readline()
        seconds = time.perf_counter() - started_s
        for node in (writing, waiting):
            node.terminate()
            node.communicate()
        return seconds


def _lay_key(folder: Path, origin: str) -> None:
    """Make the log's key where a node looks for it."""
    (folder / "keys").mkdir(mode=0o700, parents=True)
    key = folder / "keys" / "log.ed25519"
    subprocess.run(
        [sys.executable, "-m", "tlog", "keygen", origin, "--out", key],
        check=True,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main()
