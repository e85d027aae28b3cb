"""A writer that is stopped in each step of a publication, and resumed much later.

PostgreSQL is real; the store is a bucket in memory, which holds one of its answers.
"""

import asyncio
import signal
from functools import partial

import pytest

from tests.faults.opened import entries
from tests.support.bucket import DELETED, Bucket
from tests.support.running import until
from tests.support.sharing import IS_LONG, Shared, ending, submit, witnessed
from tests.system.audit import audit
from tests.system.load import History
from tests.system.server import ServerProcess

Step = tuple[str, bool]

STEPS = [
    *(("/tile/entries/", it) for it in (False, True)),
    *(("/tile/0/", it) for it in (False, True)),
    *(("/checkpoint", it) for it in (False, True)),
    *((DELETED, it) for it in (False, True)),
]
"""Of a publication, in order: what is written or dropped, and whether that is done."""

SOME = STEPS if IS_LONG else [STEPS[it] for it in (0, 3, 4, 5)]
WITNESSED = [("/stored", False), ("/stored", True)]
"""The step between tiles and checkpoint, where heads wait for cosignatures."""


async def test_a_writer_resumed_within_a_publication_moves_nothing_back(
    log: Shared, store: Bucket
) -> None:
    """Stopped in each step of a publication, with an answer that comes much later."""
    nodes = [log.node(name, "--takeover-s", "1") for name in ("first", "second")]
    with ending(*nodes):
        for node in nodes:
            node.start()
        await _stop_and_resume(log, store, nodes, SOME)


@pytest.mark.skipif(not IS_LONG, reason="each step: make shared")
async def test_a_witnessed_writer_resumed_in_between_moves_nothing_back(
    log: Shared, store: Bucket
) -> None:
    nodes = [log.node(name, "--takeover-s", "1") for name in ("first", "second")]
    with witnessed(log, nodes[0]), ending(nodes[1]):
        nodes[1].variables |= nodes[0].variables
        for node in nodes:
            node.start()
        await _stop_and_resume(log, store, nodes, WITNESSED)


def _has(log: Shared, public: bytes) -> bool:
    return public in log.published()["checkpoint"]


async def _stop_and_resume(
    log: Shared, store: Bucket, nodes: list[ServerProcess], steps: list[Step]
) -> None:
    """Stop whoever writes within each step, until the other one has published more."""
    history = History()
    await submit(nodes[0], history, entries(0, 300))
    store.checkpoints.clear()
    for turn, (part, is_stored) in enumerate(steps):
        old, new = nodes[turn % 2], nodes[(turn + 1) % 2]
        # As many as make a tile full, whose incomplete ones are dropped then.
        at = 300 + turn * 600
        store.hold_write(part, is_stored=is_stored)
        await submit(old, history, entries(at, at + 300))
        await asyncio.to_thread(store.held.wait)
        old.send(signal.SIGSTOP)
        await log.until_it_writes(new)
        await submit(new, history, entries(at + 300, at + 600))
        public = f"\n{at + 600}\n".encode()
        await until(partial(_has, log, public), 0.02)
        old.send(signal.SIGCONT)
        store.released.set()
        assert await asyncio.to_thread(old.wait) not in {0, -signal.SIGKILL}
        old.start()
    for node in nodes:
        assert 0 == node.terminate()
    policy = nodes[0].policy
    heads = [policy.open_checkpoint(it).checkpoint for it in store.checkpoints]
    sizes = [it.size for it in heads]
    assert sizes == sorted(sizes)
    for head in heads:
        history.take_head(head)
    files = log.published()
    audited = audit(policy.open_checkpoint(files["checkpoint"]).checkpoint, files)
    assert all(audited.entries[at] == it for it, at in history.indexes.items())
