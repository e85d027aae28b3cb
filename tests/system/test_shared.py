"""Two real nodes share one log: whoever writes ends, and the other one takes over.

PostgreSQL is real.  The store is a bucket in memory, or gofakes3 where that is found.
What is checked is checked by `tests.system.audit`, which has no code of the server.
"""

import hashlib
import json
import shutil
import signal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.faults.opened import entries
from tests.support.bucket import bucket
from tests.support.http import ask
from tests.support.postgres import Postgres
from tests.support.real_bucket import MISSING, real_bucket
from tests.support.sharing import Shared, ending, shared, witnessed
from tests.system.audit import Audited, audit, root
from tests.system.load import History
from tests.system.server import NotServingError, ServerProcess
from tlogclient import LogClient, RefusedError
from tlogverify import Policy


def wait_until_it_waits(node: ServerProcess) -> None:
    """Wait until a node that was launched has seen that another one writes."""
    while "another node writes" not in node.stderr:
        pass


async def submit(node: ServerProcess, history: History, *batches: list[bytes]) -> None:
    policy = node.policy
    async with LogClient(node.url, policy) as client:
        for batch in batches:
            await history.submit(client, policy, batch)


def readiness(node: ServerProcess) -> tuple[int, str]:
    """Return what a node that may not write says of itself."""
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{node.url}/readyz")  # noqa: S310 - a loopback server of ours
    return refused.value.code, refused.value.read().decode()


async def metrics(node: ServerProcess) -> str:
    return (await ask(node.url, "/metrics")).body.decode()


def audit_bucket(log: Shared, policy: Policy) -> Audited:
    """Verify all that is published, from the bucket's bytes alone."""
    files = log.published()
    opened = policy.open_checkpoint(files["checkpoint"])
    return audit(opened.checkpoint, files)


def require_one_history(history: History, audited: Audited) -> None:
    """Hold all that anybody was told against the entries that are published."""
    for entry, index in history.indexes.items():
        assert entry == audited.entries[index]
    leaves = [hashlib.sha256(b"\x00" + it).digest() for it in audited.entries]
    assert len(set(leaves)) == len(leaves)
    for size, head in history.heads.items():
        assert root(leaves[:size]) == head.root, size


async def test_a_killed_writer_is_replaced_and_nothing_acknowledged_is_lost(
    log: Shared,
) -> None:
    first, second, history = log.node("first"), log.node("second"), History()
    with ending(first, second):
        first.start()
        second.launch()
        wait_until_it_waits(second)
        batches = [entries(at, at + 60) for at in range(0, 600, 60)]
        await submit(first, history, *batches)
        first.kill()
        second.wait_until_ready()
        await log.until_it_writes(second)
        assert (2, 600) == log.head()
        # A retry is a success, whoever answers.
        await submit(second, history, batches[0], batches[-1], entries(600, 700))
        assert 0 == second.terminate()
        require_one_history(history, audit_bucket(log, second.policy))
        assert (2, 700) == log.head()


@pytest.mark.parametrize("name", MISSING)
async def test_a_store_of_somebody_else_keeps_one_history(
    database: Postgres, tmp_path: Path, name: str
) -> None:
    with real_bucket(name) as real:
        log = shared(database, real, tmp_path)
        nodes, history = [log.node("first"), log.node("second")], History()
        with ending(*nodes):
            nodes[0].start()
            nodes[1].launch()
            wait_until_it_waits(nodes[1])
            await submit(nodes[0], history, *(entries(at, at + 70) for at in (0, 70)))
            nodes[0].kill()
            nodes[1].wait_until_ready()
            await log.until_it_writes(nodes[1])
            await submit(nodes[1], history, entries(0, 5), entries(140, 600))
            assert 0 == nodes[1].terminate()
        require_one_history(history, audit_bucket(log, nodes[1].policy))
        assert (2, 600) == log.head()


async def test_a_writer_that_was_stopped_changes_nothing_when_it_goes_on(
    log: Shared,
) -> None:
    first, second, history = log.node("first"), log.node("second"), History()
    with ending(first, second):
        first.start()
        second.launch()
        wait_until_it_waits(second)
        await submit(first, history, entries(0, 300))
        first.send(signal.SIGSTOP)
        second.wait_until_ready()
        await log.until_it_writes(second)
        await submit(second, history, entries(300, 400))
        term, size = log.head()
        first.send(signal.SIGCONT)
        assert first.wait() not in {0, -signal.SIGKILL}
        assert "another node" in first.stderr
        assert (term, size) == log.head()
        # It comes back as one that waits, and is the next to write.
        first.launch()
        while first.stderr.count("another node writes") < 2:
            pass
        await submit(second, history, entries(400, 420))
        assert 0 == second.terminate()
        first.wait_until_ready()
        await log.until_it_writes(first)
        await submit(first, history, entries(0, 5), entries(420, 450))
        assert 0 == first.terminate()
        require_one_history(history, audit_bucket(log, first.policy))
        assert (term + 1, 450) == log.head()


async def test_a_node_that_ends_hands_the_log_over(log: Shared) -> None:
    nodes, history = [log.node("first"), log.node("second")], History()
    with ending(*nodes):
        nodes[0].start()
        for turn in range(4):
            writing, waiting = nodes[turn % 2], nodes[(turn + 1) % 2]
            waiting.launch()
            while waiting.stderr.count("another node writes") <= turn // 2:
                pass
            await submit(writing, history, entries(turn * 20, turn * 20 + 30))
            assert 0 == writing.terminate()
            waiting.wait_until_ready()
            await log.until_it_writes(waiting)
            assert turn + 2 == log.head()[0]
            assert f"\ntlog_term {turn + 2}.0\n" in await metrics(waiting)
        require_one_history(history, audit_bucket(log, nodes[0].policy))


async def test_logs_of_two_origins_lie_in_one_database_and_one_bucket(
    log: Shared, tmp_path: Path
) -> None:
    other = shared(log.server, log.bucket, tmp_path / "other")
    other.folder.mkdir()
    first, second = log.node("first"), other.node("second")
    with ending(first, second):
        first.start()
        second.start()
        for node, count in ((first, 10), (second, 20)):
            history = History()
            await submit(node, history, entries(0, count))
            assert 0 == node.terminate()
            whose = log if node is first else other
            assert count == audit_bucket(whose, node.policy).checkpoint.size


async def test_a_database_that_was_put_back_is_not_written(log: Shared) -> None:
    """It has lost what the bucket shows: whoever is told so, decides."""
    node, history = log.node("node"), History()
    with ending(node):
        node.start()
        await submit(node, history, entries(0, 10))
        note, size = log.server.run(
            "SELECT note, size FROM tlog_heads WHERE origin = %s", log.origin
        )[0]
        await submit(node, history, entries(10, 20))
        assert 0 == node.terminate()
        before = log.published()
        log.server.run(
            "UPDATE tlog_heads SET note = %s, size = %s WHERE origin = %s",
            *(note, size, log.origin),
        )
        with pytest.raises(NotServingError, match="ends below the stored 20"):
            node.start()
        log.server.run("DELETE FROM tlog_heads WHERE origin = %s", log.origin)
        with pytest.raises(NotServingError, match="has no head, but a checkpoint"):
            node.start()
        assert before == log.published()


async def test_an_index_remembers_what_database_and_bucket_have_lost(
    log: Shared,
) -> None:
    node, history = log.node("node"), History()
    with ending(node):
        node.start()
        await submit(node, history, entries(0, 20))
        assert 0 == node.terminate()
        log.server.run("DELETE FROM tlog_heads WHERE origin = %s", log.origin)
        log.bucket.objects.clear()
        with pytest.raises(NotServingError, match="index: is ahead of the log"):
            node.start()


async def test_a_witness_remembers_what_all_stores_have_lost(log: Shared) -> None:
    node, history = log.node("node"), History()
    with witnessed(log, node):
        node.start()
        await submit(node, history, entries(0, 20))
        assert 0 == node.terminate()
        log.server.run("DELETE FROM tlog_heads WHERE origin = %s", log.origin)
        log.bucket.objects.clear()
        shutil.rmtree(node.folder / "index")
        with pytest.raises(NotServingError, match="witness") as refused:
            node.start()
        assert "20" in refused.value.stderr
        assert {} == log.published()


async def test_what_a_witness_has_said_stops_the_next_node_too(log: Shared) -> None:
    """The witness is silent by then: the row of the log remembers."""
    first, second, history = log.node("first"), log.node("second"), History()
    with witnessed(log, first) as witness, ending(second):
        first.start()
        await submit(first, history, entries(0, 20))
        said = {"witness": "w", "size": 99, "said": "the witness knows 99 entries"}
        log.server.run(
            "UPDATE tlog_heads SET contradictions = %s WHERE origin = %s",
            *(json.dumps(said).encode(), log.origin),
        )
        first.kill()
        witness.kill()
        second.variables |= first.variables
        second.start()
        await log.until_it_writes(second)
        status, told = readiness(second)
        assert 503 == status
        assert "99 entries" in told
        before = log.head()
        with pytest.raises(RefusedError):
            await submit(second, history, entries(20, 30))
        assert before == log.head()


def test_a_node_without_the_logs_key_makes_none(log: Shared) -> None:
    node = log.node("node")
    key = node.folder / "keys" / "log.ed25519"
    key.unlink()
    with ending(node):
        with pytest.raises(NotServingError, match="tlog keygen") as refused:
            node.start()
        assert 2 == refused.value.status
        assert not key.exists()


@pytest.mark.parametrize("form", ["tlog:hunter-2@host/x", "host/x?password=hunter-2"])
def test_a_password_on_the_command_line_is_refused_and_not_shown(
    log: Shared, form: str
) -> None:
    node = log.node("node", "--database", f"postgresql://{form}")
    with ending(node), pytest.raises(NotServingError, match="TLOG_DATABASE") as refused:
        node.start()
    assert 2 == refused.value.status
    assert "hunter-2" not in node.stderr


def test_a_bucket_without_a_database_is_refused(log: Shared) -> None:
    node = log.node("node")
    del node.variables["TLOG_DATABASE"]
    with ending(node), pytest.raises(NotServingError, match="name both") as refused:
        node.start()
    assert 2 == refused.value.status


def test_a_store_that_hears_no_conditions_is_refused(log: Shared) -> None:
    with bucket() as bad:
        bad.is_conditional = False
        node = Shared(log.server, bad, log.folder, log.origin).node("node")
        with ending(node), pytest.raises(NotServingError, match="If-None-Match"):
            node.start()
        assert {} == bad.objects


def test_secrets_are_in_no_log_line(log: Shared) -> None:
    node = log.node("node", "--log-level", "debug")
    node.variables["TLOG_DATABASE"] = log.server.url.replace("tlog@", "tlog:PASSWORD@")
    with ending(node):
        node.start()
        assert 0 == node.terminate()
    assert "PASSWORD" not in node.stderr + str(node.told)
    assert log.bucket.variables["AWS_SECRET_ACCESS_KEY"] not in node.stderr
