"""Clients that submit at once, and what they have been told."""

import asyncio
import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

import aiohttp

from tests.faults.opened import entries
from tests.system.audit import Audited, audit, paths_of_size
from tests.system.server import ServerProcess
from tlogclient import LogClient, UnavailableError
from tlogverify import Checkpoint, Policy, Record
from tlogverify.record import Subject

BATCH_SIZES = (1, 1, 1, 1, 2, 2, 5, 20, 120)


def entry(label: str) -> bytes:
    """Return one canonical entry; another for each label."""
    digest = hashlib.sha256(label.encode()).digest()
    return Record((Subject(digest),), digest).encode()


@dataclass
class History:
    """All that a log has ever answered.

    indexes: of each acknowledged entry.  heads: every head received, by its size.
    fresh: entries acknowledged, and heads received, since the last look.
    sent: entries that may or may not be in the log.
    """

    indexes: dict[bytes, int] = field(default_factory=dict)
    heads: dict[int, Checkpoint] = field(default_factory=dict)
    fresh_entries: set[bytes] = field(default_factory=set)
    fresh_heads: set[int] = field(default_factory=set)
    sent: set[bytes] = field(default_factory=set)

    def take_head(self, head: Checkpoint) -> None:
        """Remember a head; two heads of one size must be the same."""
        assert self.heads.setdefault(head.size, head).root == head.root
        self.fresh_heads.add(head.size)

    async def submit(
        self, client: LogClient, policy: Policy, batch: Sequence[bytes]
    ) -> None:
        """Submit, and hold the answer against everything known; it is verified."""
        self.sent.update(batch)
        proofs = await client.submit(batch)
        for told, proof in zip(batch, proofs, strict=True):
            assert self.indexes.setdefault(told, proof.index) == proof.index
            self.fresh_entries.add(told)
        # All of a request's proofs are against one head.
        self.take_head(policy.open_checkpoint(proofs[0].note).checkpoint)


class Load:
    """Concurrent clients, each with batches of mixed sizes and some duplicates."""

    def __init__(self, history: History, chance: random.Random) -> None:
        self._history = history
        self._chance = chance
        self._made = 0

    def batch(self) -> list[bytes]:
        """Return entries: mostly new, some known, some twice in the batch."""
        chance, size = self._chance, self._chance.choice(BATCH_SIZES)
        batch: list[bytes] = []
        for _ in range(size):
            self._made += 1
            batch.append(entry(f"{self._made}"))
        known = list(self._history.sent)
        if known and chance.random() < 0.3:
            batch += chance.choices(known, k=chance.randint(1, 10))
        if chance.random() < 0.2:
            batch += chance.choices(batch, k=3)
        chance.shuffle(batch)
        return batch

    async def client(self, server: ServerProcess) -> None:
        """Submit until the server is gone."""
        policy = server.policy
        async with LogClient(server.url, policy, attempts=1) as client:
            while True:
                try:
                    await self._history.submit(client, policy, self.batch())
                except UnavailableError:
                    return


async def fetch_all(url: str, paths: Iterable[str]) -> dict[str, bytes]:
    """Fetch static files from `url`, uncompressed; each must be there."""
    headers = {"Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def fetch(path: str) -> bytes:
            async with session.get(f"{url}/{path}") as answer:
                assert answer.status == 200, (path, answer.status)
                return await answer.read()

        wanted = list(paths)
        return dict(zip(wanted, await asyncio.gather(*map(fetch, wanted)), strict=True))


async def audit_server(url: str, checkpoint: Checkpoint) -> Audited:
    """Verify the whole log of `checkpoint` from the tiles and bundles at `url`."""
    return audit(checkpoint, await fetch_all(url, paths_of_size(checkpoint.size)))


def submit(server: ServerProcess, start: int, end: int) -> int:
    """Submit the entries of [start, end); return the status, 0 if nobody answers."""
    body = {"entries": [json.loads(it) for it in entries(start, end)]}
    connection = HTTPConnection(server.url.removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    try:
        connection.request("POST", "/api/v1/entries", json.dumps(body), headers)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()
