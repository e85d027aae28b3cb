"""One open log: everything that answers a request, and how it starts and ends."""

from collections.abc import Callable
from dataclasses import dataclass

from tlog.admission.gate import Gate
from tlog.checkpoint.backlog import Backlog
from tlog.checkpoint.publisher import Publisher
from tlog.config import Settings
from tlog.errors import FatalError
from tlog.merkle.snapshot import Snapshot
from tlog.metrics import LogMetrics
from tlog.proofs.prover import Prover
from tlog.proofs.reader import TileReader
from tlog.sequencer.commit import Committer
from tlog.sequencer.known import KnownEntries
from tlog.sequencer.pool import Pool, Settled, settle
from tlog.sequencer.sequencer import Sequencer
from tlog.signing import HeadSigner
from tlog.storage.folder import LogFolder
from tlog.storage.index import Index
from tlog.storage.journal import Journal
from tlog.storage.objects import Objects


@dataclass(frozen=True, slots=True)
class Log:
    """One open log: everything that the api needs, and `close`.

    policy: the text of one that trusts this log's keys alone.
    """

    settings: Settings
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
    reader: TileReader
    prover: Prover
    gate: Gate
    metrics: LogMetrics

    @property
    def snapshot(self) -> Snapshot:
        """The newest signed state."""
        return self.committer.snapshot

    @property
    def failure(self) -> FatalError | None:
        """Why this log has stopped by itself, if it has."""
        return self.sequencer.failure or self.publisher.failure

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
        self.pool.close()
        self.backlog.lift_bound()
        self.sequencer.join()
        self.backlog.close()
        self.publisher.join()
        if self.failure is None:
            self.journal.trim(self.publisher.published_size)
        try:
            self.index.close()
        finally:
            self.journal.close()
            self.folder.close()
