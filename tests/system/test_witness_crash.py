"""A real witness, killed at random moments under load: no cosignature is forgotten.

TLOG_WITNESS_CRASH_KILLS: how many kills.  TLOG_CRASH_SEED: the seed that was printed.
"""

import asyncio
import os
import random
import secrets
from itertools import pairwise
from pathlib import Path

import pytest

from tests.oracle import rfc6962
from tests.support.witnessing import NAME, History, require_cosigned
from tests.system.server import WitnessProcess
from tests.tlogverify.actors import ED25519, Actor
from tlogclient.cosigning import AddCheckpoint
from tlogclient.errors import RefusedError, UnavailableError
from tlogclient.witness import KnownSize, WitnessClient
from tlogverify.hashing import to_hash
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.note import NoteSignature

KILLS = int(os.environ.get("TLOG_WITNESS_CRASH_KILLS", "10"))
SEED = os.environ.get("TLOG_CRASH_SEED") or secrets.token_hex(4)
LOAD_S = (0.02, 0.25)
MOST = 4_000
COMMON = 3


class ForkingLog:
    """A log that sends two histories; left: the heads whose cosignatures it holds."""

    def __init__(self, number: int, chance: random.Random) -> None:
        log = Actor(f"log{number}.example", ED25519, f"log {number}")
        one = rfc6962.leaf_hashes(MOST, f"{number} one")
        two = [*one[:COMMON], *rfc6962.leaf_hashes(MOST - COMMON, f"{number} two")]
        self.log = log
        self.left: list[tuple[int, bytes]] = []
        self._histories = (History(one, log), History(two, log))
        self._chance = chance
        self._known = 0

    async def ask_until_it_ends(self, url: str, keys: list[VerifierKey]) -> None:
        """Send heads of both histories until the witness is gone."""
        async with WitnessClient(url) as client:
            try:
                while True:
                    await self._ask(client, keys)
            except UnavailableError:
                return

    async def _ask(self, client: WitnessClient, keys: list[VerifierKey]) -> None:
        history = self._chance.choice(self._histories)
        old = self._known
        size = min(old + self._chance.randint(0, 4), MOST)
        path = tuple(map(to_hash, history.path(old, size)))
        try:
            told = await client.add_checkpoint(
                AddCheckpoint(old, path, history.note(size))
            )
        except RefusedError as error:
            status = error.status
        else:
            self._take(told, history, size, keys)
            return
        assert 422 == status

    def _take(
        self,
        told: tuple[NoteSignature, ...] | KnownSize,
        history: History,
        size: int,
        keys: list[VerifierKey],
    ) -> None:
        if isinstance(told, KnownSize):
            self._known = told.size
            return
        lines = b"".join(line.encode() for line in told)
        require_cosigned(lines, history.head(size), keys)
        self._known = size
        self.left.append((size, history.tree.root(size)))

    async def compare(self, client: WitnessClient) -> None:
        """Hold the restarted witness against all that it has ever said."""
        note = await client.checkpoint(self.log.name)
        heads = list(self.left)
        if note is None:
            assert [] == heads
            return
        _, size, root = note.split(b"\n")[:3]
        newest = next(
            it.head(int(size))
            for it in self._histories
            if it.head(int(size)).text.split(b"\n")[2] == root
        )
        assert newest.size >= max([0, *(size for size, _ in heads)])
        heads.append((newest.size, newest.root))
        assert any(
            all(it.tree.root(size) == root for size, root in heads)
            for it in self._histories
        )
        # Each was asked for from the one before: no older head was cosigned again.
        assert all(old[0] <= new[0] for old, new in pairwise(heads))


@pytest.mark.crash
@pytest.mark.timeout(60 + 10 * KILLS)
async def test_a_witness_killed_at_any_moment_knows_what_it_has_cosigned(
    tmp_path: Path,
) -> None:
    print(f"TLOG_CRASH_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311 - to repeat it
    logs = [ForkingLog(number, chance) for number in range(4)]
    vkeys = [part for it in logs for part in ("--log", it.log.vkey.decode())]
    arguments = ["--name", NAME, *vkeys]
    folder = tmp_path / "w"
    server = WitnessProcess(folder, *arguments, origin="")
    try:
        await asyncio.to_thread(server.start)
        keys = read_keys(folder)
        for _ in range(KILLS):
            await kill_under_load(server, logs, keys, chance.uniform(*LOAD_S))
            await asyncio.to_thread(server.start)
            assert keys == read_keys(folder)
            async with WitnessClient(server.url) as client:
                for log in logs:
                    await log.compare(client)
        assert 0 == await asyncio.to_thread(server.terminate)
    finally:
        server.end()
    print(f"{KILLS} kills, {sum(len(it.left) for it in logs)} cosigned heads")
    assert all(it.left for it in logs)


def read_keys(folder: Path) -> list[VerifierKey]:
    lines = (folder / "witness.vkey").read_bytes().splitlines()
    return [parse_verifier_key(line) for line in lines]


async def kill_under_load(
    server: WitnessProcess,
    logs: list[ForkingLog],
    keys: list[VerifierKey],
    after_s: float,
) -> None:
    asking = [
        asyncio.create_task(it.ask_until_it_ends(server.url, keys)) for it in logs
    ]
    _, unfinished = await asyncio.wait(asking, timeout=after_s)
    assert len(asking) == len(unfinished), "a log ended before the witness"
    server.kill()
    await asyncio.gather(*asking)
