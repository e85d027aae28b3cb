"""The load generator: a process of its own, so that it shares no lock with the server.

    python -m benchmarks.load --url URL --key VKEY submit  --entries 100000 --batch 1000
    python -m benchmarks.load --url URL --key VKEY arrive  --entries 20000 --rate 1000
    python -m benchmarks.load --url URL --key VKEY prove   --proofs 20000 --size 1000000
    python -m benchmarks.load --url URL --key VKEY read tile --count 9000 --size 1000000

It makes all requests, starts the clock, sends them, stops the clock, checks every
answer and proves a sample, and prints one JSON object; it fails if anything is untrue.
"""

import argparse
import asyncio
import itertools
import json
import random
from collections.abc import Sequence
from time import perf_counter
from typing import Final

import uvloop

from benchmarks.connections import Client, Timing
from benchmarks.records import (
    lookup_request,
    make_batches,
    submission_request,
)
from benchmarks.truth import (
    check_inclusion,
    check_submission,
    is_settled,
    prove_inclusion,
    prove_submission,
)
from tlogverify import parse_verifier_key
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import leaf_hash
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import ENTRIES, FULL_TILE_BYTES, TILE_WIDTH, Tile

_SAMPLE: Final = 50
_WARM_UP_S: Final = 1.0
_POLL_S: Final = 0.02
_KEPT: Final = 128
"""Bundles that a server keeps in memory by default, 8 MB of them."""


def main() -> None:
    """Run what the arguments say and print what came of it."""
    parser = argparse.ArgumentParser(description="Put load on a log.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True, help="the log's verifier key")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1, help="of the entries")
    verbs = parser.add_subparsers(dest="verb", required=True)
    submit = verbs.add_parser("submit", help="as fast as answers come")
    submit.add_argument("--entries", type=int, required=True)
    submit.add_argument("--batch", type=int, required=True)
    submit.add_argument(
        "--at-once", action="store_true", help="open all connections together"
    )
    arrive = verbs.add_parser("arrive", help="one entry each, at a given rate")
    arrive.add_argument("--entries", type=int, required=True)
    arrive.add_argument("--rate", type=int, required=True, help="a second, on average")
    prove = verbs.add_parser("prove", help="inclusion proofs as fast as answers come")
    prove.add_argument("--proofs", type=int, required=True)
    prove.add_argument("--size", type=int, required=True, help="of the log")
    prove.add_argument("--start", type=int, default=0, help="of what is asked for")
    prove.add_argument("--order", type=int, default=1, help="seed of the indexes")
    prove.add_argument("--once-a-tile", action="store_true")
    read = verbs.add_parser("read", help="what any file server could answer")
    read.add_argument("what", choices=("checkpoint", "tile", "bundle"))
    read.add_argument("--count", type=int, required=True)
    read.add_argument("--size", type=int, required=True, help="of the log")
    read.add_argument("--order", type=int, default=1, help="seed of the tiles")
    given = parser.parse_args()
    verbs_run = {"submit": _submit, "arrive": _arrive, "prove": _prove, "read": _read}
    run = verbs_run[given.verb]
    print(json.dumps(uvloop.run(run(given))), flush=True)


async def _submit(given: argparse.Namespace) -> dict[str, object]:
    batches = make_batches(given.entries, given.batch, given.seed)
    requests = [submission_request(batch) for batch in batches]
    opened = Client.to(given.url, given.connections, at_once=given.at_once)
    async with opened as client:
        begun_s = perf_counter()
        timing = await client.closed_loop(requests)
        await _settle(client)
        settled_s = perf_counter() - begun_s
    return _submitted(given, batches, timing) | {
        "settled_seconds": settled_s,
        "opening_seconds": client.opening_s,
    }


async def _arrive(given: argparse.Namespace) -> dict[str, object]:
    warm_up = int(given.rate * _WARM_UP_S)
    batches = make_batches(given.entries + warm_up, 1, given.seed)
    requests = [submission_request(batch) for batch in batches]
    chance = random.Random(given.seed)
    gaps_s = (chance.expovariate(given.rate) for _ in requests)
    due_s = list(itertools.accumulate(gaps_s))
    async with Client.to(given.url, given.connections) as client:
        timing = await client.open_loop(requests, due_s)
    summary = _submitted(given, batches, timing)
    summary["latency_ms"] = percentiles(timing.latencies_s[warm_up:])
    return summary


async def _settle(client: Client) -> None:
    """Wait until all that was answered is published and indexed."""
    request, metrics = lookup_request("/metrics"), ""
    # Asked again and again: the server tells nobody of its own accord.
    while not (metrics and is_settled(metrics)):
        await asyncio.sleep(_POLL_S)
        metrics = (await client.closed_loop([request])).answers[0].body.decode()


def _submitted(
    given: argparse.Namespace, batches: Sequence[Sequence[bytes]], timing: Timing
) -> dict[str, object]:
    """Check all answers, prove a sample of them, and sum up."""
    key = parse_verifier_key(given.key.encode())
    submitted = [
        check_submission(answer, batch)
        for answer, batch in zip(timing.answers, batches, strict=True)
    ]
    spans = sorted((it.range.start, it.range.end) for it in submitted)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans)), "indexes overlap"
    chance = random.Random(given.seed)
    for nth in chance.sample(range(len(batches)), min(_SAMPLE, len(batches))):
        prove_submission(submitted[nth], batches[nth], key)
    return {
        "entries": sum(end - start for start, end in spans),
        "start": spans[0][0],
        "end": spans[-1][1],
        "seconds": timing.seconds,
        "latency_ms": percentiles(timing.latencies_s),
    }


async def _prove(given: argparse.Namespace) -> dict[str, object]:
    chance = random.Random(given.order)
    if given.once_a_tile:
        tiles = list(range(given.size // TILE_WIDTH))
        chance.shuffle(tiles)
        indexes = [
            tile * TILE_WIDTH + chance.randrange(TILE_WIDTH)
            for tile in tiles[: given.proofs]
        ]
    else:
        indexes = [
            chance.randrange(given.start, given.size) for _ in range(given.proofs)
        ]
    requests = [
        lookup_request(f"/api/v1/proof/inclusion?index={index}") for index in indexes
    ]
    async with Client.to(given.url, given.connections) as client:
        timing = await client.closed_loop(requests)
        answers = [
            check_inclusion(answer, index)
            for answer, index in zip(timing.answers, indexes, strict=True)
        ]
        sample = chance.sample(answers, min(_SAMPLE, len(answers)))
        entries = await client.closed_loop(
            [lookup_request(f"/api/v1/entries/{it.index}") for it in sample]
        )
    key = parse_verifier_key(given.key.encode())
    for it, entry in zip(sample, entries.answers, strict=True):
        assert prove_inclusion(it, leaf_hash(entry.body), key).size == given.size
    return {
        "proofs": len(answers),
        "seconds": timing.seconds,
        "latency_ms": percentiles(timing.latencies_s),
    }


async def _read(given: argparse.Namespace) -> dict[str, object]:
    """Read the checkpoint, full tiles of hashes, or as many bundles as are kept.

    The same path gives the same bytes.
    """
    chance = random.Random(given.order)
    full = given.size // TILE_WIDTH
    paths = {
        "checkpoint": ["/checkpoint"],
        "tile": [f"/{Tile(0, nth).path}" for nth in range(full)],
        "bundle": [f"/{Tile(ENTRIES, nth).path}" for nth in range(min(full, _KEPT))],
    }[given.what]
    paths = chance.choices(paths, k=given.count)
    async with Client.to(given.url, given.connections) as client:
        timing = await client.closed_loop([lookup_request(it) for it in paths])
    assert all(it.status == 200 for it in timing.answers)
    found = {path: it.body for path, it in zip(paths, timing.answers, strict=True)}
    for path, it in zip(paths, timing.answers, strict=True):
        assert found[path] == it.body
    key = parse_verifier_key(given.key.encode())
    for body in found.values():
        if given.what == "checkpoint":
            assert open_checkpoint(body, key).size == given.size
        elif given.what == "tile":
            assert len(body) == FULL_TILE_BYTES
        else:
            parse_bundle(body, TILE_WIDTH)
    return {
        "reads": len(paths),
        "seconds": timing.seconds,
        "latency_ms": percentiles(timing.latencies_s),
    }


def percentiles(latencies_s: Sequence[float]) -> dict[str, float]:
    """Return percentiles by nearest rank, in milliseconds."""
    ordered = sorted(latencies_s)
    last = len(ordered) - 1
    ranks = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
    return {name: ordered[round(at * last)] * 1000 for name, at in ranks.items()}


if __name__ == "__main__":
    main()
