"""The key of a log that nodes share changes while they serve.

PostgreSQL is real; the store is a bucket in memory.  Who signed a head is read from the
lines of its note, and proofs are judged by the verifier with the policy of each time.
"""

import asyncio
import signal
from operator import gt

import pytest

from tests.faults.opened import entries
from tests.support.bucket import Bucket
from tests.support.folders import check
from tests.support.http import announced, ask
from tests.support.postgres import free_port
from tests.support.rotated import Rotated, short
from tests.support.running import until
from tests.support.sharing import IS_LONG, Shared, ending
from tests.support.supervised import Node, supervised
from tests.system.load import entry
from tests.system.server import ServerProcess, run_tlog
from tlogclient import UnavailableError
from tlogverify import Policy, Proof
from tlogverify.errors import SignatureError
from tlogverify.hashing import leaf_hash

LOOK_S = 0.02
CLIENTS = 2
PAUSE_S = 0.1
# A node that is stopping asks for a pause of five seconds: another is asked at once.
PATIENCE_S = 4
SECOND = "log.ed25519.2"
JOIN: tuple[str, ...] = ()
RETIRE = ("--retire", "--early")


@pytest.fixture
def rotated(log: Shared, store: Bucket) -> Rotated:
    return Rotated(log, store)


def verify(proof: Proof, policy: Policy) -> None:
    proof.verify(leaf_hash(proof.extra or b""), policy)


def supervised_node(log: Shared, name: str) -> Node:
    port = free_port()
    flags = ("--listen", f"127.0.0.1:{port}", "--takeover-s", "1")
    return Node(log.node(name, *flags), port)


class Clients:
    """Clients that ask one node, and after an error the other one, once.

    policy: of now.  answered: how often each was.  refused: what first tries got.
    """

    def __init__(self, rotated: Rotated, nodes: list[Node], policy: Policy) -> None:
        self._rotated = rotated
        self._nodes = nodes
        self.policy = policy
        self.answered = [0] * CLIENTS
        self.refused: list[str] = []
        self._tasks = [asyncio.create_task(self._run(it)) for it in range(CLIENTS)]

    async def _run(self, number: int) -> None:
        made = 0
        while True:
            made += 1
            batch = [entry(f"{number} {made} {it}") for it in range(3)]
            first = (number + made) % 2
            urls = [self._nodes[it].url for it in (first, 1 - first)]
            submit = self._rotated.submit
            try:
                await submit(urls[0], self.policy, batch, timeout_s=PATIENCE_S)
            except UnavailableError as error:
                self.refused.append(str(error))
                await submit(urls[1], self.policy, batch)
            self.answered[number] += 1
            await asyncio.sleep(PAUSE_S)

    async def go_on(self) -> None:
        """Wait until each was answered again, often enough for all nodes."""
        wanted = [it + 3 for it in self.answered]
        await until(
            lambda: (
                all(map(gt, self.answered, wanted))
                or any(it.done() for it in self._tasks)
            ),
            LOOK_S,
        )
        assert [] == [it.exception() for it in self._tasks if it.done()], self.refused

    async def end(self) -> None:
        for it in self._tasks:
            it.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        assert {asyncio.CancelledError} == set(map(type, outcomes))


async def test_a_key_changes_under_load_and_who_tries_twice_sees_no_error(
    rotated: Rotated,
) -> None:
    log = rotated.log
    nodes = [supervised_node(log, name) for name in ("first", "second")]
    old, new = (
        rotated.lay_key(it, "first", "second", "admin")
        for it in ("log.ed25519", SECOND)
    )
    proofs, policies = dict[str, Proof](), dict[str, Policy]()
    given = log.folder / "old.policy"
    with supervised(nodes):
        await until(lambda: all(it.is_serving for it in nodes), LOOK_S)
        given.write_bytes((nodes[0].server.folder / "policy").read_bytes())
        clients = Clients(rotated, nodes, Policy.read(given))
        last = 0
        for time, step, signing in (
            ("old", None, (old,)),
            ("both", JOIN, (old, new)),
            ("new", RETIRE, (new,)),
        ):
            if step is not None:
                told = await asyncio.to_thread(rotated.rotate, *step)
                last = told["number"]
            # Both nodes tell the keys of now, whether they were started anew or not.
            for node in nodes:
                await rotated.until_signed_by(node.url, *signing)
            policies[time] = clients.policy = nodes[1].server.policy
            await clients.go_on()
            proofs[time] = await rotated.submit(
                nodes[0].url, clients.policy, [entry(f"kept {time}")]
            )
            await asyncio.to_thread(rotated.watch, given)
        await clients.end()
    signed = rotated.signed()
    assert {frozenset({short(new)})} == {
        frozenset(by) for size, by in signed if size > last
    }
    for policy, opened in policies.items():
        for time, proof in proofs.items():
            if (policy, time) == ("old", "new"):
                with pytest.raises(SignatureError):
                    verify(proof, opened)
            else:
                verify(proof, opened)


RAISED = "NEW.term <> OLD.term"
BEGUN = "OLD.eras IS NULL AND NEW.eras IS NOT NULL"
LOGGED = "NEW.size IS DISTINCT FROM OLD.size"
CHANGED = "OLD.eras IS NOT NULL AND NEW.eras IS DISTINCT FROM OLD.eras"
ANEW = "NEW.size = OLD.size AND NEW.note IS DISTINCT FROM OLD.note"
"""When a statement changes the log's row, and what: each is one step of a change."""

KILLS = [
    (JOIN, RAISED, False, "old"),
    (JOIN, BEGUN, True, "old"),
    (JOIN, LOGGED, True, "old"),
    (JOIN, CHANGED, False, "old"),
    (JOIN, CHANGED, True, "both"),
    (RETIRE, RAISED, True, "both"),
    (RETIRE, LOGGED, True, "both"),
    (RETIRE, CHANGED, True, "new"),
]
"""Which step is killed, where in it, was that done, and which keys sign after it."""

SOME = KILLS if IS_LONG else [KILLS[it] for it in (2, 4, 7)]


async def test_a_change_that_is_killed_anywhere_goes_on_with_the_same_key(
    rotated: Rotated,
) -> None:
    """After each kill the node writes again, and signs as the database says."""
    log = rotated.log
    node = supervised_node(log, "node")
    old, new = (rotated.lay_key(it, "node", "admin") for it in ("log.ed25519", SECOND))
    signing = {"old": (old,), "both": (old, new), "new": (new,)}
    given = log.folder / "old.policy"
    with supervised([node]):
        await until(lambda: node.is_serving, LOOK_S)
        given.write_bytes((node.server.folder / "policy").read_bytes())
        rotated.watch(given)
        for number, (step, when, persists, keys) in enumerate(SOME):
            await rotated.kill_within(when, *step, persists=persists)
            await rotated.until_it_writes(node.url)
            await rotated.until_signed_by(node.url, *signing[keys])
            await rotated.submit(node.url, node.server.policy, [entry(f"{number}")])
            by = {frozenset(by) for _, by in rotated.signed()[-1:]}
            assert {frozenset(map(short, signing[keys]))} == by, (step, when)
            if (step, keys) == (JOIN, "both"):
                await asyncio.to_thread(rotated.watch, given)
        await asyncio.to_thread(rotated.watch, given)


async def test_the_writer_that_was_stopped_signs_nothing_by_a_key_that_has_retired(
    rotated: Rotated,
) -> None:
    log, other = rotated.log, supervised_node(rotated.log, "other")
    stopped = log.node("stopped", "--takeover-s", "1")
    old, new = (
        rotated.lay_key(it, "other", "stopped", "admin")
        for it in ("log.ed25519", SECOND)
    )
    body = b'{"entries":[%b]}' % entry("late")
    with ending(stopped):
        stopped.start()
        await asyncio.to_thread(rotated.rotate, *JOIN)
        # Whoever is replaced ends, and knows both keys when it starts again.
        assert 3 == await asyncio.to_thread(stopped.wait)
        stopped.start()
        await rotated.submit(stopped.url, stopped.policy, entries(0, 30))
        # Who has only connected may be cut off: this one is under way for certain.
        late = await announced(stopped.url, "/api/v1/entries", body)
        stopped.send(signal.SIGSTOP)
        late.send()
        with supervised([other]):
            last = (await asyncio.to_thread(rotated.rotate, *RETIRE))["number"]
            await rotated.until_it_writes(other.url)
            policy = other.server.policy
            await rotated.submit(other.url, policy, entries(30, 60))
            stopped.send(signal.SIGCONT)
            assert 503 == (await late.answer()).status
            assert 3 == await asyncio.to_thread(stopped.wait)
            # What it could not commit is nowhere.
            stopped.start()
            await rotated.submit(stopped.url, stopped.policy, entries(60, 70))
            assert last + 40 == log.head()[1]
    signed = rotated.signed()
    assert {short(new)} == set.union(*(by for size, by in signed if size > last))
    assert {last + 30, last + 40} <= {size for size, _ in signed}
    assert {short(old), short(new)} == set.union(*(by for _, by in signed))


async def test_a_node_without_the_new_key_says_so_follows_and_does_not_write(
    rotated: Rotated,
) -> None:
    log, node = rotated.log, rotated.log.node("node", "--takeover-s", "1")
    (old,) = (rotated.lay_key(it, "node", "admin") for it in ("log.ed25519",))
    new = rotated.lay_key(SECOND, "admin")
    with ending(node):
        none = log.run_tlog("rotate-key", rotated.folder)
        assert (2, True) == (none.returncode, "holds no log" in none.stderr)
        node.start()
        await rotated.submit(node.url, node.policy, entries(0, 10))
        # Who is out of turn takes nobody's place.
        done = log.run_tlog("rotate-key", rotated.folder, *RETIRE)
        assert (2, True) == (done.returncode, "one key signs" in done.stderr)
        assert (1, 10) == log.head()
        # One key signs: the new one joins first, by the old one's word.
        told = await asyncio.to_thread(rotated.rotate, "--revoke-from", "5")
        assert ("revoked", 5) == (told["change"], told["number"])
        assert 3 == await asyncio.to_thread(node.wait)
        node.start()
        standing = log.standing_of(node)
        assert ("follows", False) == (standing["role"], standing["has_keys"])
        assert "key missing" in node.stderr
        assert SECOND in node.stderr
        assert 200 == (await ask(node.url, "/checkpoint")).status
        term = log.head()[0]
        # It needs no new start for the key.
        rotated.lay_key(SECOND, "node")
        await rotated.until_it_writes(node.url)
        assert log.standing_of(node)["has_keys"]
        assert (term + 1, 12) == log.head()
        await rotated.submit(node.url, node.policy, entries(10, 20))
        assert (22, {short(new)}) == rotated.signed()[-1]
        policy = (node.folder / "policy").read_text()
        assert f"#!tlog retired {short(old)} 5\n" in policy


@pytest.mark.skipif(not IS_LONG, reason="the same steps again: make shared")
async def test_an_mldsa44_key_joins_and_changes_at_shared_stores(
    rotated: Rotated,
) -> None:
    log = rotated.log
    plain = log.node("node", "--takeover-s", "1")
    node = log.node("node", "--takeover-s", "1", "--mldsa44")
    ed25519, first, second = (
        rotated.lay_key(it, "node", "admin")
        for it in ("log.ed25519", "log.mldsa44", "log.mldsa44.2")
    )
    with ending(plain, node):
        plain.start()
        for ends, step, signing in (
            (plain, JOIN, {ed25519, first}),
            (node, JOIN, {ed25519, first, second}),
            (node, RETIRE, {ed25519, second}),
        ):
            told = await asyncio.to_thread(rotated.rotate, "--mldsa44", *step)
            assert 3 == await asyncio.to_thread(ends.wait)
            node.start()
            await rotated.until_it_writes(node.url)
            assert signing == set(node.told["verifier_keys"])
            await rotated.submit(node.url, node.policy, [entry(f"{told['number']}")])
            assert set(map(short, signing)) == rotated.signed()[-1][1]


async def test_a_log_whose_key_has_changed_moves_with_its_keys(
    rotated: Rotated,
) -> None:
    """From a folder into shared stores, where the old key retires, and back."""
    log = rotated.log
    node = log.node("node", "--takeover-s", "1")
    old, new = (rotated.lay_key(it, "node", "admin") for it in ("log.ed25519", SECOND))
    alone = ServerProcess(node.folder, origin=log.origin)
    with ending(alone, node):
        alone.start()
        await rotated.submit(alone.url, alone.policy, entries(0, 300))
        assert 0 == alone.terminate()
        assert 0 == run_tlog("rotate-key", node.folder).returncode
        assert 0 == log.run_tlog("migrate", node.folder).returncode
        node.start()
        assert [old, new] == node.told["verifier_keys"]
        await rotated.submit(node.url, node.policy, entries(300, 310))
        last = (await asyncio.to_thread(rotated.rotate, *RETIRE))["number"]
        assert 3 == await asyncio.to_thread(node.wait)
        node.start()
        await rotated.until_it_writes(node.url)
        assert 0 == node.terminate()
        done = log.run_tlog("migrate", "--back", node.folder)
        assert 0 == done.returncode, done.stderr
        alone.start()
        assert [new] == alone.told["verifier_keys"]
        await rotated.submit(alone.url, alone.policy, entries(310, 320))
        assert 0 == alone.terminate()
    assert f"retired {short(old)} {last}\n" in (node.folder / "policy").read_text()
    assert last + 10 == check(node.folder).indexed_size
