"""Cosignatures a second of one witness that knows 1,000 logs."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.connections import Client, Timing
from benchmarks.results import Measure, Result, options
from benchmarks.running import (
    RunningWitness,
    cpu_s,
    scratch_folder,
    serving_witness,
)
from tlog import hashing
from tlog.clock import SystemClock
from tlog.log.merkle.plans import consistency_plan
from tlog.signing import HeadSigner, SigningKey
from tlogclient.cosigning import AddCheckpoint
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.keys import KeyType, parse_verifier_key
from tlogverify.note import parse_note, parse_signatures
from tlogverify.signed import verify_signature

QUESTION: Final = "How many heads a second does one witness cosign, for 1,000 logs?"
METHOD: Final = """
    A new witness for each run and each kind of key.  Each log's head grows round by
    round and comes with its consistency proof: 64 connections of one other process,
    each the next when its last is answered.  Then every log once a second, at moments
    drawn at random, whether or not earlier ones are answered: latency from when a head
    was due, and the rate that came of the 1,000 offered.  Every answer is 200; of each
    run 50 cosignatures are verified, and the newest heads are asked for.
"""
CONNECTIONS: Final = 64
LOGS: Final = 1_000
_SAMPLE: Final = 50
NAME: Final = "benchmarks.example/witness"


class Histories:
    """1,000 logs of one tree each, the same: only their names and keys differ."""

    def __init__(self, rounds: int) -> None:
        chance = random.Random(1)
        sizes = [0]
        for _ in range(rounds):
            sizes.append(sizes[-1] + chance.randint(1, 500))
        self.sizes = sizes
        digests = (hashlib.sha256(b"%d" % it).digest() for it in range(sizes[-1]))
        self._leaves = b"".join(digests)
        self.signers = [
            HeadSigner([_log_key(number)], SystemClock()) for number in range(LOGS)
        ]

    def requests(self, nth: int) -> list[bytes]:
        """Return each log's request of one round, whole."""
        old, new = self.sizes[nth : nth + 2]
        root = hashing.root(self._leaves[: 32 * new])
        path = tuple(
            hashing.root(self._leaves[32 * start : 32 * end])
            for start, end in consistency_plan(old, new).subtrees
        )
        bodies = (
            AddCheckpoint(old, path, signer.sign(new, root)).encode()
            for signer in self.signers
        )
        return [_post(body) for body in bodies]


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("rounds", 20, 2), ("seconds", 20, 2))
    histories = Histories(given.rounds + given.seconds)
    measures: list[Measure] = []
    for keys in ("ed25519", "both"):
        found: dict[str, list[float]] = {}
        for _ in range(given.runs):
            with scratch_folder() as folder, _witness(folder, keys, histories) as it:
                for name, value in uvloop.run(_run(it, histories, given.rounds)):
                    found.setdefault(name, []).append(value)
        measures += [
            Measure(f"{name}, {keys}", unit, found[name], None, unit != "/s")
            for name, unit in _UNITS.items()
        ]
    Result(
        name="bench_witness",
        question=QUESTION,
        method=METHOD,
        measures=measures,
        settings={
            "logs": LOGS,
            "rounds": given.rounds,
            "seconds": given.seconds,
            "connections": CONNECTIONS,
        },
        is_quick=given.quick,
    ).finish()


_UNITS: Final = {
    "heads cosigned": "/s",
    "p50 at that load": "ms",
    "p99 at that load": "ms",
    "witness CPU for a head": "us",
    "heads cosigned at 1,000/s offered": "/s",
    "p50 at 1,000/s offered": "ms",
    "p99 at 1,000/s offered": "ms",
}


async def _run(
    witness: RunningWitness, histories: Histories, rounds: int
) -> list[tuple[str, float]]:
    latencies_s: list[float] = []
    seconds = 0.0
    async with Client.to(witness.url, CONNECTIONS) as client:
        before_s = cpu_s(witness.process)
        for nth in range(rounds):
            timing = await client.closed_loop(histories.requests(nth))
            _check(timing, witness, histories.sizes[nth + 1])
            latencies_s += timing.latencies_s
            seconds += timing.seconds
        used_s = cpu_s(witness.process) - before_s
        offered = await _offer(client, witness, histories, rounds)
        await _check_newest(client, witness, histories)
    heads = rounds * LOGS
    figures = (
        heads / seconds,
        _rank(latencies_s, 0.5) * 1000,
        _rank(latencies_s, 0.99) * 1000,
        used_s / heads * 1e6,
        len(offered.latencies_s) / offered.seconds,
        _rank(offered.latencies_s, 0.5) * 1000,
        _rank(offered.latencies_s, 0.99) * 1000,
    )
    return list(zip(_UNITS, figures, strict=True))


async def _offer(
    client: Client, witness: RunningWitness, histories: Histories, first: int
) -> Timing:
    """Let each log send one head a second."""
    chance = random.Random(2)
    rounds = len(histories.sizes) - 1
    # Each log at its own moment of every second, so that its heads come in order.
    moments = sorted((chance.random(), number) for number in range(LOGS))
    requests, due_s = [], []
    for nth in range(first, rounds):
        bodies = histories.requests(nth)
        requests += [bodies[number] for _, number in moments]
        due_s += [nth - first + moment for moment, _ in moments]
    timing = await client.open_loop(requests, due_s)
    assert all(answer.status == 200 for answer in timing.answers)
    return timing


def _check(timing: Timing, witness: RunningWitness, size: int) -> None:
    assert all(answer.status == 200 for answer in timing.answers)
    for answer in random.Random(size).sample(timing.answers, 1):
        lines = parse_signatures(answer.body)
        assert len(lines) == len(witness.keys)


async def _check_newest(
    client: Client, witness: RunningWitness, histories: Histories
) -> None:
    """Ask for the newest head of some logs, and prove that it was cosigned."""
    signers = random.Random(3).sample(histories.signers, _SAMPLE)
    paths = [
        f"/{hashlib.sha256(signer.origin.encode()).hexdigest()}/checkpoint"
        for signer in signers
    ]
    asked = [f"GET {path} HTTP/1.1\r\nHost: w\r\n\r\n".encode() for path in paths]
    timing = await client.closed_loop(asked)
    for answer in timing.answers:
        note = parse_note(answer.body)
        head = parse_checkpoint(note.text)
        assert head.size == histories.sizes[-1]
        for vkey in witness.keys:
            key = parse_verifier_key(vkey.encode())
            (line,) = [it for it in note.signatures if it.is_by(key)]
            verify_signature(key, head, line)


@contextmanager
def _witness(folder: Path, keys: str, histories: Histories) -> Iterator[RunningWitness]:
    """Serve a new witness that knows all logs."""
    listed = "".join(
        f"vkey {signer.verifier_keys[0].encode()}\nqpd 2000000000\ncontact none\n"
        for signer in histories.signers
    )
    (folder / "logs").write_text(f"logs/v0\n{listed}")
    flags = (f"--keys={keys}", f"--log-list={folder / 'logs'}")
    with serving_witness(folder / "witness", NAME, *flags) as witness:
        assert witness.logs == LOGS
        yield witness


def _log_key(number: int) -> SigningKey:
    seed = hashlib.sha256(b"benchmark %d" % number).digest()
    return SigningKey(f"benchmarks.example/log{number}", KeyType.ED25519, seed)


def _post(body: bytes) -> bytes:
    head = "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


def _rank(latencies_s: Sequence[float], at: float) -> float:
    ordered = sorted(latencies_s)
    return ordered[round(at * (len(ordered) - 1))]


if __name__ == "__main__":
    main()
