"""Three nodes under load, of which one thing after the other breaks: one history.

TLOG_SHARED_ROUNDS: how many faults.  TLOG_SHARED_SEED: the seed that was printed.
The checker is `tests.system.audit`, which has no code of the server.
"""

import asyncio
import hashlib
import os
import random
import secrets
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from operator import lt
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.bucket import Bucket, bucket
from tests.support.postgres import free_port, postgres
from tests.support.running import until
from tests.support.severed import severed
from tests.support.sharing import Shared, shared
from tests.support.supervised import Node, supervised
from tests.system.audit import audit, root
from tests.system.load import History, Load
from tlogclient import LogClient, RefusedError, UnavailableError
from tlogverify import Policy

ROUNDS = int(os.environ.get("TLOG_SHARED_ROUNDS", "10"))
SEED = os.environ.get("TLOG_SHARED_SEED") or secrets.token_hex(4)
CLIENTS = 3
LOOK_S = 0.05
# Each look at the database is a connection, for which the server starts a process.
LOOK_INTO_DATABASE_S = 0.15
REFUSED = 10
# A node that is stopping asks for a pause of five seconds: another is asked at once.
PATIENCE_S = 4


class Run:
    """Nodes, clients that try one node after the other, and what they were told."""

    def __init__(
        self, log: Shared, stored: Bucket, nodes: list[Node], chance: random.Random
    ) -> None:
        self.log = log
        self.bucket = stored
        self.nodes = nodes
        self.chance = chance
        self.history = History()
        self._load = Load(self.history, chance)
        self.policy: Policy
        self.answers = [0] * CLIENTS
        self.clients: list[asyncio.Task[None]] = []
        self.heard: set[int] = set()

    async def client(self, number: int) -> None:
        """Submit for ever; what was not answered is submitted again, anywhere."""
        while True:
            batch, is_answered = self._load.batch(), False
            while not is_answered:
                is_answered = await self._submit(batch)
                await asyncio.sleep(LOOK_S)
            self.answers[number] += 1

    async def _submit(self, batch: list[bytes]) -> bool:
        for node in self.chance.sample(self.nodes, len(self.nodes)):
            client = LogClient(node.url, self.policy, attempts=1, timeout_s=PATIENCE_S)
            async with client:
                with suppress(UnavailableError):
                    await self.history.submit(client, self.policy, batch)
                    return True
        return False

    async def reader(self) -> None:
        """Ask any node, for ever, for its head and a proof of what was acknowledged."""
        while True:
            node = self.chance.choice(self.nodes)
            client = LogClient(node.url, self.policy, attempts=1, timeout_s=PATIENCE_S)
            async with client:
                # A node that was just started has not read all of it yet.
                with suppress(UnavailableError, RefusedError):
                    await self._read(client)
                    self.heard.add(node.port)
            await asyncio.sleep(LOOK_S)

    async def _read(self, client: LogClient) -> None:
        head = self.policy.open_checkpoint(await client.note()).checkpoint
        self.history.take_head(head)
        known = list(self.history.indexes.items())
        if known:
            told, index = self.chance.choice(known)
            proof = await client.prove(index)
            assert (told, index) == (proof.extra, proof.index)
            proven = self.policy.open_checkpoint(proof.note).checkpoint
            self.history.take_head(proven)

    async def until_all_are_answered(self) -> None:
        """Wait until each client has been answered again."""
        before = list(self.answers)
        await until(
            lambda: (
                all(map(lt, before, self.answers))
                or any(it.done() for it in self.clients)
            ),
            LOOK_S,
        )
        # A client ends only by what it was told: a proof or a head that cannot be.
        assert [] == [it.exception() for it in self.clients if it.done()]

    async def writing(self) -> Node:
        """Return the node that the database names, once it takes connections."""
        while True:
            for (address,) in self.log.server.run(
                "SELECT address FROM tlog_heads WHERE origin = %s", self.log.origin
            ):
                (node,) = (it for it in self.nodes if it.url == address)
                if node.is_serving:
                    return node
            await asyncio.sleep(LOOK_INTO_DATABASE_S)

    async def another_writes(self, term: int) -> None:
        await until(lambda: self.log.head()[0] > term, LOOK_INTO_DATABASE_S)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def hand_over(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        """End the one that writes, and now and then one that waits too."""
        term, node = self.log.head()[0], await self.writing()
        node.send(number)
        if self.chance.random() < 0.3:
            self.chance.choice(self.nodes).send(number)
        await self.another_writes(term)

    async def stop_and_go_on(self) -> None:
        """Stop the one that writes until another one does."""
        term, node = self.log.head()[0], await self.writing()
        node.send(signal.SIGSTOP)
        await self.another_writes(term)
        node.send(signal.SIGCONT)

    async def cut_connections(self) -> None:
        term = self.log.head()[0]
        self.log.server.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tlog'"
        )
        # A commit whose connection is gone has an unknown outcome: that node ends.
        await self.another_writes(term)

    async def restart_database(self) -> None:
        term = self.log.head()[0]
        await asyncio.to_thread(self.log.server.stop)
        await asyncio.to_thread(self.log.server.start)
        await self.another_writes(term)

    async def take_the_bucket_away(self) -> None:
        # Commits go on; but a known entry's proof may need a tile, so that not every
        # client is answered before the bucket is back.
        before = self.bucket.refused
        self.bucket.trouble = "NoSuchBucket"
        await until(lambda: self.bucket.refused >= before + REFUSED, LOOK_S)
        self.bucket.trouble = ""

    async def cut_off(self) -> None:
        """Cut the one that writes off from database and bucket until another does."""
        term, node = self.log.head()[0], await self.writing()
        for way in node.ways:
            way.severs = "all"
            way.cut()
        await self.another_writes(term)
        for way in node.ways:
            way.severs = ""

    @property
    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        faults = [self.kill, self.hand_over, self.stop_and_go_on, self.cut_connections]
        return [
            *faults,
            self.restart_database,
            self.take_the_bucket_away,
            self.cut_off,
        ]

    def require_one_history(self) -> None:
        """Hold all that anybody was told against the bucket's bytes."""
        files = self.log.published()
        opened = self.policy.open_checkpoint(files["checkpoint"])
        entries = audit(opened.checkpoint, files).entries
        leaves = [hashlib.sha256(b"\x00" + it).digest() for it in entries]
        assert len(leaves) == len(set(leaves)), "an entry has two indexes"
        for told, index in self.history.indexes.items():
            # The last ones may be in the database, and not published yet.
            assert index >= len(entries) or told == entries[index]
        for size, head in self.history.heads.items():
            assert size > len(entries) or root(leaves[:size]) == head.root


@contextmanager
def three_nodes(log: Shared, stored: Bucket) -> Iterator[list[Node]]:
    with ExitStack() as stack:
        nodes = []
        for name in "abc":
            database = stack.enter_context(severed(log.server.port))
            store = stack.enter_context(severed(urlsplit(stored.url).port or 0))
            port = free_port()
            flags = ["--listen", f"127.0.0.1:{port}", "--takeover-s", "1"]
            server = log.node(name, *flags)
            url = log.server.url.replace(str(log.server.port), str(database.port))
            server.variables["TLOG_DATABASE"] = url
            server.variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{store.port}"
            nodes.append(Node(server, port, [database, store]))
        with supervised(nodes):
            yield nodes


@pytest.mark.crash
@pytest.mark.timeout(120 + 20 * ROUNDS)
async def test_whatever_breaks_there_is_one_history(tmp_path: Path) -> None:
    print(f"TLOG_SHARED_SEED={SEED}")
    chance = random.Random(SEED)  # noqa: S311 - the same faults again, by the seed
    with postgres() as server, bucket() as stored:
        log = shared(server, stored, tmp_path)
        with three_nodes(log, stored) as nodes:
            await _break_often(Run(log, stored, nodes, chance))


async def _break_often(run: Run) -> None:
    # The tables of a new database are made before anybody serves.
    await until(lambda: any(node.is_serving for node in run.nodes), LOOK_S)
    run.policy = (await run.writing()).server.policy
    run.clients = [asyncio.create_task(run.client(it)) for it in range(CLIENTS)]
    run.clients.append(asyncio.create_task(run.reader()))
    rounds: list[Callable[[], Awaitable[None]]] = []
    for number in range(ROUNDS):
        # Each fault once, in random order, before any comes again.
        rounds = rounds or run.chance.sample(run.faults, len(run.faults))
        fault = rounds.pop()
        await fault()
        await run.until_all_are_answered()
        run.require_one_history()
        told = f"{number + 1} {fault.__name__}: {len(run.history.indexes)} entries"
        print(told, "term", run.log.head()[0])
    for client in run.clients:
        client.cancel()
    outcomes = await asyncio.gather(*run.clients, return_exceptions=True)
    assert {asyncio.CancelledError} == set(map(type, outcomes))
    # The last node that writes publishes all that was acknowledged.
    for node in run.nodes:
        node.ending.set()
    writing = await run.writing()
    last = max(run.history.indexes.values())
    await until(lambda: last < _published(run), LOOK_S)
    assert writing.is_serving
    # Each node has answered readers, whichever of them wrote.
    assert {node.port for node in run.nodes} == run.heard
    run.require_one_history()


def _published(run: Run) -> int:
    note = run.log.published()["checkpoint"]
    return run.policy.open_checkpoint(note).checkpoint.size
