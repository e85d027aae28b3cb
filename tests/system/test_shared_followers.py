"""Any node of a log answers anything: what a node says that does not write.

PostgreSQL is real; the store is a bucket in memory.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.opened import entries
from tests.support.bucket import Bucket, bucket
from tests.support.http import ask
from tests.support.postgres import Postgres, postgres
from tests.support.sharing import Shared, ending, shared
from tests.system.load import History
from tests.system.server import ServerProcess
from tlogclient import LogClient


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture(scope="module")
def store() -> Iterator[Bucket]:
    with bucket() as stored:
        yield stored


@pytest.fixture
def log(database: Postgres, store: Bucket, tmp_path: Path) -> Shared:
    return shared(database, store, tmp_path)


async def submit(node: ServerProcess, history: History, *batches: list[bytes]) -> None:
    policy = node.policy
    async with LogClient(node.url, policy, attempts=1) as client:
        for batch in batches:
            await history.submit(client, policy, batch)


async def test_a_node_that_follows_answers_as_the_one_that_writes(log: Shared) -> None:
    writing, following, history = log.node("first"), log.node("second"), History()
    with ending(writing, following):
        writing.start()
        following.start()
        await submit(writing, history, entries(0, 300))
        # New ones, known ones and both, by the node that does not write.
        await submit(following, history, entries(300, 600), entries(0, 5))
        await submit(following, history, entries(590, 610))
        assert (1, 610) == log.head()
        for path in (
            "/api/v1/proof/inclusion?index=7",
            "/api/v1/proof/inclusion?index=609&size=610",
            "/api/v1/proof/consistency?old=100&new=610",
            "/api/v1/entries/605",
            "/api/v1/entries?start=200&end=610",
            "/tile/0/000",
            "/tile/0/002.p/98",
            "/tile/entries/001",
        ):
            told = await ask(following.url, path)
            assert (200, told.body) == (
                told.status,
                (await ask(writing.url, path)).body,
            )
