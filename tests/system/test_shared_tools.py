"""What operators run on a log that nodes share: fsck, rebuild and migrate.

PostgreSQL is real, and the bucket is one in memory.
"""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.faults.opened import entries
from tests.support.bucket import NAME, Bucket
from tests.support.cases import case
from tests.support.folders import check
from tests.support.postgres import Postgres
from tests.support.sharing import Shared, ending, shared
from tests.system.load import History
from tests.system.server import NotServingError, ServerProcess, run_tlog
from tlog.fsck.check import Verdict
from tlog.fsck.damage import DamageError
from tlog.fsck.shared import SharedPlaces, check_shared
from tlogclient import LogClient
from tlogverify.bundles import encode_bundle
from tlogverify.hashing import leaf_hash

PUBLISHED, SIZE = 600, 650
KEPT = (
    (
        "SELECT origin, term, beat, is_held, size, note FROM tlog_heads"
        " WHERE origin = %s",
        "DELETE FROM tlog_heads WHERE origin = %s",
        "INSERT INTO tlog_heads (origin, term, beat, is_held, size, note)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
    ),
    (
        'SELECT origin, start, "end", entries FROM tlog_batches WHERE origin = %s',
        "DELETE FROM tlog_batches WHERE origin = %s",
        "INSERT INTO tlog_batches VALUES (%s, %s, %s, %s)",
    ),
)


async def submit(node: ServerProcess, *batches: list[bytes]) -> None:
    policy, history = node.policy, History()
    async with LogClient(node.url, policy) as client:
        for batch in batches:
            await history.submit(client, policy, batch)


class Grown(NamedTuple):
    """A log whose one node was killed while the bucket was away.

    Its last entries are in the database alone.
    """

    log: Shared
    store: Bucket
    node: ServerProcess

    def judge(self, *, tree_only: bool = False) -> Verdict:
        url = self.log.variables["TLOG_OBJECTS"]
        places = SharedPlaces(self.node.folder, self.log.server.url, url)
        return check_shared(places, lambda done, total: None, tree_only=tree_only)

    def key(self, path: str) -> str:
        return f"logs/{self.log.origin}/{path}"

    def run_sql(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self.log.server.run(sql, *values, self.log.origin)


@pytest.fixture(scope="module")
def made(
    database: Postgres, store: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Grown:
    log = shared(database, store, tmp_path_factory.mktemp("tools"))
    node = log.node("node")
    with ending(node):
        node.start()
        asyncio.run(submit(node, entries(0, PUBLISHED)))
        while f"\n{PUBLISHED}\n".encode() not in log.published().get("checkpoint", b""):
            pass
        store.trouble = "NoSuchBucket"
        asyncio.run(submit(node, entries(PUBLISHED, SIZE)))
        node.kill()
        store.trouble = ""
    return Grown(log, store, node)


@pytest.fixture
def grown(made: Grown, monkeypatch: pytest.MonkeyPatch) -> Iterator[Grown]:
    """Return that log; whatever a test does to its stores is undone."""
    for name, value in made.log.variables.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    objects = made.store.objects.copy()
    rows = [made.run_sql(look) for look, _, _ in KEPT]
    yield made
    made.store.objects.clear()
    made.store.objects.update(objects)
    for (_, drop, put_back), found in zip(KEPT, rows, strict=True):
        made.run_sql(drop)
        for row in found:
            made.log.server.run(put_back, *row)


def test_a_whole_log_is_whole(grown: Grown) -> None:
    origin = grown.log.origin
    found = grown.judge()
    # What a killed node had not written of its index is made anew by its next start.
    assert Verdict(origin, PUBLISHED, SIZE, found.indexed_size) == found
    done = grown.log.run_tlog("fsck", grown.node.folder, "--tree-only", "--json")
    told = {"whole": True, "origin": origin, "published_size": PUBLISHED}
    told |= {"signed_size": SIZE, "indexed_size": None}
    assert (0, told, "") == (done.returncode, json.loads(done.stdout), done.stderr)


def _flip(path: str) -> Callable[[Grown], None]:
    def change(grown: Grown) -> None:
        content = bytearray(grown.store.objects[grown.key(path)])
        content[40] ^= 1
        grown.store.objects[grown.key(path)] = bytes(content)

    return change


def _drop(path: str) -> Callable[[Grown], None]:
    def change(grown: Grown) -> None:
        del grown.store.objects[grown.key(path)]

    return change


def _lay(path: str, content: bytes) -> Callable[[Grown], None]:
    def change(grown: Grown) -> None:
        grown.store.objects[grown.key(path)] = content

    return change


def _in_database(sql: str) -> Callable[[Grown], None]:
    def change(grown: Grown) -> None:
        grown.run_sql(f"{sql} WHERE origin = %s")

    return change


def _older_head(grown: Grown) -> None:
    """Put the database back to what it was before the first publication."""
    log, older = grown.log, grown.store.checkpoints
    (note,) = {it for it in older if f"{log.origin}\n0\n".encode() in it}
    grown.run_sql("UPDATE tlog_heads SET size = 0, note = %s WHERE origin = %s", note)
    grown.run_sql("DELETE FROM tlog_batches WHERE origin = %s")


DAMAGES = [
    (_flip("tile/entries/001"), "bundle", "tile/entries/001"),
    (_drop("tile/entries/001"), "bundle", "tile/entries/001"),
    (_flip("tile/0/001"), "tile", "tile/0/001"),
    (_drop("tile/1/000.p/2"), "tile", "tile/1/000.p/2"),
    (_flip("checkpoint"), "head", "checkpoint"),
    (_drop("checkpoint"), "head", "checkpoint"),
    (_lay("tile/notes", b"?"), "leftover", "tile/notes"),
    (_lay("tile/0/002.p/5", bytes(160)), "leftover", "tile/0/002.p/5"),
    (_lay("tile/0/003", bytes(8192)), "leftover", "tile/0/003"),
    (_older_head, "journal", "the database: head: is below the public 600"),
    (_in_database("DELETE FROM tlog_heads"), "journal", "the database"),
    (_in_database("UPDATE tlog_heads SET size = 9"), "journal", "the database: head"),
    (_in_database("DELETE FROM tlog_batches"), "journal", "the database: head"),
    (
        _in_database("UPDATE tlog_batches SET start = 601"),
        "journal",
        "the database: batch 601",
    ),
]


@pytest.mark.parametrize("number", range(len(DAMAGES)))
def test_each_damage_is_named(grown: Grown, number: int) -> None:
    damage, kind, where = DAMAGES[number]
    damage(grown)
    with pytest.raises(DamageError) as found:
        grown.judge(tree_only=True)
    assert kind == found.value.kind
    assert where in str(found.value)


async def test_a_log_is_judged_while_its_nodes_write(
    database: Postgres, store: Bucket, tmp_path: Path
) -> None:
    log = shared(database, store, tmp_path)
    node, size = log.node("node"), 0
    with ending(node):
        node.start()
        judging = asyncio.create_task(
            asyncio.to_thread(log.run_tlog, "fsck", node.folder, "--tree-only")
        )
        while not judging.done():
            await submit(node, entries(size, size + 50))
            size += 50
        done = await judging
        assert (0, "") == (done.returncode, done.stderr)
        for verb, why in (
            (("fsck",), "leave its index out by --tree-only"),
            (("rebuild",), "another process holds"),
            (("migrate", "--back"), "another process holds"),
        ):
            with case(" ".join(verb)):
                done = log.run_tlog(*verb, node.folder)
                assert (2, "") == (done.returncode, done.stdout)
                assert why in done.stderr
        # A second node's folder is free, and the log is not.
        other = log.node("other").folder
        for name in ("log.vkey", "format"):
            shutil.copy(node.folder / name, other / name)
        for verb in (("rebuild",), ("migrate", "--back")):
            with case(" ".join(verb)):
                done = log.run_tlog(*verb, other)
                assert (2, "") == (done.returncode, done.stdout)
                assert "a node writes this log" in done.stderr
        assert 0 == node.terminate()
    assert 0 == log.run_tlog("fsck", node.folder).returncode


def test_a_monitor_follows_the_bucket_itself(grown: Grown, tmp_path: Path) -> None:
    """No node is there: the bucket is read as a static server's public/ is."""
    url = f"{grown.store.url}/{NAME}/{grown.key('')}"
    policy = grown.node.folder / "policy"
    asked = ("monitor", "--log", url, "--policy", policy, "--once", "--state")
    done = run_tlog(*asked, tmp_path / "state")
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    # The full bundles, one behind the other; it keeps the incomplete one in memory.
    read = (tmp_path / "state/entries.bin").read_bytes()
    assert encode_bundle(entries(0, PUBLISHED // 256 * 256)) == read
    _flip("tile/entries/001")(grown)
    done = run_tlog(*asked, tmp_path / "other")
    assert 1 == done.returncode, done.stderr


def test_what_is_derived_is_made_anew(grown: Grown) -> None:
    for damage in (_flip("tile/0/001"), _drop("tile/1/000.p/2")):
        damage(grown)
    folder = grown.node.folder
    shutil.rmtree(folder / "index")
    done = grown.log.run_tlog("rebuild", folder, "--json")
    told = {"origin": grown.log.origin, "size": PUBLISHED, "from_journal": []}
    assert (0, told, "") == (done.returncode, json.loads(done.stdout), done.stderr)
    assert Verdict(grown.log.origin, PUBLISHED, SIZE, PUBLISHED) == grown.judge()


def test_a_damaged_bundle_is_made_anew_from_the_database(grown: Grown) -> None:
    """A batch that was published stays there until the next commit."""
    insert = "INSERT INTO tlog_batches VALUES (%s, 256, %s, %s)"
    bundle = encode_bundle(entries(256, PUBLISHED))
    grown.log.server.run(insert, grown.log.origin, PUBLISHED, bundle)
    _flip("tile/entries/001")(grown)
    done = grown.log.run_tlog("rebuild", grown.node.folder, "--json")
    assert ["public/tile/entries/001"] == json.loads(done.stdout)["from_journal"]
    assert PUBLISHED == grown.judge().published_size


def test_nothing_is_made_anew_from_damaged_bundles(grown: Grown) -> None:
    _flip("tile/entries/001")(grown)
    _drop("tile/0/000")(grown)
    before = grown.store.objects.copy()
    done = grown.log.run_tlog("rebuild", grown.node.folder)
    assert (1, "") == (done.returncode, done.stdout)
    assert "tile/entries/001" in done.stderr
    assert before == grown.store.objects


async def test_a_log_moves_into_shared_stores_and_back(
    database: Postgres, store: Bucket, tmp_path: Path
) -> None:
    """Same indexes, same bytes of the head; old proofs verify, new ones too."""
    log = shared(database, store, tmp_path)
    node = log.node("node")
    folder = node.folder
    alone = ServerProcess(folder, origin=log.origin)
    with ending(alone, node):
        alone.start()
        history, policy = History(), alone.policy
        async with LogClient(alone.url, policy) as client:
            for start in (0, 300):
                await history.submit(client, policy, entries(start, start + 300))
            (proof,) = await client.submit(entries(5, 6))
        done = log.run_tlog("migrate", folder)
        assert (2, "") == (done.returncode, done.stdout)
        assert "another process holds" in done.stderr
        assert 0 == alone.terminate()
        checkpoint = (folder / "public/checkpoint").read_bytes()
        done = log.run_tlog("migrate", folder, "--json")
        told = {"origin": log.origin, "size": 600, "published_size": 600}
        told |= {"lies_in": "stores"}
        assert (0, told, "") == (done.returncode, json.loads(done.stdout), done.stderr)
        assert checkpoint == log.published()["checkpoint"]
        assert 0 == log.run_tlog("fsck", folder).returncode
        with pytest.raises(NotServingError, match="this log has moved"):
            alone.start()

        node.start()
        await log.until_it_writes(node)
        async with LogClient(node.url, policy) as client:
            # Sent again, each entry has the index that it had.
            for start in (0, 300):
                await history.submit(client, policy, entries(start, start + 300))
            await history.submit(client, policy, entries(600, 650))
            (again,) = await client.submit(entries(5, 6))
        assert (5, 5) == (proof.index, again.index)
        assert 0 == node.terminate()

        done = log.run_tlog("migrate", folder, "--back", "--json")
        told |= {"size": 650, "published_size": 650, "lies_in": str(folder)}
        assert (0, told, "") == (done.returncode, json.loads(done.stdout), done.stderr)
        after = (folder / "public/checkpoint").read_bytes()
        assert log.published()["checkpoint"] == after
        assert 650 == check(folder).indexed_size
        with pytest.raises(NotServingError, match="this log has moved"):
            node.start()
        alone.start()
        async with LogClient(alone.url, policy) as client:
            await history.submit(client, policy, entries(0, 700))
        assert 0 == alone.terminate()
    leaf = leaf_hash(entries(5, 6)[0])
    for made in (proof, again):
        made.verify(leaf, policy)
