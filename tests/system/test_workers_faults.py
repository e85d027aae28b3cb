"""Processes of a log with front ends, ended by signals under load.

What was acknowledged is judged by `tests.system.audit`, from the bytes that are served.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.cases import case
from tests.support.running import until
from tests.support.working import (
    FRONTS,
    processes_of,
    runs,
    until_ended,
    until_whole,
)
from tests.system.audit import root
from tests.system.load import History, audit_server, entry
from tests.system.server import ServerProcess, serving
from tlogclient import LogClient, UnavailableError
from tlogverify import Policy

CLIENTS = 3
KILLS = 4


@pytest.fixture
def log(tmp_path: Path) -> Iterator[ServerProcess]:
    with serving(tmp_path / "log", *FRONTS) as running:
        yield running


class Clients:
    """Clients that submit all the time, each on a new connection for each request.

    answered: how many requests were.  refused: who was refused twice, and how.
    """

    def __init__(self, log: ServerProcess, policy: Policy) -> None:
        self._url = log.url
        self._policy = policy
        self.history = History()
        self.answered = 0
        self.refused: list[UnavailableError] = []
        self._killed: list[int] = []

    def kill(self, pid: int) -> None:
        """Kill a front end; who is refused tries again once it has ended.

        While it ends, its sockets close one after the other: a client that it has just
        reset may be given to it once more.
        """
        self._killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    async def run(self, number: int) -> None:
        """Submit until a request is refused twice."""
        made = 0
        while not self.refused:
            made += 1
            batch = [entry(f"{number} {made} {it}") for it in range(2)]
            batch.append(entry(f"{number} {made - 1} 0"))
            try:
                await self._submit(batch)
            except UnavailableError:
                await until(lambda: not any(map(runs, self._killed)))
                try:
                    await self._submit(batch)
                except UnavailableError as error:
                    self.refused.append(error)
                    return
            self.answered += 1

    async def _submit(self, batch: list[bytes]) -> None:
        async with LogClient(self._url, self._policy, attempts=1) as client:
            await self.history.submit(client, self._policy, batch)

    async def until_more(self, count: int) -> None:
        """Wait until so many more requests are answered; none is refused twice."""
        wanted = self.answered + count
        while self.answered < wanted:
            assert [] == self.refused
            await asyncio.sleep(0)


@asynccontextmanager
async def load(log: ServerProcess) -> AsyncIterator[Clients]:
    """Have clients submit as long as the body runs."""
    clients = Clients(log, log.policy)
    tasks = [asyncio.create_task(clients.run(it)) for it in range(CLIENTS)]
    try:
        yield clients
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [it for it in outcomes if isinstance(it, Exception)]
    assert [] == faults


async def require_all(log: ServerProcess, history: History) -> None:
    """Raise unless all that was ever answered is in the log, as it was told."""
    policy = log.policy
    async with LogClient(log.url, policy) as client:
        await history.submit(client, policy, [entry("the last one")])
        known = next(iter(history.indexes))
        (proof,) = await client.submit([known])
        assert history.indexes[known] == proof.index
        head = policy.open_checkpoint(proof.note).checkpoint
    audited = await audit_server(log.url, head)
    assert all(audited.entries[at] == it for it, at in history.indexes.items())
    leaves = [sha256(b"\0" + it).digest() for it in audited.entries]
    for size, told in history.heads.items():
        assert told.root == root(leaves[:size])


async def test_a_killed_front_end_is_not_noticed_by_who_tries_twice(
    log: ServerProcess,
) -> None:
    async with load(log) as clients:
        for nth in range(KILLS):
            with case(f"kill {nth}"):
                await clients.until_more(5)
                before = processes_of(log)
                clients.kill(before.fronts[nth % 2])
                await clients.until_more(2)
                await until_whole(log)
                after = processes_of(log)
                assert before.leader == after.leader
                assert 1 == len({*before.fronts} - {*after.fronts})
    await require_all(log, clients.history)
    assert KILLS == log.stderr.count('"front end ended"')


async def test_a_killed_leader_ends_all_and_loses_nothing(log: ServerProcess) -> None:
    async with load(log) as clients:
        await clients.until_more(10)
        processes = processes_of(log)
        os.kill(processes.leader, signal.SIGKILL)
        # As a log of one process that is killed.
        assert -signal.SIGKILL == await asyncio.to_thread(log.wait)
        await asyncio.to_thread(until_ended, processes)
    log.start()
    await require_all(log, clients.history)
    assert '"leader ended"' in log.stderr


async def test_sigterm_answers_what_was_accepted(log: ServerProcess) -> None:
    async with load(log) as clients:
        await clients.until_more(10)
        processes = processes_of(log)
        # All of them are told, as systemd does.
        for it in (processes.leader, *processes.fronts):
            os.kill(it, signal.SIGTERM)
        assert 0 == await asyncio.to_thread(log.terminate)
        assert set() == processes.alive
    log.start()
    await require_all(log, clients.history)


async def test_without_a_parent_all_end(log: ServerProcess) -> None:
    processes = processes_of(log)
    log.kill()
    await asyncio.to_thread(until_ended, processes)
    log.start()
    await require_all(log, History())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_a_front_end_alone_starts_it_again(
    log: ServerProcess, number: signal.Signals
) -> None:
    """It answers what it has, and another one takes its place."""
    before = processes_of(log)
    os.kill(before.fronts[0], number)
    while '"front end ended"' not in log.stderr:
        pass
    asyncio.run(until_whole(log))
    first, second = processes_of(log).fronts
    assert before.fronts[1] == first
    assert second not in before.fronts
    assert 0 == log.terminate()
