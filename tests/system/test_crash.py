"""A real server, killed at random moments under load: nothing acknowledged is lost.

TLOG_CRASH_KILLS: how many kills in all.  TLOG_CRASH_SEED: the seed that was printed.
"""

import asyncio
import os
import random
import secrets
import signal
import time
from pathlib import Path

import pytest

from tests.system.load import History, Load, audit_server
from tests.system.server import (
    ORIGIN,
    NotServingError,
    ServerProcess,
    WitnessProcess,
    run_tlog,
)
from tlog.signing import generate_key
from tlogclient import LogClient
from tlogverify.keys import KeyType

KILLS = int(os.environ.get("TLOG_CRASH_KILLS", "50"))
SEED = os.environ.get("TLOG_CRASH_SEED") or secrets.token_hex(4)
CLIENTS = 4
FSCK_EVERY = 10

# Moments between two kills, in seconds, and between a start and a kill during it, in
# durations of the start before.
LOAD_S = (0.0, 0.15)
START = (0.0, 1.1)
KILLS_DURING_START = 0.12

OLD_HEADS_LOOKED_AT = 5
OLD_ENTRIES_SUBMITTED_AGAIN = 100


class WitnessedServer(ServerProcess):
    """A log that waits for one witness, which dies whenever the log is killed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        key = generate_key(ORIGIN, KeyType.ED25519)
        keys = folder / "keys"
        keys.mkdir(parents=True, mode=0o700)
        key.write(keys / "log.ed25519")
        beside = folder.with_name("witness")
        known = ("--log", key.verifier_key.encode())
        self._witness = WitnessProcess(beside, *known, origin=f"{ORIGIN}/witness")
        policy = folder.with_name("witnesses")
        try:
            self._witness.start()
            url, vkey = self._witness.url, self._witness.vkey
        finally:
            self._witness.end()
        policy.write_text(f"witness w {vkey} {url}\nquorum w\n")
        # From now on where the policy says.
        listen = ("--listen", url.removeprefix("http://"))
        self._witness = WitnessProcess(beside, *known, *listen, origin="")
        super().__init__(
            folder,
            *arguments,
            f"--witness-policy={policy}",
            "--witness-interval-ms=5",
        )

    def launch(self) -> None:  # type: ignore[explicit-override]  # typing: from 3.12
        self._witness.start()
        super().launch()

    def kill(self) -> None:  # type: ignore[explicit-override]  # typing: from 3.12
        self._witness.end()
        super().kill()

    def kill_without_waiting(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        self._witness.end()
        super().kill_without_waiting()

    def terminate(self) -> int:  # type: ignore[explicit-override]  # typing: from 3.12
        status = super().terminate()
        self._witness.end()
        return status

    def end(self) -> None:  # type: ignore[explicit-override]  # typing: from 3.12
        super().end()
        self._witness.end()


class CrashRun:
    """One server's life of many ends."""

    def __init__(self, server: ServerProcess, chance: random.Random) -> None:
        self._server = server
        self._chance = chance
        self._history = History()
        self._load = Load(self._history, chance)
        self._start_s = 0.0

    async def kill_often(self, kills: int) -> None:
        """Kill, restart, compare, `kills` times; then stop the server in peace."""
        await self._start()
        await self._submit_first()
        for kill in range(1, kills + 1):
            await self._kill_under_load()
            if kill % FSCK_EVERY == 0:
                await self._require_clean()
                print(f"{kill} kills, {len(self._history.indexes)} entries")
            if self._chance.random() < KILLS_DURING_START:
                await self._kill_while_starting()
            await self._start()
            await self._compare()
        assert 0 == await asyncio.to_thread(self._server.terminate)
        await self._require_clean()

    async def _start(self) -> None:
        begin = time.monotonic()
        await asyncio.to_thread(self._server.start)
        self._start_s = time.monotonic() - begin

    async def _submit_first(self) -> None:
        """Let the log have a head to be compared with."""
        async with LogClient(self._server.url, self._server.policy) as client:
            policy = self._server.policy
            await self._history.submit(client, policy, self._load.batch())

    async def _kill_under_load(self) -> None:
        clients = [
            asyncio.create_task(self._load.client(self._server)) for _ in range(CLIENTS)
        ]
        _, unfinished = await asyncio.wait(
            clients, timeout=self._chance.uniform(*LOAD_S)
        )
        assert len(clients) == len(unfinished), "a client ended before the server"
        self._server.kill()
        await asyncio.gather(*clients)

    async def _kill_while_starting(self) -> None:
        self._server.launch()
        ready = asyncio.create_task(asyncio.to_thread(self._server.wait_until_ready))
        moment = self._start_s * self._chance.uniform(*START)
        await asyncio.wait([ready], timeout=moment)
        self._server.kill_without_waiting()
        try:
            await ready
        except NotServingError as error:
            status = error.status
        else:
            status = self._server.wait()
        assert -signal.SIGKILL == status, self._server.stderr

    async def _compare(self) -> None:
        """Hold the restarted log against all that it has ever said."""
        history, chance = self._history, self._chance
        async with LogClient(self._server.url, self._server.policy) as client:
            old = sorted(history.heads.keys() - history.fresh_heads)
            looked_at = chance.sample(old, min(len(old), OLD_HEADS_LOOKED_AT))
            for size in sorted([*history.fresh_heads, *looked_at]):
                await client.checkpoint(extending=history.heads[size])
            newest = history.heads[max(history.heads)]
            head = (await client.checkpoint(extending=newest)).checkpoint
            history.take_head(head)
            stored = (await audit_server(self._server.url, head)).entries
            assert len(stored) == len(set(stored)), "an entry has two indexes"
            for told, index in history.indexes.items():
                assert told == stored[index]
            await self._submit_again(client)
        history.fresh_entries.clear()
        history.fresh_heads.clear()
        history.sent = set(history.indexes)

    async def _submit_again(self, client: LogClient) -> None:
        history = self._history
        some = min(len(history.indexes), OLD_ENTRIES_SUBMITTED_AGAIN)
        again = set(self._chance.sample(sorted(history.indexes), some))
        again |= history.fresh_entries
        # What was sent and not answered may be in the log or not: once, in the end.
        again |= history.sent - history.indexes.keys()
        if again:
            await history.submit(client, self._server.policy, sorted(again))

    async def _require_clean(self) -> None:
        """The stopped folder is whole, by fsck's word."""
        verdict = await asyncio.to_thread(run_tlog, "fsck", self._server.folder)
        assert 0 == verdict.returncode, verdict.stderr


SERVERS = {"alone": ServerProcess, "witnessed": WitnessedServer}


@pytest.mark.crash
@pytest.mark.timeout(60 + 5 * KILLS)
@pytest.mark.parametrize("kind", SERVERS)
async def test_a_log_killed_at_any_moment_keeps_all_that_it_acknowledged(
    tmp_path: Path, kind: str
) -> None:
    print(f"TLOG_CRASH_SEED={SEED} server {kind}")
    server = SERVERS[kind](tmp_path / "log", "--publish-interval-ms=20")
    chance = random.Random(f"{SEED} {kind}")  # noqa: S311 - to repeat it
    try:
        await CrashRun(server, chance).kill_often(-(-KILLS // len(SERVERS)))
    finally:
        server.end()
