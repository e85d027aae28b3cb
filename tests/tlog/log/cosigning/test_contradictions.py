"""Witnesses that know more, or otherwise: the log does not write against their word.

Two kinds of witness are stood in for.  Ours shows heads at its monitoring prefix.
`Bare` answers as others' were seen to: it shows none.
"""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.oracle import rfc6962
from tests.support.bare_witness import Bare, bare_quorum, copy_behind
from tests.support.cosigned import (
    LOG_ACTOR,
    NOWHERE,
    TOLD,
    cosigned_log,
    policy_of,
    public_policy,
    shown,
    some_witnesses,
    submit,
)
from tests.support.http import ask
from tests.support.openapi import require_documented
from tests.support.running import ORIGIN, until
from tests.support.witnessing import Served, add_body
from tests.tlogverify.actors import OTHER_LOG, STRANGER, Actor, Head, note
from tlog.cli import main
from tlog.errors import CorruptError
from tlog.log.cosigning.gathering import Gathering
from tlog.log.cosigning.guard import RolledBackError
from tlog.log.cosigning.sightings import Sighting, compare_all, see_head
from tlog.log.life import Log
from tlogclient.cosigning import AddCheckpoint
from tlogclient.witness import KnownSize
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import SignatureError
from tlogverify.hashing import Hash, to_hash

LEAVES = rfc6962.leaf_hashes(9)
FORKED = [*LEAVES[:4], *rfc6962.leaf_hashes(5, "other")]


def root_at(size: int) -> Hash:
    return to_hash(rfc6962.root(LEAVES[:size]))


def sighting(leaves: list[bytes], size: int) -> Sighting:
    return Sighting("w", Checkpoint(ORIGIN, size, to_hash(rfc6962.root(leaves[:size]))))


def test_a_log_that_has_all_that_is_shown_is_not_contradicted() -> None:
    for size in range(10):
        found = compare_all([sighting(LEAVES, size)], 9, root_at)
        assert [] == found, f"size {size}"


def test_a_log_that_lacks_what_is_shown_is_contradicted() -> None:
    for size in range(1, 10):
        (found,) = compare_all([sighting(LEAVES, size)], size - 1, root_at)
        assert ("w", size) == (found.witness, found.size)
        assert f"a head of {size} entries" in found.said
        assert f"this folder has {size - 1} entries" in found.said


def test_a_log_with_another_past_is_contradicted() -> None:
    for size in range(5, 10):
        seen = [sighting(LEAVES, 3), sighting(FORKED, size)]
        (found,) = compare_all(seen, 9, root_at)
        assert "another root" in found.said, f"size {size}"


async def require_read_only(url: str, size: int) -> None:
    """Assert that reads are served and writes are not, and that both say why."""
    refused = await submit(url, [size + 1])
    assert (500, "rolled-back") == (refused.status, refused.json()["type"])
    ready = await ask(url, "/readyz")
    assert (503, False) == (ready.status, ready.json()["not_rolled_back"])
    (found, *_) = ready.json()["contradictions"]
    assert refused.json()["detail"] == found["said"]
    facts = await ask(url, "/api/v1/log")
    assert found == facts.json()["contradictions"][0]
    require_documented("GET", "/readyz", ready)
    require_documented("GET", "/api/v1/log", facts)
    metrics = (await ask(url, "/metrics")).body.decode()
    told = f'tlog_contradicted_by_witness{{witness="{found["witness"]}"}}'
    assert f"{told} {float(found['size'] or 0)}" in metrics
    assert 200 == (await ask(url, "/checkpoint")).status
    assert 200 == (await ask(url, "/api/v1/proof/inclusion?index=0")).status
    assert 200 == (await ask(url, "/api/v1/entries/0")).status


def said(log: Log) -> str:
    """Return what speaks against a log, of all witnesses."""
    return "\n".join(it.said for it in log.standing.guard.contradictions)


async def copied_before_it_grew(folder: Path, policy: str) -> Path:
    """Let a log grow to 4, copy it, let it grow to 9; return the copy."""
    copy = folder.with_name("copy")
    async with cosigned_log(folder, policy) as (url, log):
        await submit(url, range(4))
        await shown(log, 4, 3)
    shutil.copytree(folder, copy)
    async with cosigned_log(folder, policy) as (url, log):
        await submit(url, range(9))
        await shown(log, 9, 3)
    return copy


async def test_an_old_copy_serves_reads_and_signs_nothing(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        copy = await copied_before_it_grew(tmp_path / "log", policy)
        before = (copy / "public/checkpoint").read_bytes()
        # A new key asks for a new signature: not even that.
        async with cosigned_log(copy, policy, mldsa44=True) as (url, log):
            await require_read_only(url, 4)
            assert 4 == log.heads.signed.size
            assert 1 == log.heads.signed.note.count("—".encode())
            assert "a head of 9 entries" in said(log)
        assert before == (copy / "public/checkpoint").read_bytes()
        # What was said stays said, whoever is there to say it again.
        alone = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE, w2=NOWHERE)
        async with cosigned_log(copy, alone, **TOLD) as (url, _):
            await require_read_only(url, 4)


async def test_one_witness_is_enough_to_know(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        copy = await copied_before_it_grew(tmp_path / "log", policy_of(witnesses, 2))
        alone = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE)
        async with cosigned_log(copy, alone, **TOLD) as (url, _):
            await require_read_only(url, 4)


async def test_a_copy_that_went_on_by_itself_is_found_at_start(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        copy = await copied_before_it_grew(tmp_path / "log", policy)
        # Without its witnesses, the copy becomes the longer one.
        nobody = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE, w2=NOWHERE)
        async with cosigned_log(copy, nobody, witness_wait_ms=1, **TOLD) as (url, log):
            assert 202 == (await submit(url, range(20), salt="other")).status
        async with cosigned_log(copy, policy) as (url, log):
            await require_read_only(url, 24)
            assert "another root" in said(log)


async def test_a_log_finds_out_while_it_runs(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 3)
        async with cosigned_log(folder, policy) as (url, log):
            await submit(url, range(4))
            await shown(log, 4, 3)
            # Somebody else has the key, and is faster with one witness.
            await cosign_elsewhere(witnesses[1], log.heads.signed.root, 4)
            await submit(url, [4], "?wait=signed")
            await until(lambda: log.standing.guard.is_contradicted)
            await require_read_only(url, 5)
            assert 4 == log.publisher.public_size


async def cosign_elsewhere(witness: Served, root: bytes, size: int) -> None:
    """Have a witness cosign a head of 4 leaves more, by the log's own key."""
    subtree = rfc6962.root(rfc6962.leaf_hashes(4, "elsewhere"))
    head = Head(ORIGIN, size + 4, rfc6962.node_hash(root, subtree))
    body = add_body(size, [subtree], note(head, LOG_ACTOR.line(head)))
    assert 200 == (await witness.add(body)).status


async def test_a_log_begun_anew_under_its_old_key_does_not_start(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        async with cosigned_log(folder, policy) as (url, log):
            await submit(url, range(4))
            await shown(log, 4, 3)
        for left in ("journal.db", "public/checkpoint", "stored"):
            (folder / left).unlink()
        shutil.rmtree(folder / "index")
        with pytest.raises(RolledBackError, match="this folder has 0 entries"):
            async with cosigned_log(folder, policy):
                pass


@pytest.mark.parametrize("patience_s", [None, 0])
async def test_a_witness_that_claims_more_stops_the_log(
    tmp_path: Path, patience_s: int | None
) -> None:
    """It is of the policy: what it says itself counts, whatever the patience."""
    liar = Liar()
    async with some_witnesses(tmp_path) as witnesses, liar.serving() as lies:
        policy = policy_of(witnesses, 2, w1=lies)
        async with cosigned_log(
            tmp_path / "log", policy, witness_patience_s=patience_s
        ) as (url, log):
            await until(lambda: log.standing.guard.is_contradicted)
            assert "cosigned 1000 entries" in said(log)
            await require_no_entry(url, log)


async def require_no_entry(url: str, log: Log) -> None:
    """Assert that nothing gets in, and that nothing new is public."""
    before = log.publisher.public_note
    refused = await submit(url, [77])
    assert (500, "rolled-back") == (refused.status, refused.json()["type"])
    ready = (await ask(url, "/readyz")).json()
    assert ready["contradictions"]
    assert not ready["not_rolled_back"]
    assert before == log.publisher.public_note


@pytest.mark.parametrize("patience_s", [None, 0])
async def test_an_old_copy_signs_nothing_where_no_heads_are_shown(
    tmp_path: Path, patience_s: int | None
) -> None:
    """The gravest: such a copy once published a fork of 12 entries."""
    async with bare_quorum(tmp_path) as policy:
        copy = await copy_behind(tmp_path / "log", policy)
        before = (copy / "public/checkpoint").read_bytes()
        for _ in range(2):
            async with cosigned_log(copy, policy, witness_patience_s=patience_s) as (
                url,
                log,
            ):
                answer = await submit(url, range(20, 29))
                assert (500, "rolled-back") == (answer.status, answer.json()["type"])
                await require_read_only(url, 3)
                assert 3 == log.heads.signed.size
                assert "cosigned 8 entries" in said(log)
            assert before == (copy / "public/checkpoint").read_bytes()
        assert 0 == main(["fsck", str(copy)])


@pytest.mark.parametrize("patience_s", [None, 0])
async def test_a_copy_that_was_told_to_write_publishes_no_fork(
    tmp_path: Path, patience_s: int | None
) -> None:
    """It signs a fork before its witness is heard; that fork stays in the folder."""
    async with bare_quorum(tmp_path) as policy:
        copy = await copy_behind(tmp_path / "log", policy)
        before = (copy / "public/checkpoint").read_bytes()
        nobody = policy.replace("http://127.0.0.1", "http://127.0.0.2")
        async with cosigned_log(copy, nobody, witness_wait_ms=1, **TOLD) as (url, log):
            assert 202 == (await submit(url, range(20, 29))).status
            assert 12 == log.heads.signed.size
        for _ in range(2):
            async with cosigned_log(
                copy, policy, witness_patience_s=patience_s, **TOLD
            ) as (url, log):
                await until(lambda: log.standing.guard.is_contradicted)
                assert "does not extend" in said(log)
                await require_no_entry(url, log)
            assert before == (copy / "public/checkpoint").read_bytes()


async def test_a_restart_while_the_witness_is_silent_changes_nothing(
    tmp_path: Path,
) -> None:
    async with bare_quorum(tmp_path) as policy:
        copy = await copy_behind(tmp_path / "log", policy)
        async with cosigned_log(copy, policy) as (url, log):
            await until(lambda: log.standing.guard.is_contradicted)
        nobody = policy.replace("http://127.0.0.1", "http://127.0.0.2")
        for patience_s in (None, 0):
            async with cosigned_log(
                copy, nobody, witness_patience_s=patience_s, **TOLD
            ) as (url, log):
                await require_no_entry(url, log)
        lines = (copy / "contradictions").read_bytes().splitlines()
        kept = [json.loads(it) for it in lines]
        assert [("w0", 8)] == [(it["witness"], it["size"]) for it in kept]


async def test_a_person_can_overrule_a_witness(tmp_path: Path) -> None:
    async with bare_quorum(tmp_path) as policy:
        copy = await copy_behind(tmp_path / "log", policy)
        async with cosigned_log(copy, policy) as (url, log):
            await until(lambda: log.standing.guard.is_contradicted)
        overruled = {"witness_overruled": ("w0",), "witness_wait_ms": 1}
        async with cosigned_log(copy, policy, **overruled, **TOLD) as (url, log):
            assert 202 == (await submit(url, [20])).status
            assert not log.standing.guard.is_contradicted
        assert b"" == (copy / "contradictions").read_bytes()
        # Another name is not this witness's.
        (copy / "contradictions").unlink()
        other = {**overruled, "witness_overruled": ("w1",)}
        async with cosigned_log(copy, policy, **other) as (url, log):
            await until(lambda: log.standing.guard.is_contradicted)


async def test_what_is_kept_and_cannot_be_read_is_no_leave_to_write(
    tmp_path: Path,
) -> None:
    async with bare_quorum(tmp_path) as policy:
        async with cosigned_log(tmp_path / "log", policy) as (url, _):
            assert 201 == (await submit(url, [0])).status
        for damaged in ("{}", "[]", "7", "{", '{"witness":1,"size":1,"said":""}'):
            (tmp_path / "log/contradictions").write_text(damaged)
            with pytest.raises(CorruptError, match="contradictions"):
                async with cosigned_log(tmp_path / "log", policy):
                    pass


async def test_a_log_without_its_quorum_is_read_only_from_the_start(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "log"
    async with bare_quorum(tmp_path) as policy:
        async with cosigned_log(folder, policy) as (url, log):
            assert 201 == (await submit(url, [0])).status
        nobody = policy.replace("http://127.0.0.1", "http://127.0.0.2")
        async with cosigned_log(folder, nobody, witness_wait_ms=1) as (url, log):
            refused = await submit(url, [1])
            assert (503, "unconfirmed") == (refused.status, refused.json()["type"])
            assert "5" == refused.headers["retry-after"]
            ready = await ask(url, "/readyz")
            assert (503, False) == (ready.status, ready.json()["confirmed"])
            assert ready.json()["not_rolled_back"]
            assert 200 == (await ask(url, "/api/v1/proof/inclusion?index=0")).status
            assert 1 == log.heads.signed.size
        async with cosigned_log(folder, policy) as (url, log):
            assert 201 == (await submit(url, [1])).status
            assert (await ask(url, "/readyz")).json()["confirmed"]


async def test_a_stranger_who_relays_our_head_holds_up_nobody(tmp_path: Path) -> None:
    """A witness has cosigned a signed head of ours that we had not sent to it."""
    async with some_witnesses(tmp_path, 1) as (witness,), Bare(witness).serving() as at:
        lost = policy_of([witness], 1, w0=NOWHERE)
        folder = tmp_path / "log"
        async with cosigned_log(folder, lost, **TOLD) as (url, log):
            assert 201 == (await submit(url, range(2), "?wait=signed")).status
            small = log.heads.signed
            assert 201 == (await submit(url, range(2, 5), "?wait=signed")).status
            relayed = add_body(0, [], log.heads.signed.note)
        assert 200 == (await witness.add(relayed)).status
        policy = policy_of([witness], 1, w0=at)
        async with cosigned_log(folder, policy) as (url, log):
            gathering = Gathering(await public_policy(log), None)
            assert gathering.aim(small)
            assert gathering.outgrow(5, log.heads.signed)
            await shown(log, 5, 1)
            assert not log.standing.guard.is_contradicted


class Showing:
    """A witness that shows one note, whatever it is asked for."""

    def __init__(self, note: bytes) -> None:
        self._note = note

    async def add_checkpoint(self, request: AddCheckpoint) -> KnownSize:
        return KnownSize(request.old_size)

    async def checkpoint(self, origin: str) -> bytes | None:
        return self._note

    async def close(self) -> None:
        return None


async def test_a_head_of_another_origin_is_no_sighting() -> None:
    """Even where its key is among those that are asked with."""
    head = Head(OTHER_LOG.name, 9, rfc6962.root(LEAVES))
    port = Showing(note(head, OTHER_LOG.line(head)))
    keys = [LOG_ACTOR.key, OTHER_LOG.key]
    with pytest.raises(SignatureError, match="another log"):
        await see_head("w", port, ORIGIN, keys)
    assert await see_head("w", port, OTHER_LOG.name, keys) is not None


async def test_another_logs_head_stops_nobody(tmp_path: Path) -> None:
    """Both logs stand in the policy, so that the other one's key is trusted too."""
    liar = Liar(OTHER_LOG, status=403)
    async with some_witnesses(tmp_path) as witnesses, liar.serving() as lies:
        logs = "".join(f"log {it.vkey.decode()}\n" for it in (LOG_ACTOR, OTHER_LOG))
        policy = logs + policy_of(witnesses, 2, w1=lies)
        async with cosigned_log(tmp_path / "log", policy) as (url, log):
            assert 201 == (await submit(url, range(4))).status
            await until(lambda: liar.asked > 1)
            assert not log.standing.guard.is_contradicted


async def test_a_tile_that_cannot_be_read_does_not_stop_the_log(tmp_path: Path) -> None:
    """A witness refuses and shows an old head, whose root the log cannot compute."""
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        async with cosigned_log(folder, policy) as (url, log):
            await submit(url, range(300))
            await shown(log, 300, 3)
            old = log.publisher.public_note
            await submit(url, range(300, 600))
            await shown(log, 600, 3)
        (folder / "public/tile/0/000").unlink()
        liar = Liar(note=old, status=403)
        async with liar.serving() as lies:
            lied = policy_of(witnesses, 2, w1=lies)
            async with cosigned_log(folder, lied) as (url, log):
                assert 201 == (await submit(url, [600])).status
                await until(lambda: liar.asked > 1)
                assert log.lifeline.failure is None
                assert not log.standing.guard.is_contradicted


class Liar:
    """A witness that claims a larger tree, and shows one that another key signed."""

    def __init__(
        self, signer: Actor = STRANGER, note: bytes = b"", status: int = 409
    ) -> None:
        self.asked = 0
        self._signer = signer
        self._note = note
        self._status = status

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Listen; give the URL."""
        app = web.Application()
        app.router.add_post("/add-checkpoint", self._add)
        app.router.add_get("/{origin_hash}/checkpoint", self._show)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")

    async def _add(self, _: web.Request) -> web.Response:
        size = {"Content-Type": "text/x.tlog.size"}
        return web.Response(status=self._status, body=b"1000\n", headers=size)

    async def _show(self, _: web.Request) -> web.Response:
        self.asked += 1
        own = self._signer is STRANGER
        head = Head(ORIGIN if own else self._signer.name, 1000, LEAVES[0])
        return web.Response(body=self._note or note(head, self._signer.line(head)))
