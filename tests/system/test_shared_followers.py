"""Any node of a log answers anything: what a node says that does not write.

PostgreSQL is real; the store is a bucket in memory.
"""

import asyncio
import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from tests.faults.opened import entries
from tests.support.bucket import Bucket
from tests.support.http import Answer, ask
from tests.support.rekor import b64, body_of, hashedrekord
from tests.support.rekor_client import PATH
from tests.support.running import until
from tests.support.severed import severed
from tests.support.sharing import Shared, ending, submit, witnessed
from tests.system.load import History, entry
from tlogclient import LogClient, UnavailableError
from tlogverify import Policy
from tlogverify.record import parse_record


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
        # The newest entry is found at once: the index is ahead of the head there.
        (subject,) = parse_record(entries(609, 610)[0]).subjects
        path = f"/api/v1/search?digest=sha256:{subject.sha256.hex()}"
        found = (await ask(following.url, path)).json()
        assert ([609], 610) == (
            [it["index"] for it in found["hits"]],
            found["complete_to"],
        )


async def test_each_node_says_where_it_stands(
    log: Shared, store: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = {"writes": log.node("first"), "follows": log.node("second")}
    with ending(*nodes.values()):
        nodes["writes"].start()
        await submit(nodes["writes"], History(), entries(0, 300))
        await until(lambda: b"\n300\n" in log.published()["checkpoint"], 0.02)
        nodes["follows"].start()
        for role, node in nodes.items():
            told: dict[str, Any] = {}
            while told.get("index_lag_entries") != 0:
                told = log.standing_of(node)
            assert (role, 1, 0) == (told["role"], told["term"], told["lag_entries"])
            assert (0, True) == (told["object_failures"], told["has_keys"])
            assert (told["last_commit_s"] or 0) >= 0
        monkeypatch.setattr(store, "trouble", "NoSuchBucket")
        await submit(nodes["writes"], History(), entries(300, 310))
        # One publishes, and the other one is asked for what it never had in memory.
        assert 503 == (await ask(nodes["follows"].url, "/tile/entries/000")).status
        for node in nodes.values():
            await until(
                partial(lambda it: log.standing_of(it)["object_failures"] > 0, node),
                0.02,
            )


async def test_a_node_that_follows_checks_what_it_is_sent(log: Shared) -> None:
    """Nobody else is there by then, for whom what is sound would have to wait."""
    log = replace(log, origin=f"{log.origin.partition('/')[2]}.example")
    flags = ("--sigstore", "--sigstore-native", "--takeover-s", "600")
    tokens = log.folder / "tokens"
    tokens.write_text(f"{hashlib.sha256(b'good').hexdigest()} ci\n")
    nodes = [log.node(it, *flags, "--tokens-file", str(tokens)) for it in "ab"]
    wrong = hashedrekord(b"one")
    wrong["hashedRekordRequestV002"]["digest"] = b64(hashlib.sha256(b"two").digest())
    native = b'{"entries":[%b]}' % entry("new")
    sent = [
        ("/api/v1/entries", native, "bad", 401),
        (PATH, body_of(hashedrekord(b"one")), "bad", 401),
        ("/api/v1/entries", native.replace(b"sha256", b"SHA256"), "good", 400),
        (PATH, body_of(wrong), "good", 400),
    ]
    with ending(*nodes):
        for node in nodes:
            node.start()
        nodes[0].kill()
        for path, body, token, status in sent:
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
            }
            told = await ask(
                nodes[1].url, path, method="POST", headers=headers, body=body
            )
            assert status == told.status, (path, token, told.body)
    assert (1, 1) == log.head()


async def test_sigstores_clients_are_answered_by_any_node(log: Shared) -> None:
    log = replace(log, origin=f"{log.origin.partition('/')[2]}.example")
    nodes = [log.node(name, "--sigstore") for name in ("first", "second")]
    with ending(*nodes):
        for node in nodes:
            node.start()
        told: list[Answer] = []
        # Twice by the node that follows, then by the one that writes.
        body = body_of(hashedrekord(b"one"))
        for node in (nodes[1], nodes[1], nodes[0]):
            told.append(await ask(node.url, PATH, method="POST", body=body))
        assert [201, 201, 201] == [it.status for it in told]
        assert {"1"} == {it.json()["logIndex"] for it in told}
        assert 1 == len({it.json()["canonicalizedBody"] for it in told})
        assert [False, True, True] == ["x-log-index" in it.headers for it in told]


async def test_cosigned_heads_are_shown_by_any_node(log: Shared) -> None:
    writing, following, history = log.node("first"), log.node("second"), History()
    with witnessed(log, writing), ending(following):
        writing.start()
        following.variables |= writing.variables
        following.start()
        await submit(following, history, entries(0, 40))
        async with LogClient(following.url, following.policy) as client:
            head = (await client.checkpoint()).checkpoint
            # It becomes public after it was answered with.
            while not head.size:
                head = (await client.checkpoint()).checkpoint
        assert head == history.heads[40]
        # What it says of the witness is what the writer has told it.
        told: list[Any] = []
        while len(told) != 2 or told[0] != told[1]:
            nodes = (writing, following)
            told = [(await ask(it.url, "/api/v1/log")).json() for it in nodes]
        assert (40, []) == (told[1]["cosigned_size"], told[1]["contradictions"])
        (witness,) = told[1]["witnesses"]
        assert ("cosigned", 40) == (witness["outcome"], witness["known_size"])
        standing = log.standing_of(following)
        assert (True, True) == (standing["confirmed"], standing["not_rolled_back"])


async def test_without_a_writer_readers_are_answered_and_submitters_wait(
    log: Shared,
) -> None:
    writing, history = log.node("first"), History()
    following = log.node("second", "--takeover-s", "600")
    with ending(writing, following):
        writing.start()
        following.start()
        await submit(following, history, entries(0, 20))
        writing.kill()
        # What this node knows, it answers alone.
        await submit(following, history, entries(3, 9))
        assert 200 == (await ask(following.url, "/checkpoint")).status
        body = b'{"entries":[%b]}' % entry("new")
        headers = {"Content-Type": "application/json"}
        refused = await ask(
            following.url, "/api/v1/entries", method="POST", headers=headers, body=body
        )
        assert (503, "busy") == (refused.status, refused.json()["type"])
        assert "retry-after" in refused.headers
        assert not log.standing_of(following)["writer_reached"]
        # A writer comes back, and the same node forwards to it.
        writing.start()
        await until(lambda: bool(log.standing_of(following)["writer_reached"]), 0.02)
        await submit(following, history, entries(15, 30))
        assert (2, 30) == log.head()


CLIENTS = 2
PAUSE_S = 0.03


def _is_over(
    clients: list[asyncio.Task[None]], answered: list[int], wanted: dict[int, int]
) -> bool:
    """Whether each client has been answered often enough, or one has ended."""
    enough = (answered.count(it) >= wanted[it] for it in wanted)
    return all(enough) or any(it.done() for it in clients)


async def test_a_rolling_upgrade_is_not_seen_by_who_tries_twice(log: Shared) -> None:
    nodes, history = [log.node("first"), log.node("second")], History()
    answered: list[int] = []
    failures: list[str] = []

    async def client(number: int) -> None:
        policy, made = nodes[0].policy, 0
        while True:
            made += 1
            batch = [entry(f"{number} {made} {it}") for it in range(3)]
            first = (number + made) % 2
            try:
                await _submit_once(nodes[first].url, policy, history, batch)
            except UnavailableError as error:
                failures.append(f"{nodes[first].url}: {error}")
                await _submit_once(nodes[1 - first].url, policy, history, batch)
            answered.append(number)
            await asyncio.sleep(PAUSE_S)

    with ending(*nodes):
        for node in nodes:
            node.start()
        clients = [asyncio.create_task(client(it)) for it in range(CLIENTS)]
        for turn in range(3):
            node, other = nodes[turn % 2], nodes[(turn + 1) % 2]
            assert 0 == await asyncio.to_thread(node.terminate)
            await log.until_it_writes(other)
            await asyncio.to_thread(node.start)
            # Who asked before it was there again has had both of its tries by then.
            wanted = {number: answered.count(number) + 2 for number in range(CLIENTS)}
            await until(partial(_is_over, clients, answered, wanted), 0.01)
            # Who was refused twice says so, beside what the first one had said.
            assert [] == [it.exception() for it in clients if it.done()], failures
        for it in clients:
            it.cancel()
        outcomes = await asyncio.gather(*clients, return_exceptions=True)
        assert {asyncio.CancelledError} == set(map(type, outcomes))
        assert 4 == log.head()[0]


async def _submit_once(
    url: str, policy: Policy, history: History, batch: list[bytes]
) -> None:
    async with LogClient(url, policy, attempts=1) as client:
        await history.submit(client, policy, batch)


async def test_a_killed_writer_is_not_noticed_by_who_asks_another_node(
    log: Shared,
) -> None:
    writing, following, history = log.node("first"), log.node("second"), History()
    with ending(writing, following):
        writing.start()
        following.start()
        await submit(following, history, entries(0, 20))
        writing.kill()
        # It waits for a node that writes, which this one becomes meanwhile.
        await submit(following, history, entries(10, 50))
        assert (2, 50) == log.head()


async def test_a_node_that_has_seen_more_than_the_writer_stops(log: Shared) -> None:
    """What a database has lost is missed by who has shown it."""
    writing, fresh, history = log.node("first"), log.node("third"), History()
    following = log.node("second", "--takeover-s", "600")
    with ending(writing, following, fresh):
        writing.start()
        following.start()
        await submit(writing, history, entries(0, 10))
        old = log.server.run(
            "SELECT note, size FROM tlog_heads WHERE origin = %s", log.origin
        )[0]
        # What is not in the bucket yet would be dropped from the database later.
        opened = writing.policy.open_checkpoint
        await until(
            lambda: opened(log.published()["checkpoint"]).checkpoint.size == 10, 0.02
        )
        published = dict(log.bucket.objects)
        await submit(following, history, entries(10, 20))
        writing.kill()
        # Both are put back, and the next node that writes has never seen more.
        log.server.run(
            "UPDATE tlog_heads SET note = %s, size = %s WHERE origin = %s",
            *(*old, log.origin),
        )
        log.server.run(
            'DELETE FROM tlog_batches WHERE origin = %s AND "end" > 10', log.origin
        )
        log.bucket.objects.clear()
        log.bucket.objects.update(published)
        fresh.start()
        assert 3 == await asyncio.to_thread(following.wait)
        assert "behind the 20 that this node has seen" in following.stderr


async def test_a_head_that_nobody_has_acknowledged_is_not_shown(log: Shared) -> None:
    """It is in the database, whose answer the writer never got."""
    # They beat so seldom that only a commit has an answer that can be lost.
    writing, following = (log.node(it, "--takeover-s", "600") for it in ("a", "b"))
    next_one, history = log.node("c", "--takeover-s", "1"), History()
    with severed(log.server.port) as way, ending(writing, following, next_one):
        port = str(log.server.port)
        url = log.server.url.replace(port, str(way.port))
        writing.variables["TLOG_DATABASE"] = url
        writing.start()
        following.start()
        await submit(following, history, entries(0, 10))
        way.severs = "answer"
        unanswered = asyncio.create_task(
            ask(
                *(writing.url, "/api/v1/entries"),
                method="POST",
                headers={"Content-Type": "application/json"},
                body=b'{"entries":[%b]}' % entries(10, 11)[0],
            )
        )
        await asyncio.to_thread(way.has_severed.wait)
        # It cannot say that it ends, either.
        way.severs = "all"
        way.cut()
        assert 3 == await asyncio.to_thread(writing.wait)
        assert 503 == (await unanswered).status
        assert (1, 11) == log.head()
        await until(lambda: "not following" in following.stderr, 0.02)
        for path, size in (("/checkpoint", b"\n10\n"), ("/api/v1/log", b'"size":10')):
            assert size in (await ask(following.url, path)).body
        # The next one that writes acknowledges it, by its recovery.
        next_one.start()
        await log.until_it_writes(next_one)
        await submit(following, history, entries(9, 12))
        assert 11 == history.indexes[entries(11, 12)[0]]


async def test_only_nodes_of_the_log_are_heard(log: Shared) -> None:
    writing, following = log.node("first"), log.node("second", "--log-level", "debug")
    with ending(writing, following):
        writing.start()
        following.start()
        ((secret,),) = log.server.run(
            "SELECT secret FROM tlog_heads WHERE origin = %s", log.origin
        )
        for given in ("", f"Bearer {'00' * 32}", f"Bearer {secret.hex()}"):
            headers = {"Authorization": given}
            told = await ask(writing.url, "/nodes/v1/heads", headers=headers)
            assert (200 if secret.hex() in given else 401) == told.status
            told = await ask(
                *(writing.url, "/nodes/v1/entries"),
                method="POST",
                headers=headers,
                body=b"x",
            )
            assert (400 if secret.hex() in given else 401) == told.status
        assert 404 == (await ask(following.url, "/nodes/v1/heads")).status
        assert secret.hex() not in writing.stderr + following.stderr
