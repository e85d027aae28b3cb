"""What a log costs that nodes share, beside one in a folder, in the same run."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.engines import Engines, engines
from benchmarks.results import Measure, Result, options
from benchmarks.running import ORIGIN, RunningLog, scratch_folder, serving

QUESTION: Final = "What does a log cost that nodes share, beside one in a folder?"
METHOD: Final = """
    A new log for each run: in a folder, and in a PostgreSQL database with its defaults
    on the same disk and a gofakes3 bucket in memory, all with the load generator on the
    machine's cores.  64 connections send one entry in each request, and 4 connections
    1,000 in each.  The CPU of node, database and store is read from /proc, each apart.
    With 2 and 4 nodes all of the load goes to one that does not write, which is the
    dearest way; what the other two of 4 spend is their sum.
    Taking over: two nodes with takeover_s = 5, one of which writes; from its SIGKILL,
    and from its SIGTERM, until the other one says that it writes.  A commit is with a
    node that follows when it proves that entry; asked again and again, by one client,
    from the answer of the node that writes on.
"""
_FOLDER, _SHARED = "folder", "shared"
_NODES: Final = (2, 4)
_COMMITS: Final = 200


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
            for nodes in _NODES:
                with _nodes(nodes, shared, f"{ORIGIN}/{nth}-{nodes}") as logs:
                    name = f"{nodes} nodes"
                    load = _Load(given.singles, 1, 64, nth)
                    _measure_nodes(found, name, logs, shared, load)
                    load = _Load(given.entries, 1000, 4, nth)
                    _measure_nodes(found, name, logs, shared, load)
                    if nodes == min(_NODES):
                        _measure_commits(found, logs)
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


class _Load(NamedTuple):
    """How many entries, how many a request, by how many connections; seed: of them."""

    entries: int
    batch: int
    connections: int
    seed: int


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


def _measure_nodes(
    found: dict[str, list[float]],
    name: str,
    logs: list[RunningLog],
    shared: Engines,
    load: _Load,
) -> None:
    """Let one node that follows forward a load; the others read along."""
    writing, *following = logs

    def run(entries: int, seed: int) -> dict[str, float]:
        arguments = (f"--entries={entries}", f"--batch={load.batch}")
        return following[-1].load(
            "submit", *arguments, connections=load.connections, seed=seed
        )

    def cpus_s() -> tuple[float, ...]:
        follow_s = sum(it.cpu_s for it in following[:-1])
        nodes_s = (writing.cpu_s, following[-1].cpu_s, follow_s)
        return (*nodes_s, shared.database_cpu_s, shared.store_cpu_s)

    seed = load.seed * 100 + load.batch
    run(2 * load.batch * load.connections, seed + 50)
    before = cpus_s()
    summary = run(load.entries, seed)
    after = cpus_s()
    name = f"{name}, {load.batch:,} a request"
    found[name].append(load.entries / summary["seconds"])
    for which in ("p50", "p99"):
        found[f"{name}, {which}"].append(summary[f"latency_ms.{which}"])
    parts = ("node that writes", "node that forwards", "nodes that read along")
    for whose, start, end in zip(
        (*parts, "database", "store"), before, after, strict=True
    ):
        if len(following) > 1 or whose != parts[-1]:
            cost_us = (end - start) / load.entries * 1e6
            found[f"{name}: CPU of the {whose} for an entry"].append(cost_us)


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
