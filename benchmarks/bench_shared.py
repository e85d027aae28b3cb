"""What a log costs that nodes share, beside one in a folder, in the same run."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.engines import Engines, engines
from benchmarks.more_cores import CORES, computed
from benchmarks.results import Measure, Result, options
from benchmarks.running import ORIGIN, RunningLog, scratch_folder, serving
from benchmarks.shared_workers import workers

QUESTION: Final = "What does a log cost that nodes share, beside one in a folder?"
METHOD: Final = f"""
    A new log for each scenario of each run: in a folder, with one process for all and
    with 2 and 4 front ends (--workers), and of 1, 2 and 4 nodes in a PostgreSQL
    database with its defaults on the same disk and a gofakes3 bucket in memory, all
    with the load generator on the machine's cores.  64 connections send one entry in
    each request, and 4 connections 1,000 in each; 512 send one in each to the folder
    and to front ends too.  The CPU of each node, of the database and of the store is
    read from /proc, each apart, and so is that of the front ends, together, and of the
    process that writes behind them.
    With 2 and 4 nodes all of the load goes to one that does not write, which is the
    dearest way; what the other two of 4 spend is their sum.
    For {CORES} cores a rate is computed from those CPU figures, and not measured: the
    lowest of what one core for the one that writes allows, what one core for each
    other node or front end allows where these share the load evenly, and what all cores
    allow together.  The load generator is not among them: it stands elsewhere.
    Taking over: two nodes with takeover_s = 5, one of which writes; from its SIGKILL,
    and from its SIGTERM, until the other one says that it writes.  A commit is with a
    node that follows when it proves that entry; asked again and again, by one client,
    from the answer of the node that writes on.
"""
_COMMITS: Final = 200


class Scene(NamedTuple):
    """A log that runs.

    asked: where the load goes.  parts: whose CPU seconds are told apart, by name.
    """

    asked: RunningLog
    parts: dict[str, Callable[[], float]]


class Load(NamedTuple):
    """How many entries, how many a request, by how many connections; seed: of them."""

    entries: int
    batch: int
    connections: int
    seed: int


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 100_000, 20_000), ("singles", 10_000, 2_000))
    found: dict[str, list[float]] = defaultdict(list)
    with engines() as shared:
        for nth in range(given.runs):
            for name, scene in SCENES.items():
                with scene(shared, f"{ORIGIN}/{nth}") as it:
                    measure(found, name, it, Load(given.singles, 1, 64, nth))
                    measure(found, name, it, Load(given.entries, 1000, 4, nth))
                    if name in CROWDED:
                        load = Load(given.singles, 1, 512, 50 + nth)
                        measure(found, f"{name}, 512 connections", it, load)
            with _nodes(2, shared, f"{ORIGIN}/{nth}/commits") as logs:
                _measure_commits(found, logs)
            for number in (signal.SIGKILL, signal.SIGTERM):
                seconds = _take_over(shared, f"{ORIGIN}/{nth}-{number}", number)
                found[f"another node serves after {number.name}"].append(seconds)
    for batch in (1, 1000):
        found |= computed(found, batch)
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


def measure(found: dict[str, list[float]], name: str, scene: Scene, load: Load) -> None:
    """Put a load on a log; add what it took, and what each part spent on an entry."""

    def run(entries: int, seed: int) -> dict[str, float]:
        arguments = (f"--entries={entries}", f"--batch={load.batch}")
        return scene.asked.load(
            "submit", *arguments, connections=load.connections, seed=seed
        )

    seed = load.seed * 100 + load.batch
    run(2 * load.batch * load.connections, seed + 50)
    before = {whose: cpu_s() for whose, cpu_s in scene.parts.items()}
    summary = run(load.entries, seed)
    after = {whose: cpu_s() for whose, cpu_s in scene.parts.items()}
    assert summary["entries"] == load.entries
    name = f"{name}, {load.batch:,} a request"
    found[name].append(load.entries / summary["seconds"])
    for which in ("p50", "p99"):
        found[f"{name}, {which}"].append(summary[f"latency_ms.{which}"])
    for whose, start in before.items():
        cost_us = (after[whose] - start) / load.entries * 1e6
        found[f"{name}: CPU of the {whose} for an entry"].append(cost_us)


@contextmanager
def _in_a_folder(_shared: Engines, _origin: str) -> Iterator[Scene]:
    """Run the embedded default."""
    with scratch_folder() as folder, serving(folder / "log") as log:
        yield Scene(log, {"process": lambda: log.cpu_s})


@contextmanager
def _with_front_ends(count: int, _shared: Engines, _origin: str) -> Iterator[Scene]:
    """Run a log in a folder with so many front ends."""
    with workers(count) as (log, parts):
        yield Scene(log, parts)


@contextmanager
def _on_nodes(count: int, shared: Engines, origin: str) -> Iterator[Scene]:
    """Run nodes of one log, the last of which is asked; the first one writes."""
    with _nodes(count, shared, f"{origin}/{count}") as logs:
        parts: dict[str, Callable[[], float]] = {
            "node that writes": lambda: logs[0].cpu_s
        }
        if count > 1:
            parts["node that forwards"] = lambda: logs[-1].cpu_s
        if count > 2:
            parts["nodes that read along"] = lambda: sum(it.cpu_s for it in logs[1:-1])
        parts["database"] = lambda: shared.database_cpu_s
        parts["store"] = lambda: shared.store_cpu_s
        yield Scene(logs[-1], parts)


SCENES: Final[dict[str, Callable[[Engines, str], AbstractContextManager[Scene]]]] = {
    "folder": _in_a_folder,
    "1 node": partial(_on_nodes, 1),
    "2 nodes": partial(_on_nodes, 2),
    "4 nodes": partial(_on_nodes, 4),
    "2 front ends": partial(_with_front_ends, 2),
    "4 front ends": partial(_with_front_ends, 4),
}
"""What is measured in each run, one beside the other, by the name in the result."""

CROWDED: Final = frozenset({"folder", "2 front ends", "4 front ends"})
"""Where 512 connections send single entries too: commits hold more of them then."""


@contextmanager
def _nodes(count: int, shared: Engines, origin: str) -> Iterator[list[RunningLog]]:
    """Run nodes of one log; the first one writes."""
    with scratch_folder() as folder, ExitStack() as stack:
        _lay_key(folder / "0", origin)
        logs: list[RunningLog] = []
        for nth in range(count):
            if nth:
                shutil.copytree(folder / "0/keys", folder / f"{nth}/keys")
            own = folder / str(nth)
            logs.append(stack.enter_context(serving(own, *shared.flags, origin=origin)))
        yield logs


def _measure_commits(found: dict[str, list[float]], logs: list[RunningLog]) -> None:
    """Tell after how long a node that follows proves what was just committed."""
    writing, following = (HTTPConnection(it.url[len("http://") :]) for it in logs)
    spent_ms: list[float] = []
    for nth in range(_COMMITS):
        digest = f"{nth:064x}"
        entry = (
            f'{{"kind":"provenance","provenance":{{"sha256":"{digest}"}},'
            f'"subject":[{{"sha256":"{digest}"}}],"version":1}}'
        )
        headers = {"Content-Type": "application/json"}
        body = f'{{"entries":[{entry}]}}'
        writing.request("POST", "/api/v1/entries", body, headers)
        index = json.loads(writing.getresponse().read())["entries"][0]["index"]
        started_s, status = time.perf_counter(), 0
        while status != 200:
            following.request("GET", f"/api/v1/proof/inclusion?index={index}")
            answer = following.getresponse()
            answer.read()
            status = answer.status
        spent_ms.append((time.perf_counter() - started_s) * 1e3)
    spent_ms.sort()
    for which, share in (("p50", 0.5), ("p99", 0.99)):
        name = f"a commit is with a node that follows, {which}"
        found[name].append(spent_ms[int(share * _COMMITS)])


def _take_over(shared: Engines, origin: str, number: signal.Signals) -> float:
    """Return the seconds from one node's end until the other one writes."""
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
        url = json.loads(waiting.stdout.readline())["url"]
        started_s = time.perf_counter()
        writing.send_signal(number)
        while _role(url) != "writes":
            time.sleep(0.01)
        seconds = time.perf_counter() - started_s
        for node in (writing, waiting):
            node.terminate()
            node.communicate()
        return seconds


def _role(url: str) -> str:
    """Return what a node says that it does; nothing while it changes its doors."""
    connection = HTTPConnection(url[len("http://") :])
    try:
        connection.request("GET", "/readyz")
        return str(json.loads(connection.getresponse().read())["role"])
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()


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
