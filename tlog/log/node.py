"""One node of a log that several share: it follows, takes over, and writes.

The port is open all the time.  While another node writes, this one reads along and
forwards; once it may write, it recovers behind the open doors and then changes them.
"""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tlog.config import listen_address
from tlog.documents.opening import OpenDocuments
from tlog.errors import CorruptError, RejectedError, telling_machine_trouble
from tlog.http.listener import Listener, bound_to
from tlog.lifeline import Lifeline
from tlog.log.api.nodes import NodeEndpoints
from tlog.log.api.routes import build_app
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.life import Log
from tlog.log.metrics import LogMetrics
from tlog.log.nodes.following import Following
from tlog.log.nodes.forwarding import Forwarding, terms_of_nodes
from tlog.log.nodes.heads import FollowedHeads
from tlog.log.nodes.witnesses import FollowedGuard, witnessing_of
from tlog.log.opening import Ground, open_writing, reading_face, submitting_face
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import open_reader
from tlog.log.reading import Reading
from tlog.log.sequencer.known import KnownEntries, NothingKnown
from tlog.log.sequencer.pool import Pool, Settled, settle
from tlog.log.serving import SharedDoor, serve
from tlog.log.settings import LogSettings
from tlog.log.standing import Standing
from tlog.log.storage.kept import KeptElsewhere
from tlog.log.storage.stores import Stores
from tlog.log.submitting import Submitting
from tlogverify.keys import VerifierKey

_LINGER_S: Final = 1.0
_AT_ONCE_S: Final = 0.3
"""So long a node waits for the right to write before it begins to follow."""


def listen_for_nodes(settings: LogSettings) -> tuple[socket.socket, str]:
    """Return the socket of a node, and the URL for the other nodes."""
    listening = bound_to(settings.listen)
    host, _ = listen_address(settings.listen)
    port = listening.getsockname()[1]
    if settings.node_url:
        return listening, settings.node_url.rstrip("/")
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - what was set, compared
        host = socket.gethostname()
    shown = f"[{host}]" if ":" in host else host
    return listening, f"http://{shown}:{port}{settings.prefix}"


@dataclass(frozen=True, slots=True)
class Followed:
    """A log as a node sees it that does not write: its faces for the doors."""

    ground: Ground
    submitting: Submitting
    reading: Reading
    standing: Standing
    following: Following
    forwarding: Forwarding
    lifeline: Lifeline
    documents: OpenDocuments | None = None

    @property
    def settings(self) -> LogSettings:
        """What it was set to."""
        return self.ground.settings

    @property
    def metrics(self) -> LogMetrics:
        """What it counts."""
        return self.ground.metrics

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys that verify its heads."""
        return tuple(self.standing.keys)


def follow(
    ground: Ground, following: Following, documents: OpenDocuments | None
) -> Followed:
    """Return the faces of a log that is followed; `following` is open."""
    settings, stores = ground.settings, ground.stores
    # All that it shows is in its index.
    known = KnownEntries(NothingKnown(), stores.index)
    pool = Pool(settings.max_pool_entries, settings.max_pool_bytes)
    heads = FollowedHeads(following, is_shown_at_once=not ground.waits_for_witnesses)
    guard = WriteGuard(KeptElsewhere("the node that writes"), ground.metrics)
    temporary = stores.folder.layout.temporary
    tiles = open_reader(stores.objects, following, settings, temporary)
    prover = Prover(tiles)
    followed = Followed(
        ground=ground,
        submitting=submitting_face(ground, pool, heads, guard),
        reading=reading_face(
            heads, prover, tiles, stores, known, lambda: following.public_note
        ),
        standing=Standing(
            identity=ground.keys,
            heads=heads,
            guard=FollowedGuard(following),
            claims={
                "writer_reached": lambda: following.is_told,
                "head_signed": lambda: bool(following.public_note),
                "queue_not_full": lambda: not pool.is_full,
            },
            doors=settings.open_doors,
            watched=lambda: witnessing_of(following.witnesses),
            facts=lambda: _followed_facts(ground, following),
        ),
        following=following,
        forwarding=Forwarding(
            pool, known, following, ground.clock, terms_of_nodes(settings.takeover_s)
        ),
        lifeline=Lifeline(),
        documents=None if documents is None else replace(documents, follows=True),
    )
    _watch(followed)
    return followed


def _followed_facts(ground: Ground, following: Following) -> dict[str, object]:
    size = following.signed.size
    return {
        "role": "follows",
        "term": following.term,
        "lag_entries": max(following.told_size - size, 0),
        "index_lag_entries": size - ground.stores.index.complete_to,
        "last_commit_s": following.quiet_s,
        "object_failures": _failures(ground.stores),
        "has_keys": ground.keys.are_here,
    }


def _written_facts(log: Log, endpoints: NodeEndpoints) -> dict[str, object]:
    return {
        "role": "writes",
        "term": log.stores.tenure.term,
        "lag_entries": 0,
        "index_lag_entries": log.heads.signed.size - log.stores.index.complete_to,
        "last_commit_s": endpoints.quiet_s,
        "object_failures": _failures(log.stores),
        "has_keys": True,
    }


def _failures(stores: Stores) -> int:
    return 0 if stores.failures is None else stores.failures()


def _watch(followed: Followed) -> None:
    """Let each gauge read its value at the moment it is asked."""
    metrics, following = followed.metrics, followed.following
    index, pool = followed.ground.stores.index, followed.forwarding.pool
    metrics.term.set_function(lambda: following.term)
    metrics.node_lag_entries.set_function(
        lambda: max(following.told_size - following.signed.size, 0)
    )
    metrics.node_quiet.set_function(lambda: following.quiet_s or 0)
    metrics.tree_size.set_function(lambda: following.signed.size)
    metrics.waiting_checks.set_function(lambda: followed.submitting.checks.waiting)
    metrics.queue_entries.set_function(lambda: pool.waiting_entries)
    metrics.publish_lag_entries.set_function(
        lambda: following.signed.size - following.public_size
    )
    metrics.index_lag_entries.set_function(
        lambda: following.signed.size - index.complete_to
    )


class Node:
    """One node, from its start to its end; `run` once.

    listening: its socket.  ready: called with the URL when it first answers, with the
    origin's size.  documents: closed when it ends.
    """

    def __init__(
        self,
        ground: Ground,
        listening: socket.socket,
        stop: asyncio.Event,
        ready: Callable[[str, int], None],
        documents: OpenDocuments | None = None,
    ) -> None:
        if ground.stores.writers is None:
            raise RejectedError("nodes share stores that know who writes")
        self._ground = ground
        self._documents = documents
        self._writers = ground.stores.writers
        self._listening = listening
        self._stop = stop
        self._ready = ready
        self._is_announced = False
        self._doors: _Doors | None = None
        self._is_writing = False
        self._following = Following(
            ground.keys, ground.stores, self._writers, ground.clock
        )
        ground.metrics.object_failures.set_function(lambda: _failures(ground.stores))

    async def run(self) -> int:
        """Serve until `stop` is set, or the log stops by itself; return the last size.

        Raises as `tlog.log.opening.open_log`, and the FatalError that stopped it.
        """
        tenure, keys = self._ground.stores.tenure, self._ground.keys
        taking = asyncio.create_task(
            asyncio.to_thread(tenure.take, lambda: None, keys.refresh)
        )
        try:
            await asyncio.wait({taking}, timeout=_AT_ONCE_S)
            if not taking.done():
                await self._follow(taking)
            if taking.done() and not self._stop.is_set():
                taking.result()
                return await self._write()
        finally:
            await self._close(taking)
        if self._doors is not None and self._doors.failure is not None:
            raise self._doors.failure
        return self._following.signed.size

    async def _follow(self, taking: "asyncio.Task[None]") -> None:
        """Follow until this node may write, or is to end."""
        following = self._following
        stopping = asyncio.create_task(self._stop.wait())
        ends = {taking, stopping}
        opening = asyncio.create_task(asyncio.to_thread(following.open))
        await asyncio.wait({*ends, opening}, return_when=asyncio.FIRST_COMPLETED)
        if taking.done() or stopping.done():
            following.end()
        if await opening and not following.is_ending:
            self._doors = _Doors(self, follow(self._ground, following, self._documents))
            await self._doors.open()
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    async def _write(self) -> int:
        """Recover, change the doors, and write until the end."""
        following, prefix = self._following, self._ground.settings.prefix
        following.end()
        await asyncio.to_thread(following.join)
        with telling_machine_trouble():
            log = await asyncio.to_thread(self._open_writing)
        self._is_writing = True
        metrics = self._ground.metrics
        metrics.node_writes.set_function(lambda: 1)
        metrics.node_lag_entries.set_function(lambda: 0)
        closing: list[asyncio.Task[None]] = []

        def changed(url: str) -> None:
            self.announce(url, log.heads.signed.size)
            self._listening.close()
            if self._doors is not None:
                self._doors.hand_over(log)
                closing.append(asyncio.create_task(self._doors.close_slowly()))

        endpoints = NodeEndpoints(log, self._writers.here.secret, self._ground.clock)
        metrics.node_quiet.set_function(lambda: endpoints.quiet_s or 0)
        standing = replace(log.standing, facts=lambda: _written_facts(log, endpoints))
        documents = self._documents
        if documents is not None:
            # The old doors answer for a moment longer than the log does.
            documents = replace(documents, is_lent=True)
        routes = endpoints.routes(prefix)
        shared = SharedDoor(self._listening, routes, endpoints.wake)
        try:
            await serve(
                replace(log, standing=standing, documents=documents),
                self._stop,
                changed,
                shared=shared,
            )
        finally:
            await asyncio.gather(*closing)
        return log.heads.signed.size

    def _open_writing(self) -> Log:
        # The index says so too, but nobody may take it for the index that is wrong.
        head, seen = self._ground.stores.journal.head(), self._following.signed.size
        if seen > (0 if head is None else head.size):
            raise CorruptError(
                "the database", f"ends below the {seen} that this node has seen"
            )
        return open_writing(self._ground)

    async def _close(self, taking: "asyncio.Task[None]") -> None:
        """Let go of all that is open; a log that was written has closed its stores."""
        self._listening.close()
        if self._doors is not None:
            await self._doors.close()
        if self._documents is not None:
            await asyncio.to_thread(self._documents.close)
        if self._is_writing:
            return
        self._following.end()
        self._ground.stores.tenure.end_waiting()
        await asyncio.wait({taking})
        await asyncio.to_thread(self._following.join)
        await asyncio.to_thread(self._ground.stores.close)

    def announce(self, url: str, size: int) -> None:
        """Say that this node answers, once."""
        if not self._is_announced:
            self._is_announced = True
            self._ready(url, size)

    def listener(self, followed: Followed) -> Listener:
        """Return what answers for a log that is followed, on the node's socket."""
        settings = followed.settings
        listener = Listener(build_app(followed), settings.listen, settings.prefix)
        listener.adopt(self._listening)
        return listener

    def end(self) -> None:
        """Let the node end."""
        self._stop.set()


class _Doors:
    """The doors of a node that follows.

    failure: why it cannot go on, if so.
    """

    def __init__(self, node: Node, followed: Followed) -> None:
        self._node = node
        self._followed = followed
        self._listener = node.listener(followed)
        self._is_closed = False

    @property
    def failure(self) -> Exception | None:
        return self._followed.lifeline.failure

    async def open(self) -> None:
        loop, followed = asyncio.get_running_loop(), self._followed
        heads, lifeline = followed.reading.heads, followed.lifeline

        def deliver(settled: Settled) -> None:
            loop.call_soon_threadsafe(settle, settled)

        lifeline.on_stop = lambda: loop.call_soon_threadsafe(self._node.end)
        followed.following.on_change = lambda: loop.call_soon_threadsafe(heads.wake)
        followed.forwarding.deliver = deliver
        followed.following.start(lifeline)
        followed.forwarding.start(lifeline)
        await self._listener.start()
        self._node.announce(self._listener.url, heads.signed.size)

    def hand_over(self, log: Log) -> None:
        """Let what waits here be committed by a log of the same process."""
        self._followed.following.hand_over(log.backlog)
        self._followed.forwarding.hand_over(log.sequencer.pool)
        self._listener.retire()

    async def close_slowly(self) -> None:
        """Close once who was connected a moment ago has been answered."""
        await asyncio.sleep(_LINGER_S)
        await self.close()

    async def close(self) -> None:
        """Answer what came, and end; what was not sent on is told so."""
        if self._is_closed:
            return
        self._is_closed = True
        followed = self._followed
        followed.reading.heads.end_waiting()
        await self._listener.stop()
        followed.forwarding.end()
        await asyncio.to_thread(followed.forwarding.join)
        followed.submitting.checks.close()
