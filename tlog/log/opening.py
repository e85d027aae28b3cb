"""From settings to a log, opened and recovered; and a log's tiles and index anew."""

import shutil
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tlog.clock import Clock, SystemClock
from tlog.config import Settings, require_bare_host
from tlog.durable.disk import Disk, SystemDisk
from tlog.errors import CorruptError, RejectedError
from tlog.log.admission.checks import Checks
from tlog.log.admission.gate import Gate
from tlog.log.admission.rates import Rates
from tlog.log.admission.tokens import read_tokens
from tlog.log.cosigning.collector import LogView
from tlog.log.cosigning.opening import (
    guard_writes,
    make_collector,
    make_links,
    open_demo,
    policy_text,
    require_journal,
    see_heads,
)
from tlog.log.cosigning.rollback import RollbackGuard
from tlog.log.life import Log
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import TileReader
from tlog.log.publishing.backlog import Backlog
from tlog.log.publishing.publisher import Pace, Publisher
from tlog.log.sequencer.commit import Committer
from tlog.log.sequencer.known import KnownEntries
from tlog.log.sequencer.pool import Pool
from tlog.log.sequencer.rebuild import Progress, rebuild
from tlog.log.sequencer.recovery import Recovered, recover, sign_anew
from tlog.log.sequencer.sequencer import Sequencer
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Journal
from tlog.log.storage.objects import Objects
from tlog.log_lines import log_event
from tlog.metrics import LogMetrics
from tlog.signing import HeadSigner, SigningKey, generate_key, read_key
from tlog.witness.opening import Witness
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.keys import KeyType, parse_verifier_key
from tlogverify.policy import Policy
from tlogverify.signed import open_checkpoint

_KEY_FILES = {KeyType.ED25519: "log.ed25519", KeyType.MLDSA44: "log.mldsa44"}


def open_log(
    settings: Settings, *, clock: Clock | None = None, disk: Disk | None = None
) -> Log:
    """Open or make the log of `settings`, recovered and not yet started.

    Raises RejectedError, CorruptError or FormatError; the folder is let go then.
    """
    layout = FolderLayout(settings.data)
    key = layout.keys / _KEY_FILES[KeyType.ED25519]
    if not settings.origin and not key.exists() and not layout.journal.exists():
        # Before anything is made.
        raise RejectedError("a new log needs --origin NAME")
    if settings.sigstore and settings.origin:
        require_bare_host(settings.origin)
    folder = LogFolder(settings.data)
    try:
        return _open(settings, folder, clock or SystemClock(), disk or SystemDisk())
    except BaseException:
        folder.close()
        raise


def rebuild_log(root: Path, progress: Progress) -> Checkpoint:
    """Write the hash tiles and the index of a stopped log anew, from its bundles.

    Returns the public checkpoint that they lead to.  Raises CorruptError and changes
    nothing if they do not.
    """
    if not FolderLayout(root).format_file.exists():
        raise RejectedError(f"{root} is not a log's folder")
    with LogFolder(root) as folder:
        layout = folder.layout
        objects = Objects(layout.public, layout.temporary, SystemDisk())
        keys = [parse_verifier_key(it) for it in layout.vkey_file.read_bytes().split()]
        try:
            checkpoint = open_checkpoint(objects.checkpoint() or b"", *keys)
        except (FormatError, SignatureError) as error:
            raise CorruptError("public/checkpoint", str(error)) from error
        fresh = layout.index.with_name("index.new")
        shutil.rmtree(fresh, ignore_errors=True)
        index = Index(fresh)
        try:
            rebuild(checkpoint, objects, index, progress)
        finally:
            index.close()
        shutil.rmtree(layout.index, ignore_errors=True)
        fresh.rename(layout.index)
        return checkpoint


class _Opened(NamedTuple):
    """What every log has, before anything is recovered."""

    settings: Settings
    folder: LogFolder
    clock: Clock
    signer: HeadSigner
    metrics: LogMetrics
    demo: Witness | None
    policy: str


def _open(settings: Settings, folder: LogFolder, clock: Clock, disk: Disk) -> Log:
    layout = folder.layout
    signer = HeadSigner(_load_keys(layout, settings), clock)
    if settings.sigstore:
        require_bare_host(signer.origin)
    demo = open_demo(layout.root, signer) if settings.witness_demo else None
    policy = policy_text(settings, signer.verifiers, demo)
    _write_public_keys(layout, signer, policy)
    opened = _Opened(settings, folder, clock, signer, LogMetrics(), demo, policy)
    sightings = see_heads(settings, Policy.parse(policy.encode()), signer.verifiers)
    objects = Objects(layout.public, layout.temporary, disk)
    journal, index = Journal(layout.journal), _open_index(layout.index)
    try:
        require_journal(journal, sightings)
        recovered = recover(
            signer, journal, objects, index, backlog_bytes=settings.max_backlog_bytes
        )
        reader = TileReader(objects, recovered.backlog, settings.tile_cache_tiles)
        guard = guard_writes(
            sightings,
            recovered.snapshot,
            partial(reader.root, recovered.snapshot),
        )
        if guard.seen is None:
            recovered = sign_anew(signer, journal, recovered)
    except BaseException:
        index.close()
        journal.close()
        raise
    return _assemble(opened, (objects, journal, index), recovered, reader, guard)


def _assemble(
    opened: _Opened,
    stores: tuple[Objects, Journal, Index],
    recovered: Recovered,
    reader: TileReader,
    guard: RollbackGuard,
) -> Log:
    settings, metrics, backlog = opened.settings, opened.metrics, recovered.backlog
    objects, journal, index = stores
    policy, prover = Policy.parse(opened.policy.encode()), Prover(reader)
    links = make_links(settings, policy, opened.demo, opened.clock, metrics)
    publisher = _publisher(opened, backlog, objects, index, holds=bool(links))
    pool = Pool(settings.max_pool_entries, settings.max_pool_bytes)
    known = KnownEntries(backlog, index)
    state = (recovered.tree, recovered.snapshot)
    committer = Committer(opened.signer, journal, backlog, state)
    sequencer = Sequencer(
        pool,
        backlog,
        known,
        committer,
        trim_to=lambda: publisher.stored_size,
        metrics=metrics,
    )
    collector = None
    if links:
        view = _view(opened, committer, prover, backlog)
        collector = make_collector(
            settings, (policy, links), view, guard, recovered.public
        )
    log = Log(
        settings=settings,
        folder=opened.folder,
        signer=opened.signer,
        policy=opened.policy,
        journal=journal,
        objects=objects,
        index=index,
        known=known,
        pool=pool,
        backlog=backlog,
        committer=committer,
        sequencer=sequencer,
        publisher=publisher,
        collector=collector,
        guard=guard,
        demo=opened.demo,
        reader=reader,
        prover=prover,
        gate=_gate(settings, opened.clock),
        checks=Checks(),
        metrics=metrics,
    )
    _watch(log)
    return log


def _publisher(
    opened: _Opened, backlog: Backlog, objects: Objects, index: Index, *, holds: bool
) -> Publisher:
    interval_s = opened.settings.publish_interval_ms / 1000
    return Publisher(
        backlog,
        objects,
        index,
        pace=Pace(interval_s, holds=holds),
        clock=opened.clock,
        metrics=opened.metrics,
    )


def _view(
    opened: _Opened, committer: Committer, prover: Prover, backlog: Backlog
) -> LogView:
    """Return the log as the collector of cosignatures sees it."""
    return LogView(
        origin=opened.signer.origin,
        keys=opened.signer.verifiers,
        newest=committer.newest,
        prove=prover.consistency,
        root_at=prover.root,
        offer=backlog.offer,
        clock=opened.clock,
    )


def _load_keys(layout: FolderLayout, settings: Settings) -> list[SigningKey]:
    """Read the log's keys; make those that are missing."""
    types = [KeyType.ED25519, *([KeyType.MLDSA44] if settings.mldsa44 else [])]
    keys: list[SigningKey] = []
    for key_type in types:
        path = layout.keys / _KEY_FILES[key_type]
        origin = settings.origin or (keys[0].verifier.name if keys else "")
        if not path.exists():
            if layout.journal.exists() and key_type in _announced(layout):
                raise CorruptError(str(path), "is missing, but the log has signed")
            if not origin:
                raise RejectedError("a new log needs --origin NAME")
            generate_key(origin, key_type).write(path)
        key = read_key(path)
        if origin and key.verifier.name != origin:
            raise RejectedError(
                f"the log in this folder is {key.verifier.name}, and an origin never "
                "changes: another log needs another --data",
            )
        keys.append(key)
    return keys


def _announced(layout: FolderLayout) -> set[KeyType]:
    """Return the types of the keys that this log has signed with."""
    if not layout.vkey_file.exists():
        return {KeyType.ED25519}
    lines = layout.vkey_file.read_bytes().split()
    return {parse_verifier_key(line).key_type for line in lines}


def _write_public_keys(layout: FolderLayout, signer: HeadSigner, policy: str) -> None:
    """Write the verifier keys, and the policy for those who verify."""
    vkeys = [key.encode() for key in signer.verifiers]
    layout.vkey_file.write_text("".join(f"{vkey}\n" for vkey in vkeys))
    layout.policy_file.write_text(policy, "utf-8")


def _open_index(path: Path) -> Index:
    try:
        return Index(path)
    except Exception as error:
        # RocksDB raises Exception itself; its text tells damage from a full disk.
        if not str(error).startswith(("Corruption:", "Invalid argument:")):
            raise CorruptError("the index", str(error)) from error
        # Derived data: recovery writes it anew.
        log_event("index made anew", level="warning", error=str(error))
        shutil.rmtree(path, ignore_errors=True)
        return Index(path)


def _gate(settings: Settings, clock: Clock) -> Gate:
    tokens = None if settings.tokens_file is None else read_tokens(settings.tokens_file)
    rates = None
    if settings.rate_entries_per_s:
        rates = Rates(settings.rate_entries_per_s, settings.rate_burst_entries, clock)
    return Gate(
        tokens,
        rates,
        trust_forwarded_for=settings.trust_forwarded_for,
        is_frozen=settings.frozen,
    )


def _watch(log: Log) -> None:
    """Let the gauges read what they show at the moment they are asked."""
    metrics = log.metrics
    metrics.tree_size.set_function(lambda: log.snapshot.size)
    if log.collector is not None:
        collector = log.collector
        metrics.cosigned_size.set_function(lambda: collector.cosigned_size)
    metrics.waiting_checks.set_function(lambda: log.checks.waiting)
    metrics.queue_entries.set_function(lambda: log.pool.waiting_entries)
    metrics.publish_lag_entries.set_function(
        lambda: log.snapshot.size - log.publisher.published_size
    )
    metrics.index_lag_entries.set_function(
        lambda: log.snapshot.size - log.index.complete_to
    )
