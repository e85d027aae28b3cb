"""From settings to a log, opened and recovered."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from tlog.clock import BoundedClock, Clock, SystemClock
from tlog.config import require_bare_host
from tlog.documents.opening import (
    OpenDocuments,
    OpenShelf,
    no_bucket,
    open_documents,
)
from tlog.documents.places import places_of
from tlog.durable.disk import Disk, SystemDisk
from tlog.errors import telling_machine_trouble
from tlog.lifeline import Lifeline
from tlog.log.admission.checks import Checks
from tlog.log.admission.first import make_first_entry
from tlog.log.admission.opening import open_gate
from tlog.log.cosigning.collector import LogView
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.cosigning.opening import (
    make_collector,
    open_guard,
    require_new,
    see_all_heads,
)
from tlog.log.cosigning.sightings import compare_all
from tlog.log.identity import LogKeys, require_origin
from tlog.log.life import Log
from tlog.log.metrics import LogMetrics
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import TileReader, open_reader
from tlog.log.publishing.backlog import Backlog
from tlog.log.publishing.heads import Heads, SignedHeads
from tlog.log.publishing.publisher import Publisher
from tlog.log.reading import Reading
from tlog.log.sequencer.commit import Committer
from tlog.log.sequencer.known import KnownEntries
from tlog.log.sequencer.pool import Pool
from tlog.log.sequencer.recovery import Recovered, keep_index, recover, sign_anew
from tlog.log.sequencer.sequencer import Sequencer
from tlog.log.settings import LogSettings
from tlog.log.standing import Standing
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.moved import require_here
from tlog.log.storage.stores import OpenStores, Stores
from tlog.log.storage.stores_folder import open_folder_stores
from tlog.log.submitting import Submitting
from tlog.signing import OpenToken, open_no_token
from tlog.signing.times import StatedTimes
from tlogverify.policy import Policy

__all__ = [
    "Ground",
    "OpenStores",
    "documents_of",
    "open_ground",
    "open_log",
    "open_writing",
]


class Ground(NamedTuple):
    """What every part of a log is given.

    keys: read.  times: of the heads that were signed.  stores: opened, and not written
    yet.
    """

    settings: LogSettings
    keys: LogKeys
    times: StatedTimes
    clock: Clock
    metrics: LogMetrics
    stores: Stores

    @property
    def waits_for_witnesses(self) -> bool:
        """Whether a policy names witnesses, whose signatures heads wait for."""
        return self.settings.witness_policy is not None


def open_log(
    settings: LogSettings,
    *,
    clock: Clock | None = None,
    disk: Disk | None = None,
    open_token: OpenToken = open_no_token,
    open_stores: OpenStores | None = None,
    open_shelf: OpenShelf = no_bucket,
) -> Log:
    """Open or make the log of `settings`, recovered and not yet started.

    open_token: opens a key that is on a token.  open_stores: of stores that nodes
    share, whose writer is replaced; the folder alone if it is not given.
    open_shelf: of documents in a bucket.

    Raises RejectedError, CorruptError, FormatError or MachineError, or an OSError about
    a file; the folder is let go then.
    """
    with telling_machine_trouble():
        ground = open_ground(
            settings,
            clock=clock,
            disk=disk,
            open_token=open_token,
            open_stores=open_stores,
        )
        documents: OpenDocuments | None = None
        try:
            documents = documents_of(ground, open_shelf)
            # Whoever wrote before has ended to: nobody has seen more than is read now.
            ground.stores.tenure.take(
                partial(keep_index, ground.keys, ground.stores),
                partial(_require_keys, ground.keys),
                at_once=True,
            )
            log = open_writing(ground)
        except BaseException:
            if documents is not None:
                documents.close()
            ground.stores.close()
            raise
        return replace(log, documents=documents)


def _require_keys(keys: LogKeys) -> bool:
    keys.read()
    keys.signer()
    return True


def documents_of(ground: Ground, open_shelf: OpenShelf) -> OpenDocuments | None:
    """Open the documents of a log, if it keeps any; raises as `open_log`."""
    settings, origin = ground.settings, ground.keys.origin
    places = places_of(settings, settings.data, settings.objects, origin)
    if places is None:
        return None
    metrics = ground.metrics.documents
    return open_documents(settings, places, metrics, ground.clock, open_shelf)


def open_ground(
    settings: LogSettings,
    *,
    clock: Clock | None = None,
    disk: Disk | None = None,
    open_token: OpenToken = open_no_token,
    open_stores: OpenStores | None = None,
) -> Ground:
    """Open folder, keys and stores, whoever writes; raises as `open_log`.

    A node of several that lacks a private key says so, and raises nothing.
    """
    bounded = BoundedClock(clock or SystemClock())
    bounded.now_s()
    layout = FolderLayout(settings.data)
    require_origin(layout, settings)
    if settings.sigstore and settings.origin:
        require_bare_host(settings.origin)
    folder, times = LogFolder(settings.data), StatedTimes("heads")
    try:
        keys = LogKeys(layout, settings, open_token, bounded, times)
        if not settings.database:
            _require_keys(keys)
        if settings.sigstore:
            require_bare_host(keys.origin)
        opening = open_stores or open_folder_stores
        stores = opening(folder, disk or SystemDisk(), keys.origin)
    except BaseException:
        folder.close()
        raise
    if settings.database:
        keys.kept = stores.eras
        try:
            keys.refresh()
        except BaseException:
            stores.close()
            raise
    return Ground(settings, keys, times, bounded, LogMetrics(), stores)


def open_writing(ground: Ground) -> Log:
    """Return the log, recovered, of a process that is the one that writes.

    Raises as `open_log`; the stores stay open.
    """
    settings, signer, stores = ground.settings, ground.keys.signer(), ground.stores
    require_here(stores.moved)
    asked = Policy.parse(ground.keys.policy.encode())
    sightings = see_all_heads(settings, asked, signer.verifier_keys)
    guard = open_guard(settings, asked, stores.contradictions, ground.metrics)
    if stores.journal.head() is None:
        require_new(sightings)
    recovered = recover(
        signer,
        stores,
        backlog_bytes=settings.max_backlog_bytes,
        offers_all=not _waits_for_witnesses(settings, guard),
    )
    signed = recovered.signed
    ground.times.remember(signed.note, signer.verifier_keys)
    temporary = stores.folder.layout.temporary
    tiles = open_reader(stores.objects, recovered.backlog, settings, temporary)
    root_at = partial(tiles.root, signed)
    for found in compare_all(sightings, signed.size, root_at):
        guard.contradict(found)
    if not guard.is_contradicted:
        recovered = sign_anew(signer, stores.journal, recovered)
    return _assemble(ground, recovered, tiles, guard)


def _assemble(
    ground: Ground, recovered: Recovered, tiles: TileReader, guard: WriteGuard
) -> Log:
    settings, metrics, backlog = ground.settings, ground.metrics, recovered.backlog
    stores, signer = ground.stores, ground.keys.signer()
    publisher = Publisher(
        backlog,
        stores.objects,
        stores.index,
        interval_s=settings.publish_interval_ms / 1000,
        clock=ground.clock,
        metrics=metrics,
    )
    sequencer = Sequencer(
        Pool(settings.max_pool_entries, settings.max_pool_bytes),
        backlog,
        KnownEntries(backlog, stores.index),
        _committer(ground, stores, recovered, guard),
        trim_to=lambda: publisher.stored_size,
        metrics=metrics,
    )
    lifeline, prover = Lifeline(), Prover(tiles)
    collector = None
    if _waits_for_witnesses(settings, guard):
        view = _view(ground, sequencer.committer, prover, backlog)
        policy = Policy.parse(ground.keys.policy.encode())
        collector = make_collector(
            settings, policy, view, recovered.public, guard, lifeline
        )
    witnessing = None if collector is None else collector.witnessing
    heads = collector or SignedHeads(lambda: sequencer.committer.signed)
    log = Log(
        settings=settings,
        submitting=submitting_face(ground, sequencer.pool, heads, guard),
        reading=reading_face(
            heads, prover, tiles, stores, sequencer.known, lambda: publisher.public_note
        ),
        standing=Standing(
            identity=ground.keys,
            heads=heads,
            guard=guard,
            claims=_claims(stores, sequencer.pool, publisher, lifeline)
            | {"keys_sign": lambda: not signer.is_away},
            doors=settings.open_doors,
            watched=lambda: witnessing,
        ),
        stores=stores,
        heads=heads,
        sequencer=sequencer,
        backlog=backlog,
        publisher=publisher,
        lifeline=lifeline,
        metrics=metrics,
    )
    _watch(log)
    metrics.key_away.set_function(lambda: signer.is_away)
    return log


def _committer(
    ground: Ground, stores: Stores, recovered: Recovered, guard: WriteGuard
) -> Committer:
    return Committer(
        ground.keys.signer(),
        stores.journal,
        recovered.backlog,
        recovered.signed,
        guard.require_writable,
    )


def _waits_for_witnesses(settings: LogSettings, guard: WriteGuard) -> bool:
    """Return whether a head is signed long before it may be public, or for ever.

    A log that a witness has contradicted may have signed a fork: without the policy
    that named the witness, it still shows no more than was public.
    """
    return settings.witness_policy is not None or guard.is_contradicted


def _view(
    ground: Ground, committer: Committer, prover: Prover, backlog: Backlog
) -> LogView:
    """Return the log as the collector of cosignatures sees it."""
    return LogView(
        origin=ground.keys.origin,
        keys=ground.keys.keys,
        signed=lambda: committer.signed,
        prove=prover.consistency,
        root_at=prover.root,
        offer=backlog.offer,
        clock=ground.clock,
        metrics=ground.metrics,
    )


def submitting_face(
    ground: Ground, pool: Pool, heads: Heads, guard: WriteGuard
) -> Submitting:
    """Return the face for those that submit; pool: whose entries are committed."""
    settings, origin = ground.settings, ground.keys.origin
    begins = settings.sigstore and not settings.frozen and heads.signed.size == 0
    return Submitting(
        origin=origin,
        guard=guard,
        gate=open_gate(settings, ground.clock),
        checks=Checks(),
        pool=pool,
        heads=heads,
        shows_at_once=not _waits_for_witnesses(settings, guard),
        wait_s=settings.witness_wait_ms / 1000,
        metrics=ground.metrics,
        first_entry=make_first_entry(origin) if begins else None,
    )


def reading_face(
    heads: Heads,
    prover: Prover,
    tiles: TileReader,
    stores: Stores,
    known: KnownEntries,
    public_note: Callable[[], bytes],
) -> Reading:
    """Return the face for those that read; public_note: of the public checkpoint."""
    return Reading(
        heads=heads,
        prover=prover,
        tiles=tiles,
        index=stores.index,
        known=known,
        public_note=public_note,
    )


def _claims(
    stores: Stores, pool: Pool, publisher: Publisher, lifeline: Lifeline
) -> dict[str, Callable[[], bool]]:
    """Return what must hold for a log that takes submissions."""
    return {
        "lock_held": lambda: stores.tenure.is_held,
        "journal_writable": lambda: (
            lifeline.failure is None and stores.journal.has_room
        ),
        "head_signed": lambda: bool(publisher.public_note),
        "queue_not_full": lambda: not pool.is_full,
    }


def _watch(log: Log) -> None:
    """Let each gauge read its value at the moment it is asked."""
    metrics, heads = log.metrics, log.heads
    metrics.term.set_function(lambda: log.stores.tenure.term)
    metrics.tree_size.set_function(lambda: heads.signed.size)
    if (witnessing := log.standing.witnessing) is not None:
        metrics.cosigned_size.set_function(witnessing.cosigned_size)
    metrics.waiting_checks.set_function(lambda: log.submitting.checks.waiting)
    metrics.queue_entries.set_function(lambda: log.submitting.pool.waiting_entries)
    metrics.publish_lag_entries.set_function(
        lambda: heads.signed.size - log.publisher.public_size
    )
    metrics.index_lag_entries.set_function(
        lambda: heads.signed.size - log.stores.index.complete_to
    )
