"""A log, three witnesses with a quorum of two, and who verifies: all as processes.

One witness is killed, one is slow, one has forgotten, one cannot be reached; then the
log is forked on purpose, by a second server with its key on a copy of its folder.
"""

import asyncio
import base64
import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import pytest

from tests.support import warm
from tests.support.cosigned import NOWHERE
from tests.support.http import ask
from tests.support.running import until
from tests.system.server import (
    ServerProcess,
    WitnessProcess,
    environment,
    run_tlog,
)
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogclient.cosigning import AddCheckpoint
from tlogclient.witness import KnownSize, WitnessClient
from tlogverify import (
    Policy,
    Proof,
    Record,
    open_checkpoint,
    parse_verifier_key,
)
from tlogverify.errors import QuorumError
from tlogverify.hashing import to_hash
from tlogverify.record import Subject

ORIGIN = "log.example/network"
FLAGS = ["--witness-interval-ms=20", "--publish-interval-ms=20"]
FLAGS += ["--witness-timeout-ms=1000", "--witness-wait-ms=1000"]


@dataclass
class Network:
    """The folder of it all, the witnesses, and the log that asks them."""

    folder: Path
    vkey: str
    witnesses: list[WitnessProcess]

    def policy(self, needed: int = 2, **urls: str) -> Path:
        """Write a policy of the witnesses; urls: of those that are asked elsewhere."""
        names = [f"w{number}" for number in range(len(self.witnesses))]
        lines = [
            f"witness {name} {it.vkey} {urls.get(name, it.url)}"
            for name, it in zip(names, self.witnesses, strict=True)
        ]
        lines += [f"group enough {needed} {' '.join(names)}", "quorum enough", ""]
        file = self.folder / "witnesses"
        file.write_text("\n".join(lines))
        return file

    @contextmanager
    def log(self, folder: str, *flags: str | Path) -> Iterator[ServerProcess]:
        """Serve a log of this network's key; stopped in peace at the end."""
        server = ServerProcess(
            self.folder / folder, *FLAGS, *map(str, flags), origin=ORIGIN
        )
        try:
            yield server.start()
            assert 0 == server.terminate(), server.stderr
        finally:
            server.end()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    keys = tmp_path / "log" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    made = run_tlog("keygen", ORIGIN, "--out", keys / "log.ed25519")
    vkey = made.stdout.strip()
    witnesses = [
        WitnessProcess(
            tmp_path / f"w{number}",
            *("--log", vkey, "--keys", "ed25519"),
            origin=f"witness.example/{number}",
        )
        for number in range(3)
    ]
    try:
        for witness in witnesses:
            witness.start()
        yield Network(tmp_path, vkey, witnesses)
    finally:
        for witness in witnesses:
            witness.end()


class Fork(NamedTuple):
    """A second history: where it is served, and its head."""

    url: str
    note: bytes


def record(number: int, salt: str = "") -> Record:
    digest = hashlib.sha256(f"{salt}{number}".encode()).digest()
    return Record((Subject(digest),), digest)


async def submit(
    server: ServerProcess, start: int, end: int, salt: str = ""
) -> list[Proof]:
    """Submit records; each proof satisfies the policy that the log hands out."""
    async with LogClient(server.url, server.policy) as client:
        return await client.submit([record(n, salt) for n in range(start, end)])


def outcomes(server: ServerProcess) -> dict[str, str]:
    """Return what the log tells of its witnesses."""
    with urlopen(f"{server.url}/api/v1/log") as answer:  # noqa: S310 - a loopback server of ours
        told = json.loads(answer.read())
    return {it["name"]: it["outcome"] for it in told["witnesses"]}


def signers(server: ServerProcess, proof: Proof) -> set[str]:
    """Return the names of the witnesses that cosigned a proof's head."""
    return {it.key.name for it in server.policy.open_checkpoint(proof.note).witnesses}


async def test_two_of_three_are_enough_whoever_is_missing(network: Network) -> None:
    w0, w1, w2 = network.witnesses
    with network.log("log", "--witness-policy", network.policy()) as server:
        (proof,) = await submit(server, 0, 1)
        assert 2 <= len(signers(server, proof))
        w0.kill()
        (proof,) = await submit(server, 1, 2)
        assert {"witness.example/1", "witness.example/2"} == signers(server, proof)
        # One that is slow, not gone: it holds its connection and does not answer.
        w2.send(signal.SIGSTOP)
        async with LogClient(server.url, server.policy, attempts=1) as client:
            with pytest.raises(UnavailableError):
                await client.submit_one(record(2))
        w2.send(signal.SIGCONT)
        (proof,) = await submit(server, 2, 3)
        assert {"witness.example/1", "witness.example/2"} == signers(server, proof)
    artifact = network.folder / "artifact"
    artifact.write_bytes(b"2")
    proof_file = network.folder / "artifact.tlog-proof"
    proof_file.write_bytes(proof.encode())
    policy = network.folder / "log" / "policy"
    done = await asyncio.to_thread(judge, artifact, "--policy", policy)
    assert 0 == done.returncode, done.stderr
    assert "cosigned by 2" in done.stdout
    # A killed witness comes back with what it had signed, and at another port.
    w0.start()
    elsewhere = network.policy(w1=NOWHERE)
    with network.log("log", "--witness-policy", elsewhere) as server:
        (proof,) = await submit(server, 3, 4)
        assert {"witness.example/0", "witness.example/2"} == signers(server, proof)
        assert "cosigned" == outcomes(server)["w0"]
        assert outcomes(server)["w1"] in {"unavailable", "none"}
    assert w1.url != NOWHERE


async def test_a_forked_log_gets_no_quorum_and_leaves_evidence(
    network: Network,
) -> None:
    w0 = network.witnesses[0]
    policy = network.policy()
    with network.log("log", "--witness-policy", policy) as server:
        await submit(server, 0, 5)
    assert 0 == w0.terminate()
    shutil.copytree(network.folder / "w0", network.folder / "w0-old")
    w0.start()
    shutil.copytree(network.folder / "log", network.folder / "fork")
    policy = network.policy()
    with network.log("log", "--witness-policy", policy) as server:
        honest = (await submit(server, 5, 12))[-1]
        everybody = {f"witness.example/{number}" for number in range(3)}
        await until(lambda: cosigned_sizes(network) == {12})
        assert everybody >= signers(server, honest)
        await until(lambda: public_size(server.url) == 12)
        assert (0, []) == monitor(network, server.url)
    # The copy asks its witnesses, and writes nothing.
    with network.log("fork", "--witness-policy", policy) as copy:
        async with LogClient(copy.url, copy.policy) as client:
            with pytest.raises(RefusedError, match="rolled-back"):
                await client.submit_one(record(99, "fork"))
    # A witness that has forgotten cannot tell; it is put back on purpose.
    assert 0 == w0.terminate()
    shutil.rmtree(network.folder / "w0")
    shutil.copytree(network.folder / "w0-old", network.folder / "w0")
    w0.start()
    # Whoever forks does not ask, and keeps nothing of what the witnesses have said.
    (network.folder / "fork" / "contradictions").unlink()
    with network.log("fork") as server:
        forked = Fork(server.url, (await submit(server, 0, 20, "fork"))[-1].note)
        answers = [await send_fork(network, it, forked) for it in network.witnesses]
        await until(lambda: public_size(server.url) == 25)
        status, alarms = monitor(network, server.url)
    assert 1 == status
    assert {"split-view", "bad-signature"} == {it["kind"] for it in alarms}
    assert [True, False, False] == answers
    files = [
        file
        for number in (1, 2)
        for file in (network.folder / f"w{number}" / "evidence").iterdir()
    ]
    assert 2 == len(files)
    files += [Path(it["evidence"]) for it in alarms if "evidence" in it]
    assert 3 == len(files)
    alone = network.folder / "alone"
    alone.write_text(f"log {network.vkey}\nquorum none\n")
    for file in files:
        arguments = ("--evidence", file, "--policy", alone)
        done = await asyncio.to_thread(judge, *arguments)
        assert 0 == done.returncode, done.stderr
    # One witness that forgot is no quorum.
    async with WitnessClient(w0.url) as client:
        cosigned = await client.checkpoint(ORIGIN)
    assert cosigned is not None
    with pytest.raises(QuorumError):
        Policy.read(network.folder / "log" / "policy").open_checkpoint(cosigned)


def monitor(network: Network, url: str) -> tuple[int, list[dict[str, Any]]]:
    """Look at a log once, as its policy says; return the status and the alarms."""
    policy, state = network.folder / "log" / "policy", network.folder / "monitor"
    flags = ("--policy", policy, "--state", state, "--once")
    done = run_tlog("monitor", "--log", url, *flags)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def public_size(url: str) -> int:
    """Return the size of a log's public checkpoint."""
    with urlopen(f"{url}/checkpoint") as answer:  # noqa: S310 - a loopback server of ours
        return int(answer.read().split(b"\n")[1])


def cosigned_sizes(network: Network) -> set[int]:
    """Return the sizes that the witnesses have cosigned."""
    name = hashlib.sha256(ORIGIN.encode()).hexdigest()
    sizes = set()
    for witness in network.witnesses:
        with urlopen(f"{witness.url}/{name}/checkpoint") as answer:  # noqa: S310 - a loopback server of ours
            sizes.add(int(answer.read().split(b"\n")[1]))
    return sizes


async def send_fork(network: Network, witness: WitnessProcess, fork: Fork) -> bool:
    """Ask for a cosignature as a log does; tell whether it was given."""
    size = open_checkpoint(fork.note, parse_verifier_key(network.vkey.encode())).size
    async with WitnessClient(witness.url) as client:
        known = await client.add_checkpoint(AddCheckpoint(0, (), fork.note))
        assert isinstance(known, KnownSize)
        target = f"/api/v1/proof/consistency?old={known.size}&new={size}"
        path = (await ask(fork.url, target)).json()["path"]
        hashes = tuple(to_hash(base64.b64decode(it)) for it in path)
        try:
            await client.add_checkpoint(AddCheckpoint(known.size, hashes, fork.note))
        except RefusedError as error:
            return error.status != 422
    return True


def judge(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Let a stranger verify, with nothing but `python -m tlogverify`."""
    command = [sys.executable, "-m", "tlogverify", *map(str, arguments)]
    return warm.run(command, environment=environment())
