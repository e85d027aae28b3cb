"""A log that nodes share: its key, and nodes as real processes on one machine."""

import asyncio
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.support import warm
from tests.support.bucket import NAME
from tests.support.postgres import Postgres
from tests.system.load import History
from tests.system.server import (
    COMMAND,
    ServerProcess,
    WitnessProcess,
    environment,
)
from tlog.signing import generate_key, read_key
from tlogclient import LogClient
from tlogverify.keys import KeyType

_LOOK_S = 0.05

IS_LONG = "TLOG_SHARED_ROUNDS" in os.environ
"""Whether each step and each fault is tried: `make shared` does so."""


class SomeBucket(Protocol):
    """A bucket, and how a client finds it."""

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a client."""
        ...

    @property
    def objects(self) -> dict[str, bytes]:
        """All that is stored, by its key."""
        ...


@dataclass(frozen=True)
class Shared:
    """What all nodes of one log are given.

    origin: of a log of its own for each test, in the one database of all.
    """

    server: Postgres
    bucket: SomeBucket
    folder: Path
    origin: str

    def node(self, name: str, *arguments: str) -> ServerProcess:
        """Return a node that was not started; its folder has the log's key."""
        folder = self.folder / name
        self.lay_key(folder)
        named = ["--objects", f"s3://{NAME}/logs", "--takeover-s", "2", *arguments]
        server = ServerProcess(folder, *named, origin=self.origin)
        server.variables = {
            **self.bucket.variables,
            "TLOG_DATABASE": self.server.url,
            "TLOG_PUBLISH_INTERVAL_MS": "0",
        }
        return server

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a command that is about the stores."""
        return {
            **self.bucket.variables,
            "TLOG_DATABASE": self.server.url,
            "TLOG_OBJECTS": f"s3://{NAME}/logs",
            "TLOG_TAKEOVER_S": "1",
        }

    def run_tlog(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command on these stores to its end."""
        command = [*COMMAND, *arguments]
        return warm.run(command, environment={**environment(), **self.variables})

    def lay_key(self, folder: Path) -> None:
        """Lay the log's key into a node's folder; the first call makes it."""
        key = self.folder / "log.ed25519"
        if not key.exists():
            generate_key(self.origin, KeyType.ED25519).write(key)
        (folder / "keys").mkdir(mode=0o700, parents=True, exist_ok=True)
        laid = folder / "keys" / "log.ed25519"
        laid.write_bytes(key.read_bytes())
        laid.chmod(0o600)

    async def until_it_writes(self, node: ServerProcess) -> None:
        """Wait until a node that answers is the one that writes, behind its doors."""
        role = ""
        while role != "writes":
            await asyncio.sleep(_LOOK_S)
            # It changes its doors: who is connected then asks again.
            with suppress(URLError, ConnectionError):
                role = (await asyncio.to_thread(self.standing_of, node))["role"]

    def standing_of(self, node: ServerProcess) -> dict[str, Any]:
        """Return what a node says of itself, ready or not."""
        try:
            with urlopen(f"{node.url}/readyz") as answer:  # noqa: S310 - a server of ours
                told: dict[str, Any] = json.loads(answer.read())
        except HTTPError as refused:
            told = json.loads(refused.read())
        return told

    def verifier_key(self, folder: Path) -> str:
        """Return the log's verifier key, by the key in a node's folder."""
        return read_key(folder / "keys" / "log.ed25519").verifier_key.encode()

    def published(self) -> dict[str, bytes]:
        """Return what this log has in the bucket, by its path below the log."""
        prefix = f"logs/{self.origin}/"
        found = self.bucket.objects.copy()
        return {
            key.removeprefix(prefix): found[key]
            for key in found
            if key.startswith(prefix)
        }

    def head(self) -> tuple[int, int]:
        """Return the term and the size that the database says."""
        ((term, size),) = self.server.run(
            "SELECT term, size FROM tlog_heads WHERE origin = %s", self.origin
        )
        return term, size


def shared(server: Postgres, bucket: SomeBucket, folder: Path) -> Shared:
    """Return a new log that nodes can share."""
    origin = f"log.example/{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    return Shared(server, bucket, folder, origin)


async def submit(node: ServerProcess, history: History, *batches: list[bytes]) -> None:
    """Submit some batches to one node, each with no second try."""
    policy = node.policy
    async with LogClient(node.url, policy, attempts=1) as client:
        for batch in batches:
            await history.submit(client, policy, batch)


@contextmanager
def ending(*servers: ServerProcess) -> Iterator[None]:
    """Kill, at the end, what is left of some nodes."""
    try:
        yield
    finally:
        for server in servers:
            server.end()


@contextmanager
def witnessed(log: Shared, node: ServerProcess) -> Iterator[ServerProcess]:
    """Let a node's heads wait for one witness."""
    vkey = log.verifier_key(node.folder)
    witness = WitnessProcess(
        log.folder / "witness", "--log", vkey, origin=f"{log.origin}/witness"
    )
    policy = log.folder / "witnesses"
    with ending(witness, node):
        witness.start()
        policy.write_text(f"witness w {witness.vkey} {witness.url}\nquorum w\n")
        node.variables["TLOG_WITNESS_POLICY"] = str(policy)
        node.variables["TLOG_WITNESS_INTERVAL_MS"] = "5"
        yield witness
