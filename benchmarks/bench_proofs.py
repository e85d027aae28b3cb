"""Inclusion proofs a second: served over HTTP, made in process, verified offline.

In the same run, on trees of the same size: pymerkle, and Go's x/mod/sumdb/tlog.
"""

import asyncio
import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import uvloop

from benchmarks.connections import Answer, Client
from benchmarks.pace import calls_by_turns, calls_per_cpu_s
from benchmarks.peers.measure import go_version, measure_go, measure_pymerkle
from benchmarks.records import entry_digest, lookup_request, make_entries
from benchmarks.results import Measure, Result, options
from benchmarks.running import RunningLog, drop_cached_pages, scratch_folder, serving
from benchmarks.truth import check_inclusion, hashes, prove_inclusion
from tlog.log.opening import open_log
from tlog.log.settings import LogSettings
from tlogverify import Policy, Proof, parse_verifier_key, verify_artifact
from tlogverify.hashing import leaf_hash
from tlogverify.inclusions import Inclusions
from tlogverify.merkle import verify_inclusion

QUESTION: Final = "How many inclusion proofs a second are served, made, verified?"
METHOD: Final = """
    Served: 64 connections of one other process ask for random indexes by GET
    /api/v1/proof/inclusion; every answer is checked and a sample verified.  Cold: a new
    server process, the kernel told to forget the log's files, one proof from each
    level-0 tile, so that each is read from the disk.  Warm: random indexes after a
    round of the same.  With the default tile cache (4,096 tiles) and with one that
    holds the whole tree.  Of a checkpoint, of full tiles of hashes, at random, and
    of 128 bundles that are asked for again and again the CPU alone is told.  Made
    and verified: one process, one core, CPU time, 10,000 proofs over and over, one
    at a time, many of one head and the bare loop by turns, of which the median
    counts; verify_artifact reads a proof file's bytes and checks signature, path
    and record.  The bare loop makes the same calls of hashlib, is told on which
    side each sibling stands, and checks nothing but the root.  Many of one head:
    all proofs in the order of their indexes, each sharing what it can with the one
    before it (tlogverify.inclusions).  The peers hold their whole tree in memory.
"""
CONNECTIONS: Final = 64
SAMPLE: Final = 10_000


class Claim(NamedTuple):
    """One verified proof: what `verify_inclusion` and `verify_artifact` take."""

    place: int
    leaf: bytes
    path: list[bytes]
    digest: bytes
    proof_file: bytes


def main() -> None:
    """Measure, check, write, print."""
    given = options(
        QUESTION,
        ("entries", 1_000_000, 50_000),
        ("proofs", 100_000, 5_000),
        ("seconds", 3, 1),
    )
    runs: dict[str, list[float]] = {}
    with scratch_folder() as folder, scratch_folder() as scratch:
        with serving(folder) as log:
            log.fill(given.entries)
        claims, size, root, policy = _claims(folder, given.entries)
        for nth in range(given.runs):
            found = _served(folder, given.entries, given.proofs, nth)
            found["made"] = _made(folder, claims, given.seconds)
            found |= _verified(claims, size, root, policy, given.seconds)
            for name, peer in (
                ("pymerkle", measure_pymerkle(given.entries)),
                ("go", measure_go(given.entries, scratch)),
            ):
                found |= {f"{name} {verb}": it for verb, it in (peer or {}).items()}
            for name, rate in found.items():
                runs.setdefault(name, []).append(rate)
    Result(
        name="bench_proofs",
        question=QUESTION,
        method=METHOD,
        measures=_measures(runs),
        settings={
            "entries": given.entries,
            "proofs": given.proofs,
            "connections": CONNECTIONS,
            "go": go_version(),
        },
        is_quick=given.quick,
    ).finish()


def _measures(runs: dict[str, list[float]]) -> list[Measure]:
    """Return all measures; the peers' and the ratios only where they were run."""
    measures = [
        Measure("proofs served, warm", "/s", runs["warm"], 20_000),
        Measure("proofs served, whole tree cached", "/s", runs["cached"]),
        Measure("proofs served, cold", "/s", runs["cold"]),
        Measure("server CPU for a proof, warm", "us", runs["cpu"], None, True),
        Measure(
            "server CPU for a checkpoint", "us", runs["checkpoint cpu"], None, True
        ),
        Measure(
            "server CPU for a full tile of hashes", "us", runs["tile cpu"], None, True
        ),
        Measure("server CPU for a kept bundle", "us", runs["bundle cpu"], None, True),
        Measure("proofs made in process, one core", "/s", runs["made"]),
        Measure("proofs verified offline, one core", "/s", runs["verify"], 100_000),
        Measure("the same by a bare loop of hashlib", "/s", runs["bare"]),
        Measure("verified, to the bare loop", "x", _ratio(runs, "verify", "bare"), 0.9),
        Measure("many proofs of one head, one core", "/s", runs["many"]),
        Measure("many of one head, to one", "x", _ratio(runs, "many", "verify"), 2),
        Measure("proof files verified (verify_artifact)", "/s", runs["artifact"]),
    ]
    for peer, title in (("pymerkle", "pymerkle"), ("go", "Go x/mod")):
        for verb, ours in (("prove", "made"), ("verify", "verify")):
            theirs = runs.get(f"{peer} {verb}")
            if theirs:
                ratios = _ratio(runs, ours, f"{peer} {verb}")
                measures.append(Measure(f"{title}: {verb}, one core", "/s", theirs))
                measures.append(Measure(f"ours to {title}: {verb}", "x", ratios))
    return measures


def _ratio(runs: dict[str, list[float]], ours: str, theirs: str) -> list[float]:
    return [a / b for a, b in zip(runs[ours], runs[theirs], strict=True)]


def _served(folder: Path, entries: int, proofs: int, nth: int) -> dict[str, float]:
    """Return what the server serves a second, cold, warm and from memory alone."""

    def ask(log: RunningLog, count: int, order: int, *more: str) -> float:
        arguments = (f"--proofs={count}", f"--size={entries}", f"--order={order}")
        summary = log.load("prove", *arguments, *more, connections=CONNECTIONS)
        return summary["proofs"] / summary["seconds"]

    def read_cpu_us(log: RunningLog, what: str, count: int) -> float:
        flags = (f"--size={entries}", f"--order={nth}")

        def read(count: int) -> None:
            arguments = (what, f"--count={count}", *flags)
            log.load("read", *arguments, connections=CONNECTIONS)

        read(count // 4)
        before_s = log.cpu_s
        read(count)
        return (log.cpu_s - before_s) / count * 1e6

    drop_cached_pages(folder / "public")
    with serving(folder) as log:
        cold = ask(log, proofs, nth, "--once-a-tile")
        ask(log, proofs // 4, 100 + nth)
        before_s = log.cpu_s
        warm = ask(log, proofs, 200 + nth)
        cpu_us = (log.cpu_s - before_s) / proofs * 1e6
        checkpoint_us = read_cpu_us(log, "checkpoint", proofs)
        tile_us = read_cpu_us(log, "tile", proofs)
        # The generator keeps all answers, 67 KB each.
        bundle_us = read_cpu_us(log, "bundle", proofs // 10)
    with serving(folder, f"--tile-cache-tiles={entries // 128 + 16}") as log:
        ask(log, proofs, nth, "--once-a-tile")
        cached = ask(log, proofs, 300 + nth)
    return {
        "cold": cold,
        "warm": warm,
        "cached": cached,
        "cpu": cpu_us,
        "checkpoint cpu": checkpoint_us,
        "tile cpu": tile_us,
        "bundle cpu": bundle_us,
    }


def _claims(folder: Path, entries: int) -> tuple[list[Claim], int, bytes, Policy]:
    """Return a sample of proofs, the tree that they are of, and whom to trust."""
    chance = random.Random(7)
    indexes = sorted(chance.sample(range(entries), min(SAMPLE, entries)))
    with serving(folder) as log:
        answers = uvloop.run(_ask(log.url, indexes))
        key = parse_verifier_key(log.key.encode())
    policy = Policy.read(folder / "policy")
    wanted = dict.fromkeys(indexes)
    kept = [it for nth, it in enumerate(make_entries(entries, 1)) if nth in wanted]
    claims: list[Claim] = []
    head = None
    for nth, (index, entry) in enumerate(zip(indexes, kept, strict=True)):
        included = check_inclusion(answers[2 * nth], index)
        leaf = leaf_hash(entry)
        head = prove_inclusion(included, leaf, key)
        proof_file = answers[2 * nth + 1].body
        verify_artifact(entry_digest(entry), Proof.parse(proof_file), policy)
        path = hashes(included.path)
        claims.append(Claim(index, leaf, path, entry_digest(entry), proof_file))
    assert head is not None
    return claims, head.size, head.root, policy


async def _ask(url: str, indexes: list[int]) -> list[Answer]:
    requests: list[bytes] = []
    for index in indexes:
        path = f"/api/v1/proof/inclusion?index={index}"
        requests += [lookup_request(path), lookup_request(path, "text/plain")]
    async with Client.to(url, CONNECTIONS) as client:
        return (await client.closed_loop(requests)).answers


def _made(folder: Path, claims: list[Claim], seconds: float) -> float:
    """Return the proofs that the server's own code makes in process, all in memory."""
    log = open_log(LogSettings(data=folder, tile_cache_tiles=1 << 20))
    log.start(lambda: None)

    async def prove() -> None:
        for claim in claims:
            path = await log.reading.prover.inclusion(log.heads.signed, claim.place)
            assert path == claim.path

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rate = calls_per_cpu_s(lambda: runner.run(prove()), seconds)
    log.close()
    return rate * len(claims)


def _verified(
    claims: list[Claim], size: int, root: bytes, policy: Policy, seconds: float
) -> dict[str, float]:
    """Return what is verified a second, by one core; each raises if it is untrue."""

    def verify() -> None:
        for claim in claims:
            verify_inclusion(claim.place, size, claim.leaf, claim.path, root)

    def many() -> None:
        inclusions = Inclusions(size, root)
        for claim in claims:
            inclusions.verify(claim.place, claim.leaf, claim.path)

    def artifact() -> None:
        for claim in claims:
            verify_artifact(claim.digest, Proof.parse(claim.proof_file), policy)

    works = {"verify": verify, "many": many, "bare": _bare(claims, size, root)}
    rates = calls_by_turns(works, seconds)
    rates["artifact"] = calls_per_cpu_s(artifact, seconds)
    return {name: rate * len(claims) for name, rate in rates.items()}


def _bare(claims: list[Claim], size: int, root: bytes) -> Callable[[], None]:
    """Return a loop of hashlib alone that verifies all claims, told the sides."""
    sides = [_sides(claim, size) for claim in claims]

    def bare() -> None:
        for claim, is_left in zip(claims, sides, strict=True):
            node = claim.leaf
            for sibling, left in zip(claim.path, is_left, strict=True):
                if left:
                    node = sha256(b"\x01" + sibling + node).digest()
                else:
                    node = sha256(b"\x01" + node + sibling).digest()
            assert node == root

    return bare


def _sides(claim: Claim, size: int) -> list[bool]:
    """Return of each sibling of a path whether it stands on the left."""
    index, last = claim.place, size - 1
    sides: list[bool] = []
    while last:
        if index % 2 or index != last:
            sides.append(index % 2 == 1)
        index, last = index // 2, last // 2
    return sides


if __name__ == "__main__":
    main()
