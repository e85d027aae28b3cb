"""A front end: it answers whoever asks the log, and forwards what is to be written.

It parses, checks tokens and signatures, and makes proofs from the folder's files.  It
has no key, no lock and no store open for writing: its end loses nothing but the
requests that it was answering.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tlog.clock import SystemClock
from tlog.documents.opening import OpenDocuments
from tlog.durable.disk import SystemDisk
from tlog.http.connections import MOST_CONNECTIONS
from tlog.http.listener import Listener, bound_to
from tlog.lifeline import Lifeline
from tlog.log.admission.checks import MAX_WAITING, MAX_WAITING_BYTES, Checks
from tlog.log.admission.opening import open_gate
from tlog.log.api.passing import Passing
from tlog.log.api.routes import build_app
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.metrics import LogMetrics
from tlog.log.nodes.forwarding import Forwarding
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import open_reader
from tlog.log.reading import Reading
from tlog.log.sequencer.known import KnownEntries, NothingKnown
from tlog.log.sequencer.pool import Pool, Settled, settle
from tlog.log.settings import LogSettings
from tlog.log.standing import Standing
from tlog.log.storage.folder import FolderLayout
from tlog.log.storage.kept import KeptElsewhere
from tlog.log.storage.stores_folder import folder_objects
from tlog.log.submitting import Submitting
from tlog.log.workers.board import Reader
from tlog.log.workers.counting import listening_at, socket_of, tell_counts
from tlog.log.workers.faces import LedIndex, LedTiles, PostedHeads
from tlog.log.workers.leading import SOCKET, Leader
from tlog.log.workers.together import Opened, Together, part_of, settings_of_front
from tlogverify.keys import VerifierKey, parse_verifier_key


@dataclass(frozen=True, slots=True)
class Fronted:
    """A log as a front end sees it: its faces for the doors."""

    settings: LogSettings
    submitting: Submitting
    reading: Reading
    standing: Standing
    metrics: LogMetrics
    keys: tuple[VerifierKey, ...]
    documents: OpenDocuments | None = None


class _Identity(NamedTuple):
    """Which log it is; its policy is told by the process that writes."""

    origin: str
    keys: tuple[VerifierKey, ...]
    policy: str = ""


class Front:
    """One front end, from its start to its end; `run` once.

    nth: from 1 on.  opened: what the one that writes has said.
    """

    def __init__(self, nth: int, together: Together, opened: Opened) -> None:
        reader = Reader(together.board)
        path, prefix = together.sockets / SOCKET, together.settings.prefix
        self._nth = nth
        self._together = together
        self._leader = Leader(path, together.secret, prefix, reader)
        self._lifeline = Lifeline()
        self._log = _faces(together, opened, reader, self._leader)
        self._forwarding = Forwarding(
            self._log.submitting.pool,
            KnownEntries(NothingKnown(), NothingKnown()),
            self._leader,
            SystemClock(),
            self._leader.terms,
        )

    async def run(self, stop: asyncio.Event, ready: Callable[[str], object]) -> None:
        """Answer until `stop` is set; raises the FatalError that stopped it, if any.

        ready: called with the URL when the first request can be answered.
        """
        loop, log, settings = asyncio.get_running_loop(), self._log, self._log.settings

        def deliver(settled: Settled) -> None:
            loop.call_soon_threadsafe(settle, settled)

        self._lifeline.on_stop = lambda: loop.call_soon_threadsafe(stop.set)
        self._forwarding.deliver = deliver
        self._forwarding.start(self._lifeline)
        listener = self._listener()
        counting = listening_at(socket_of(self._together.sockets, self._nth))
        telling = await tell_counts(counting, log.metrics)
        try:
            own = bound_to(settings.listen, is_shared=True)
            listener.adopt(own)
            own.close()
            await listener.start()
            ready(listener.url)
            await stop.wait()
            log.submitting.heads.end_waiting()
        finally:
            await listener.stop()
            self._forwarding.end()
            await asyncio.to_thread(self._forwarding.join)
            log.submitting.checks.close()
            telling.close()
            self._leader.close()
        if self._lifeline.failure is not None:
            raise self._lifeline.failure

    def _listener(self) -> Listener:
        settings = self._log.settings
        health = (f"{settings.prefix}/healthz", f"{settings.prefix}/readyz")
        passing = Passing(self._leader.address, frozenset(health))
        app = build_app(self._log, elsewhere=passing.answer)
        app.cleanup_ctx.append(passing.run)
        most = part_of(MOST_CONNECTIONS, settings.workers)
        return Listener(app, settings.listen, settings.prefix, most=most)


def _faces(
    together: Together, opened: Opened, reader: Reader, leader: Leader
) -> Fronted:
    settings = settings_of_front(together.settings)
    metrics, clock, count = LogMetrics(), SystemClock(), settings.workers
    keys = tuple(parse_verifier_key(it.encode()) for it in opened.vkeys)
    heads = PostedHeads(reader, shows_at_once=opened.shows_at_once)
    layout = FolderLayout(settings.data)
    led = LedTiles(folder_objects(layout, SystemDisk()), leader)
    tiles = open_reader(led, led, settings, layout.temporary)
    pool = Pool(settings.max_pool_entries, settings.max_pool_bytes)
    checks = Checks(
        limit=part_of(MAX_WAITING, count),
        limit_bytes=part_of(MAX_WAITING_BYTES, count),
    )
    # What it may not write, the process that writes refuses.
    guard = WriteGuard(KeptElsewhere("the process that writes"), metrics)
    metrics.queue_entries.set_function(lambda: pool.waiting_entries)
    metrics.waiting_checks.set_function(lambda: checks.waiting)
    return Fronted(
        settings=settings,
        submitting=Submitting(
            origin=opened.origin,
            guard=guard,
            gate=open_gate(settings, clock, together.buckets),
            checks=checks,
            pool=pool,
            heads=heads,
            shows_at_once=opened.shows_at_once,
            wait_s=settings.witness_wait_ms / 1000,
            metrics=metrics,
        ),
        reading=Reading(
            heads=heads,
            prover=Prover(tiles),
            tiles=tiles,
            index=LedIndex(reader, leader),
            known=leader,
            public_note=lambda: reader.stand.public,
        ),
        standing=Standing(
            identity=_Identity(opened.origin, keys),
            heads=heads,
            claims={},
            doors=settings.open_doors,
            guard=guard,
            watched=lambda: None,
        ),
        metrics=metrics,
        keys=keys,
    )
