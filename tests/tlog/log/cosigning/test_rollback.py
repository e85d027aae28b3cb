"""A folder put back from an older copy: witnesses remember, and it does not write."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.oracle import rfc6962
from tests.support.cosigned import (
    LOG_ACTOR,
    NOWHERE,
    cosigned_log,
    policy_of,
    shown,
    some_witnesses,
    submit,
)
from tests.support.http import ask
from tests.support.running import ORIGIN, until
from tests.support.witnessing import Served, add_body
from tests.tlogverify.actors import OTHER_LOG, STRANGER, Actor, Head, note
from tlog.log.cosigning.rollback import (
    RolledBackError,
    Sighting,
    ask_witness,
    find_rollback,
)
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


@pytest.mark.parametrize("size", range(10))
def test_a_log_that_has_all_that_is_shown_may_write(size: int) -> None:
    assert find_rollback([sighting(LEAVES, size)], 9, root_at) is None


@pytest.mark.parametrize("size", range(1, 10))
def test_a_log_that_lacks_what_is_shown_may_not(size: int) -> None:
    found = find_rollback([sighting(LEAVES, size)], size - 1, root_at)
    assert found is not None
    assert f"a head of {size} entries" in found
    assert f"this folder has {size - 1} entries" in found


@pytest.mark.parametrize("size", range(5, 10))
def test_a_log_with_another_past_may_not(size: int) -> None:
    seen = [sighting(LEAVES, 3), sighting(FORKED, size)]
    found = find_rollback(seen, 9, root_at)
    assert found is not None
    assert "another root" in found


async def require_read_only(url: str, size: int) -> None:
    """Assert that reads are served and writes are not, and that both say why."""
    refused = await submit(url, [size + 1])
    assert (500, "rolled-back") == (refused.status, refused.json()["type"])
    assert "signed by this log's key" in refused.json()["detail"]
    ready = await ask(url, "/readyz")
    assert (503, False) == (ready.status, ready.json()["not_rolled_back"])
    assert 200 == (await ask(url, "/checkpoint")).status
    assert 200 == (await ask(url, "/api/v1/proof/inclusion?index=0")).status
    assert 200 == (await ask(url, "/api/v1/entries/0")).status


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
            assert 4 == log.snapshot.size
            assert 1 == log.snapshot.note.count("—".encode())
            assert "a head of 9 entries" in (log.guard.seen or "")
        assert before == (copy / "public/checkpoint").read_bytes()
        # One witness is enough to know; the rest may be gone.
        alone = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE)
        async with cosigned_log(copy, alone) as (url, _):
            await require_read_only(url, 4)


async def test_a_copy_that_went_on_by_itself_is_found_at_start(tmp_path: Path) -> None:
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        copy = await copied_before_it_grew(tmp_path / "log", policy)
        # Without its witnesses, the copy becomes the longer one.
        nobody = policy_of(witnesses, 2, w0=NOWHERE, w1=NOWHERE, w2=NOWHERE)
        async with cosigned_log(copy, nobody, witness_wait_ms=1) as (url, log):
            assert 202 == (await submit(url, range(20), salt="other")).status
        async with cosigned_log(copy, policy) as (url, log):
            await require_read_only(url, 24)
            assert "another root" in (log.guard.seen or "")


async def test_a_log_finds_out_while_it_runs(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 3)
        async with cosigned_log(folder, policy) as (url, log):
            await submit(url, range(4))
            await shown(log, 4, 3)
            # Somebody else has the key, and is faster with one witness.
            await cosign_elsewhere(witnesses[1], log.snapshot.root, 4)
            await submit(url, [4], "?wait=signed")
            await until(lambda: log.guard.seen is not None)
            await require_read_only(url, 5)
            assert 4 == log.publisher.published_size


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


async def test_a_witness_that_merely_claims_more_stops_nobody(tmp_path: Path) -> None:
    liar = Liar()
    async with some_witnesses(tmp_path) as witnesses, liar.serving() as lies:
        policy = policy_of(witnesses, 2, w1=lies)
        async with cosigned_log(tmp_path / "log", policy) as (url, log):
            assert 201 == (await submit(url, range(4))).status
            await until(lambda: liar.asked > 1)
            assert 201 == (await submit(url, [4])).status
            assert log.guard.seen is None


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
        await ask_witness("w", port, ORIGIN, keys)
    assert await ask_witness("w", port, OTHER_LOG.name, keys) is not None


async def test_another_logs_head_stops_nobody(tmp_path: Path) -> None:
    """Both logs stand in the policy, so that the other one's key is trusted too."""
    liar = Liar(OTHER_LOG)
    async with some_witnesses(tmp_path) as witnesses, liar.serving() as lies:
        logs = "".join(f"log {it.vkey.decode()}\n" for it in (LOG_ACTOR, OTHER_LOG))
        policy = logs + policy_of(witnesses, 2, w1=lies)
        async with cosigned_log(tmp_path / "log", policy) as (url, log):
            assert 201 == (await submit(url, range(4))).status
            await until(lambda: liar.asked > 1)
            assert log.guard.seen is None


async def test_a_tile_that_cannot_be_read_does_not_stop_the_log(tmp_path: Path) -> None:
    """A witness refuses and shows an old head, whose root the log cannot compute."""
    folder = tmp_path / "log"
    async with some_witnesses(tmp_path) as witnesses:
        policy = policy_of(witnesses, 2)
        async with cosigned_log(folder, policy) as (url, log):
            await submit(url, range(300))
            await shown(log, 300, 3)
            old = log.publisher.published_note
            await submit(url, range(300, 600))
            await shown(log, 600, 3)
        (folder / "public/tile/0/000").unlink()
        liar = Liar(note=old, status=422)
        async with liar.serving() as lies:
            lied = policy_of(witnesses, 2, w1=lies)
            async with cosigned_log(folder, lied) as (url, log):
                assert 201 == (await submit(url, [600])).status
                await until(lambda: liar.asked > 1)
                assert log.failure is None
                assert log.guard.seen is None


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
