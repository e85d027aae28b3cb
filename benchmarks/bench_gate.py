"""What a deploy decision costs: from the cache, the first one, and many of them."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.connections import Client, Timing
from benchmarks.results import Measure, Result, options
from benchmarks.running import (
    RunningGate,
    cpu_s,
    scratch_folder,
    serving,
    serving_gate,
)
from tlog.attest import NamedDigest, encode_statement, record_of, sign_statement
from tlog.signing import AttestationKeyType, generate_attestation_key
from tlogclient import LogClient
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.policy import Policy

QUESTION: Final = "How long does a cluster wait for a deploy decision?"
METHOD: Final = """
    Provenance of so many artifacts is signed and logged; envelopes and proofs lie in a
    folder, and no log runs when the gate does: `tlog gate` with its defaults, by plain
    HTTP.  Reviews of a Pod of 5 KB with one image are posted.  First decisions: each
    artifact once, by one connection, in the order of their digests.  Cached: one
    artifact again and again, by one connection.  Many: the same over 64 connections,
    each the next when its last is answered; the gate's CPU is read before and after.
    Every answer allows.  The client is another process on the same machine.
"""
CONNECTIONS: Final = 64
CACHED_MS: Final = 1.0
FIRST_P99_MS: Final = 20.0
RATE: Final = 1_000.0
BUILDER: Final = "https://builds.example/bench"
RULES: Final = f"""
[[keys]]
name = "release"
file = "release.key.pub"
builders = ["{BUILDER}"]
[[require]]
predicate_types = ["{PROVENANCE_TYPE}"]
signers = ["release"]
any_source = true
"""


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("artifacts", 1_000, 20), ("decisions", 20_000, 200))
    found: dict[str, list[float]] = {}
    for _ in range(given.runs):
        with scratch_folder() as folder:
            digests = asyncio.run(_attest(folder, given.artifacts))
            files = (
                f"--rules={folder / 'RULES.toml'}",
                f"--policy={folder / 'policy'}",
                f"--documents={folder / 'documents'}",
            )
            with serving_gate(*files, "--log-level=error") as gate:
                for name, value in uvloop.run(_measure(gate, digests, given.decisions)):
                    found.setdefault(name, []).append(value)
    budgets = {
        "a decision from the cache, p50": CACHED_MS,
        "a decision from the cache, p99": None,
        "a first decision, p50": None,
        "a first decision, p99": FIRST_P99_MS,
        "decisions from the cache": RATE,
        "the gate's CPU for one": None,
        "decisions for a second of its CPU": RATE,
    }
    units = ("ms", "ms", "ms", "ms", "/s", "us", "/s")
    Result(
        name="bench_gate",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure(name, unit, found[name], budget, unit != "/s")
            for (name, budget), unit in zip(budgets.items(), units, strict=True)
        ],
        settings={
            "artifacts": given.artifacts,
            "decisions": given.decisions,
            "connections": CONNECTIONS,
        },
        is_quick=given.quick,
    ).finish()


async def _attest(folder: Path, count: int) -> list[str]:
    """Sign and log provenance; lay it into a folder, and return the digests."""
    key = generate_attestation_key(AttestationKeyType.P256)
    key.write(folder / "release.key")
    (folder / "RULES.toml").write_text(RULES)
    documents = folder / "documents"
    documents.mkdir()
    digests = [hashlib.sha256(b"artifact %d" % it).digest() for it in range(count)]
    made = []
    for sha256 in digests:
        subjects = (NamedDigest("app", sha256),)
        statement = encode_statement(subjects, PROVENANCE_TYPE, _provenance())
        envelope = sign_statement(statement, key)
        record = record_of(envelope, subjects, PROVENANCE_TYPE, key)
        made.append((envelope, record))
    with serving(folder / "log") as log:
        policy = (folder / "log" / "policy").read_bytes()
        (folder / "policy").write_bytes(policy)
        async with LogClient(log.url, Policy.parse(policy)) as client:
            proofs = await client.submit([record for _, record in made])
    for nth, ((envelope, _), proof) in enumerate(zip(made, proofs, strict=True)):
        (documents / f"{nth}.tlog-proof").write_bytes(proof.encode())
        (documents / f"{nth}.intoto.jsonl").write_bytes(envelope)
    return [it.hex() for it in sorted(digests)]


async def _measure(
    gate: RunningGate, digests: Sequence[str], decisions: int
) -> list[tuple[str, float]]:
    async with Client.to(gate.url, 1) as client:
        first = await client.closed_loop([_review(it) for it in digests])
        _check(first)
        again = await client.closed_loop([_review(digests[0])] * decisions)
        _check(again)
    async with Client.to(gate.url, CONNECTIONS) as client:
        before_s = cpu_s(gate.process)
        many = await client.closed_loop([_review(digests[0])] * decisions)
        used_s = cpu_s(gate.process) - before_s
        _check(many)
    return [
        ("a decision from the cache, p50", _rank(again.latencies_s, 0.5) * 1_000),
        ("a decision from the cache, p99", _rank(again.latencies_s, 0.99) * 1_000),
        ("a first decision, p50", _rank(first.latencies_s, 0.5) * 1_000),
        ("a first decision, p99", _rank(first.latencies_s, 0.99) * 1_000),
        ("decisions from the cache", decisions / many.seconds),
        ("the gate's CPU for one", used_s / decisions * 1e6),
        ("decisions for a second of its CPU", decisions / max(used_s, 0.01)),
    ]


def _check(timing: Timing) -> None:
    assert all(answer.status == 200 for answer in timing.answers)
    assert all(b'"allowed":true' in answer.body for answer in timing.answers)


def _review(digest: str) -> bytes:
    """Return a whole request: the review of a Pod with what Pods usually have."""
    labels = {f"label-{it}.example/name": f"value {it}" for it in range(30)}
    env = [{"name": f"VARIABLE_{it}", "value": "x" * 40} for it in range(30)]
    container = {
        "name": "app",
        "image": f"images.example/team/app@sha256:{digest}",
        "env": env,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "app-1", "namespace": "shop", "labels": labels},
        "spec": {"containers": [container], "restartPolicy": "Always"},
    }
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": kind,
        "operation": "CREATE",
        "namespace": "shop",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset"},
        "object": made,
        "oldObject": None,
        "dryRun": False,
    }
    body = json.dumps(
        {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": request,
        }
    ).encode()
    head = "POST /admit/enforce HTTP/1.1\r\nHost: g\r\nContent-Type: application/json"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _provenance() -> dict[str, object]:
    return {
        "buildDefinition": {
            "buildType": "https://builds.example/make/v1",
            "externalParameters": {"source": "git+https://git.example/team/app"},
        },
        "runDetails": {"builder": {"id": BUILDER}},
    }


def _rank(latencies_s: Sequence[float], at: float) -> float:
    ordered = sorted(latencies_s)
    return ordered[round(at * (len(ordered) - 1))]


if __name__ == "__main__":
    main()
