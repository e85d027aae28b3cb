"""The database's primary is killed, and its standby promoted: real ones, both.

With a synchronous standby nothing is lost.  What an asynchronous one has lost is found
before anything is written: by the bucket, by a witness, by a node that has seen more.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.opened import entries
from tests.support.bucket import Bucket
from tests.support.postgres import Postgres, postgres, standby_of
from tests.support.running import until
from tests.support.severed import Severed, severed
from tests.support.sharing import Shared, ending, shared, witnessed
from tests.system.audit import audit
from tests.system.load import History
from tests.system.server import NotServingError, ServerProcess
from tlogclient import LogClient, RefusedError, UnavailableError

LOOK_S = 0.02
STREAMING = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"
NEWEST = "SELECT pg_current_wal_lsn()::text"
BEHIND = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"


async def submit(node: ServerProcess, history: History, *batches: list[bytes]) -> None:
    policy = node.policy
    async with LogClient(node.url, policy) as client:
        for batch in batches:
            await history.submit(client, policy, batch)


class Pair:
    """A primary and its standby, which it is reached by over a proxy of its own."""

    def __init__(self, primary: Postgres, standby: Postgres, way: Severed) -> None:
        self.primary = primary
        self.standby = standby
        self._way = way

    def lay(self, store: Bucket, folder: Path) -> Shared:
        """Return a new log whose nodes find whichever of the two is the primary."""
        folder.mkdir()
        return shared(self.primary, store, folder)

    def node(self, log: Shared, name: str, *flags: str) -> ServerProcess:
        ports = f"127.0.0.1:{self.primary.port},127.0.0.1:{self.standby.port}"
        node = log.node(name, "--takeover-s", "1", *flags)
        node.variables["TLOG_DATABASE"] = (
            f"postgresql://tlog@{ports}/postgres?target_session_attrs=read-write"
        )
        return node

    async def attach(self) -> None:
        self._way.severs = ""
        await until(lambda: bool(self.primary.run(STREAMING)), LOOK_S)

    async def detach(self) -> None:
        self._way.severs = "all"
        self._way.cut()
        await until(lambda: not self.primary.run(STREAMING), LOOK_S)

    async def copied(self) -> None:
        """Wait until the standby has all that the primary has now."""
        ((newest,),) = self.primary.run(NEWEST)
        await until(lambda: self.standby.run(BEHIND, newest) == [(True,)], LOOK_S)

    def fail_over(self) -> None:
        self.primary.crash()
        self.standby.promote()


@contextmanager
def pair() -> Iterator[Pair]:
    with (
        postgres() as primary,
        severed(primary.port) as way,
        standby_of(way.port) as standby,
    ):
        yield Pair(primary, standby, way)


async def test_with_a_synchronous_standby_nothing_is_lost(
    store: Bucket, tmp_path: Path
) -> None:
    with pair() as servers:
        await servers.attach()
        log = servers.lay(store, tmp_path / "log")
        nodes = [servers.node(log, it) for it in ("first", "second")]
        history = History()
        with ending(*nodes):
            # A failover to a standby that is not waited for would lose commits.
            with pytest.raises(NotServingError, match=r"no standby .* is synchronous"):
                nodes[0].start()
            servers.primary.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
            servers.primary.run("SELECT pg_reload_conf()")
            await until(lambda: servers.primary.run(STREAMING) == [("sync",)], LOOK_S)
            for node in nodes:
                node.start()
            await submit(nodes[0], history, entries(0, 200), entries(200, 300))
            servers.fail_over()
            # The node that wrote ends at its next commit, whose outcome is unknown.
            await submit(nodes[1], history, entries(250, 400))
            assert 3 == nodes[0].wait()
            nodes[0].start()
            await submit(nodes[0], history, entries(0, 10), entries(400, 420))
            for node in nodes:
                assert 0 == node.terminate()
        files = log.published()
        opened = nodes[0].policy.open_checkpoint(files["checkpoint"])
        audited = audit(opened.checkpoint, files)
        assert entries(0, 420) == audited.entries
        for told, index in history.indexes.items():
            assert told == audited.entries[index]


async def test_what_an_asynchronous_standby_has_lost_is_found(
    store: Bucket, tmp_path: Path
) -> None:
    """Attached after the nodes' start, and behind when the primary is killed."""
    if not os.environ.get("TLOG_STANDBY"):
        pytest.skip("takes a while: make standby")
    with pair() as servers:
        await servers.detach()
        logs = [
            servers.lay(store, tmp_path / it) for it in ("bucket", "witness", "seen")
        ]
        writing = [servers.node(it, "first") for it in logs]
        following = servers.node(logs[2], "second")
        with witnessed(logs[1], writing[1]), ending(*writing, following):
            for node in (*writing, following):
                node.start()
            await servers.attach()
            for node in writing:
                await submit(node, History(), entries(0, 20))
            await servers.copied()
            await servers.detach()
            # These are acknowledged, and lost: the bucket has them of one log alone.
            await submit(writing[0], History(), entries(20, 40))
            await until_public(logs[0], writing[0], 40)
            store.trouble = "NoSuchBucket"
            await submit(writing[1], History(), entries(20, 40))
            await submit(following, History(), entries(20, 40))
            servers.fail_over()
            # Whoever has them would publish them, once the bucket is back.
            for node in writing[1:]:
                node.kill()
            store.trouble = ""
            await the_writer_ends(writing[0])
            await the_bucket_knows_more(servers, logs[0])
            await the_witness_knows_more(servers, logs[1], writing[1])
            await the_follower_knows_more(following)
            assert [(20,)] * 3 == servers.standby.run("SELECT size FROM tlog_heads")


async def until_public(log: Shared, node: ServerProcess, size: int) -> None:
    opened = node.policy.open_checkpoint
    await until(
        lambda: opened(log.published()["checkpoint"]).checkpoint.size == size, LOOK_S
    )


async def the_writer_ends(node: ServerProcess) -> None:
    """What it commits does not follow on what the new primary has."""
    with pytest.raises(UnavailableError):
        async with LogClient(node.url, node.policy, attempts=1, timeout_s=4) as client:
            await client.submit(entries(40, 41))
    assert 3 == node.wait()


async def the_bucket_knows_more(servers: Pair, log: Shared) -> None:
    fresh = servers.node(log, "fresh")
    with ending(fresh), pytest.raises(NotServingError, match="below the stored 40"):
        fresh.start()


async def the_witness_knows_more(
    servers: Pair, log: Shared, writing: ServerProcess
) -> None:
    fresh = servers.node(log, "fresh")
    fresh.variables |= writing.variables
    with ending(fresh):
        fresh.start()
        await log.until_it_writes(fresh)
        await until(lambda: not log.standing_of(fresh)["not_rolled_back"], LOOK_S)
        with pytest.raises(RefusedError):
            await submit(fresh, History(), entries(40, 41))


async def the_follower_knows_more(following: ServerProcess) -> None:
    assert following.wait() not in {0, -9}
    assert "ends below the 40 that this node has seen" in following.stderr


async def test_storage_that_is_replicated_below_overrides_an_asynchronous_standby(
    store: Bucket, tmp_path: Path
) -> None:
    if not os.environ.get("TLOG_STANDBY"):
        pytest.skip("takes a while: make standby")
    with pair() as servers:
        await servers.attach()
        log = servers.lay(store, tmp_path / "log")
        node = servers.node(log, "node", "--durability", "storage")
        with ending(node):
            node.start()
            await submit(node, History(), entries(0, 10))
            assert 0 == node.terminate()
