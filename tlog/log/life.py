"""One open log: everything that answers a request, and how it starts and ends."""

from collections.abc import Callable
from dataclasses import dataclass

from tlog.errors import FatalError
from tlog.log.admission.checks import Checks
from tlog.log.admission.gate import Gate
from tlog.log.cosigning.collector import Collector, NotCosignedError
from tlog.log.cosigning.rollback import RollbackGuard
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.proofs.prover import Prover
from tlog.log.proofs.reader import TileReader
from tlog.log.publishing.backlog import Backlog
from tlog.log.publishing.publisher import Publisher
from tlog.log.sequencer.commit import Committer
from tlog.log.sequencer.known import KnownEntries
from tlog.log.sequencer.pool import Pool, Settled, settle
from tlog.log.sequencer.sequencer import Sequencer
from tlog.log.settings import LogSettings
from tlog.log.storage.folder import LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Journal
from tlog.log.storage.objects import Objects
from tlog.metrics import LogMetrics
from tlog.signing import HeadSigner
from tlog.witness.opening import Witness


@dataclass(frozen=True, slots=True)
class Log:
    """One open log: everything that the api needs, and `close`.

    policy: the text of one for those who verify.  collector: where heads wait for
    cosignatures.
    """

    settings: LogSettings
    folder: LogFolder
    signer: HeadSigner
    policy: str
    journal: Journal
    objects: Objects
    index: Index
    known: KnownEntries
    pool: Pool
    backlog: Backlog
    committer: Committer
    sequencer: Sequencer
    publisher: Publisher
    collector: Collector | None
    guard: RollbackGuard
    demo: Witness | None
    reader: TileReader
    prover: Prover
    gate: Gate
    checks: Checks
    metrics: LogMetrics

    @property
    def snapshot(self) -> Snapshot:
        """The newest signed state."""
        return self.committer.snapshot

    @property
    def head(self) -> Snapshot:
        """The newest state that readers are shown; NotCosignedError if none is."""
        if self.collector is None:
            return self.snapshot
        if self.collector.shown is None:
            raise NotCosignedError("no head is cosigned yet")
        return self.collector.shown

    @property
    def failure(self) -> FatalError | None:
        """Why this log has stopped by itself, if it has."""
        cosigning = self.collector.failure if self.collector else None
        return self.sequencer.failure or self.publisher.failure or cosigning

    def start(
        self,
        on_stop: Callable[[], object],
        deliver: Callable[[Settled], object] = settle,
    ) -> None:
        """Start the two threads.

        on_stop: called, on one of them, when one ends.  deliver: called on the
        sequencer's with the outcomes of a batch.
        """
        self.sequencer.on_stop = on_stop
        self.sequencer.deliver = deliver
        self.publisher.on_stop = on_stop
        self.publisher.start()
        self.sequencer.start()

    def close(self) -> None:
        """Answer what was accepted, publish it, and let go of the folder."""
        self.checks.close()
        self.pool.close()
        self.backlog.lift_bound()
        self.sequencer.join()
        self.backlog.close()
        self.publisher.join()
        if self.failure is None:
            self.journal.trim(self.publisher.stored_size)
        try:
            self.index.close()
        finally:
            self.journal.close()
            self.folder.close()
