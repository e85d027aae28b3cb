"""Entries a second of Sigstore's clients, one a request, and how long they wait."""

import itertools
import os
import random
import statistics
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.connections import Client, Timing
from benchmarks.rekor_requests import check_answers, make_requests
from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, scratch_folder, serving, serving_rekor
from tlogverify import parse_verifier_key

QUESTION: Final = "How many entries a second do Sigstore's clients get logged?"
METHOD: Final = """
    A new log for each run.  64 connections of one other process send one hashedrekord
    in each request, signed with P-256, each the next when its last is answered: 500
    bytes with a key, 3 KB with a certificate.  The log checks every signature and
    answers with the proof.  Then half of the budget is offered at moments drawn at
    random, whether or not earlier ones are answered: latency from when a request was
    due.  Every answer is 201 with an index of its own; of each run 50 are proven.

    The peer is sigstore/rekor-tiles, its POSIX server (--persistent-antispam), where
    TLOG_BENCH_REKOR names its binary.  It answers with its next checkpoint: once as it
    comes, with 64 connections; once with a checkpoint each 100 ms and 1,024
    connections.  A client of it waits about a second, so that more connections may give
    it more.
"""
CONNECTIONS: Final = 64
ORIGIN: Final = "log.example.org"
_WARM_UP: Final = 1_000
_SAMPLE: Final = 50
_BUDGET_RATE: Final = 3_000
_BUDGET_P99_MS: Final = 250.0
_PEER_ENTRIES: Final = 10_000
_PEER_CONNECTIONS: Final = 1_024


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("entries", 20_000, 2_000), ("seconds", 20, 2))
    peer = os.environ.get("TLOG_BENCH_REKOR")
    found: dict[str, list[float]] = {}
    for nth in range(given.runs):
        for certified in (False, True):
            with scratch_folder() as folder:
                _measure(folder, found, given.entries, nth, certified=certified)
        with scratch_folder() as folder:
            _measure_latency(folder, found, given.seconds, nth)
        if peer is not None:
            with scratch_folder() as folder:
                _measure_peer(peer, folder, found, nth)
    Result(
        name="bench_rekor",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure("P-256 keys", "/s", found["key"], _BUDGET_RATE),
            Measure("P-256 certificates of 2.2 KB", "/s", found["certificate"]),
            Measure("server CPU for a key's", "us", found["key cpu"], None, True),
            Measure(
                "server CPU for a certificate's",
                "us",
                found["certificate cpu"],
                None,
                True,
            ),
            *(
                Measure(
                    f"request to proof at {_BUDGET_RATE // 2:,}/s offered, {name}",
                    "ms",
                    found[name],
                    _BUDGET_P99_MS if name == "p99" else None,
                    True,
                )
                for name in ("p50", "p99", "max")
            ),
            *(_of_peer(found) if peer is not None else ()),
        ],
        settings={"entries": given.entries, "connections": CONNECTIONS},
        is_quick=given.quick,
    ).finish()


def _measure(
    folder: Path,
    found: dict[str, list[float]],
    count: int,
    seed: int,
    *,
    certified: bool,
) -> None:
    name = "certificate" if certified else "key"
    requests = make_requests(count + _WARM_UP, seed, certified=certified)
    with serving(folder, "--sigstore", origin=ORIGIN) as log:
        uvloop.run(_closed(log.url, requests[:_WARM_UP]))
        before_s = log.cpu_s
        timing = uvloop.run(_closed(log.url, requests[_WARM_UP:]))
        used_s = log.cpu_s - before_s
    check_answers(timing.answers, parse_verifier_key(log.key.encode()), _SAMPLE)
    found.setdefault(name, []).append(count / timing.seconds)
    found.setdefault(f"{name} cpu", []).append(used_s / count * 1e6)


def _measure_latency(
    folder: Path, found: dict[str, list[float]], seconds: int, seed: int
) -> None:
    rate = _BUDGET_RATE // 2
    requests = make_requests(rate * seconds + _WARM_UP, seed, certified=False)
    chance = random.Random(seed)
    due_s = list(itertools.accumulate(chance.expovariate(rate) for _ in requests))
    with serving(folder, "--sigstore", origin=ORIGIN) as log:
        timing = uvloop.run(_open(log, requests, due_s))
    check_answers(timing.answers, parse_verifier_key(log.key.encode()), _SAMPLE)
    assert len(requests) / timing.seconds > 0.95 * rate, "the log fell behind"
    ordered = sorted(timing.latencies_s[_WARM_UP:])
    last = len(ordered) - 1
    for name, at in {"p50": 0.5, "p99": 0.99, "max": 1.0}.items():
        found.setdefault(name, []).append(ordered[round(at * last)] * 1000)


def _measure_peer(
    binary: str, folder: Path, found: dict[str, list[float]], seed: int
) -> None:
    """Let the peer do the same: entries a second, and how long a client waits."""
    requests = make_requests(_PEER_ENTRIES + CONNECTIONS, seed, certified=False)
    with serving_rekor(binary, folder / "fast", "--checkpoint-interval=100ms") as url:
        timing = uvloop.run(_closed(url, requests[CONNECTIONS:], _PEER_CONNECTIONS))
    check_answers(timing.answers, None, 0)
    found.setdefault("peer", []).append(_PEER_ENTRIES / timing.seconds)
    with serving_rekor(binary, folder / "plain") as url:
        timing = uvloop.run(_closed(url, requests[:CONNECTIONS]))
    check_answers(timing.answers, None, 0)
    found.setdefault("peer wait", []).append(statistics.median(timing.latencies_s))


def _of_peer(found: dict[str, list[float]]) -> list[Measure]:
    pairs = zip(found["key"], found["peer"], strict=True)
    return [
        Measure("rekor-tiles, checkpoints each 100 ms", "/s", found["peer"]),
        Measure("this log against it", "x", [ours / theirs for ours, theirs in pairs]),
        Measure(
            "rekor-tiles as it comes, median wait", "s", found["peer wait"], None, True
        ),
    ]


async def _closed(
    url: str, requests: list[bytes], connections: int = CONNECTIONS
) -> Timing:
    async with Client.to(url, connections) as client:
        return await client.closed_loop(requests)


async def _open(log: RunningLog, requests: list[bytes], due_s: list[float]) -> Timing:
    async with Client.to(log.url, CONNECTIONS) as client:
        return await client.open_loop(requests, due_s)


if __name__ == "__main__":
    main()
