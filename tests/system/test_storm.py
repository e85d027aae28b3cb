"""The same entries from many clients at once, with restarts between."""

import asyncio
import random
from functools import partial
from pathlib import Path

from tests.system.load import audit_server, entry
from tests.system.server import ServerProcess, run_tlog
from tlogclient import LogClient, UnavailableError

ENTRIES = 1000
CLIENTS = 20
BATCH = 50

# After so many answers the server is killed, or stopped and drained.
RESTARTS = ((60, "kill"), (140, "terminate"), (220, "kill"), (300, "terminate"))


class Storm:
    """Twenty clients that all submit everything, each in its own order."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._answers = 0
        self._serving = asyncio.Event()
        self._serving.set()
        self._answered = asyncio.Condition()
        self.indexes: dict[bytes, set[int]] = {}

    async def client(self, seed: int) -> None:
        """Submit all entries, again and again until each was acknowledged."""
        chance = random.Random(seed)  # noqa: S311 - an order that can be repeated
        wanted = [entry(f"storm {number}") for number in range(ENTRIES)]
        chance.shuffle(wanted)
        while wanted:
            await self._serving.wait()
            url, policy = self._server.url, self._server.policy
            try:
                async with LogClient(url, policy, attempts=1) as client:
                    while wanted:
                        await self._submit(client, wanted[:BATCH])
                        del wanted[:BATCH]
            except UnavailableError:
                # The server is gone: the next one is told everything that is left.
                self._serving_unless(url)

    async def restart_often(self) -> None:
        """End the server at each mark, and start the next one."""
        for mark, end in RESTARTS:
            async with self._answered:
                await self._answered.wait_for(partial(self._has_reached, mark))
            self._serving.clear()
            await asyncio.to_thread(getattr(self._server, end))
            await asyncio.to_thread(self._server.start)
            self._serving.set()

    def _has_reached(self, mark: int) -> bool:
        return self._answers >= mark

    def _serving_unless(self, url: str) -> None:
        if self._server.url == url:
            self._serving.clear()

    async def _submit(self, client: LogClient, batch: list[bytes]) -> None:
        proofs = await client.submit(batch)
        for told, proof in zip(batch, proofs, strict=True):
            self.indexes.setdefault(told, set()).add(proof.index)
        async with self._answered:
            self._answers += 1
            self._answered.notify_all()


async def test_the_same_entries_from_everywhere_have_one_index_each(
    tmp_path: Path,
) -> None:
    server = ServerProcess(tmp_path / "log").start()
    try:
        storm = Storm(server)
        await asyncio.gather(
            storm.restart_often(), *(storm.client(seed) for seed in range(CLIENTS))
        )
        assert ENTRIES == len(storm.indexes)
        assert set(range(ENTRIES)) == set().union(*storm.indexes.values())
        assert {1} == {len(indexes) for indexes in storm.indexes.values()}
        async with LogClient(server.url, server.policy) as client:
            proof = await client.submit_one(entry("storm 0"))
            head = server.policy.open_checkpoint(proof.note).checkpoint
        assert ENTRIES == head.size
        stored = (await audit_server(server.url, head)).entries
        assert storm.indexes == {told: {at} for at, told in enumerate(stored)}
        assert 0 == await asyncio.to_thread(server.terminate)
    finally:
        server.end()
    assert 0 == (await asyncio.to_thread(run_tlog, "fsck", server.folder)).returncode
