"""The one writer's thread: it takes the tickets that wait, commits them, and answers.

It commits in groups: a batch holds all that came while the batch before it was
committed, in whole turns of the event loop.  Nobody waits for a timer, and under load
batches grow by themselves.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from tlog import hashing, tracing
from tlog.entries.packed import Packed, count_signed
from tlog.errors import BusyError, FatalError, RejectedError
from tlog.lifeline import Lifeline
from tlog.log.merkle.extension import Extension
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.batch import Batch, Placement, plan_batch
from tlog.log.sequencer.commit import Committer
from tlog.log.sequencer.known import KnownEntries
from tlog.log.sequencer.pool import Pool, Receipt, Settled, Ticket, settle
from tlog.log.sequencer.selfcheck import SelfCheckError
from tlog.signing import KeyAwayError

_BATCH_ENTRIES: Final = 20_000
_KEY_PAUSE_S: Final = 0.2
"""How often a key that is away is asked to sign again."""


class Sequencer:
    """Commits the tickets of the pool.

    pool, known, committer: its own, which others may read.  trim_to: returns the size
    below which the journal may drop batches.  deliver: how the outcomes of a batch
    reach those that wait, all at once.
    """

    def __init__(
        self,
        pool: Pool,
        backlog: Backlog,
        known: KnownEntries,
        committer: Committer,
        *,
        trim_to: Callable[[], int],
        metrics: LogMetrics,
    ) -> None:
        self.pool = pool
        self._backlog = backlog
        self.known = known
        self.committer = committer
        self._trim_to = trim_to
        self._metrics = metrics
        self._thread: Thread | None = None
        self._taken: list[Ticket] = []
        self._is_stopping = Event()
        self.deliver: Callable[[Settled], object] = settle

    def start(self, lifeline: Lifeline) -> None:
        """Start the thread; if it fails, all that wait are told so."""
        self._thread = lifeline.start_thread("sequencer", self._run, self._give_up)

    def end_waiting(self) -> None:
        """Wait for no key that is away any more: the log is to stop."""
        self._is_stopping.set()

    def join(self) -> None:
        """Wait for the thread, which ends when the pool is closed and empty."""
        if self._thread is not None:
            self._thread.join()

    def sequence(self, tickets: list[Ticket]) -> None:
        """Commit all new entries of `tickets` in one batch, and answer each ticket.

        A BusyError or RejectedError goes to the waiters: nothing was changed.  A
        FatalError is raised.
        """
        entries = Packed.join(ticket.entries for ticket in tickets)
        counts = [len(ticket.entries) for ticket in tickets]
        joined = hashing.bundle_leaf_hashes(entries.bundle, len(entries))
        leaf_hashes = hashing.split_hashes(joined)
        try:
            known = self.known.find(leaf_hashes)
            size = self.committer.signed.size
            batch = plan_batch(entries, counts, leaf_hashes, known, size)
            extension = self._commit(batch)
        except (BusyError, RejectedError) as error:
            self.deliver([(ticket.receiver, error) for ticket in tickets])
            return
        placed = zip(tickets, batch.placements, strict=True)
        self.deliver(
            [(ticket.receiver, self._receipt(it, extension)) for ticket, it in placed]
        )

    def _commit(self, batch: Batch) -> Extension | None:
        if not batch.entries:
            return None
        with tracing.span("commit", {"tlog.entries": len(batch.entries)}) as noted:
            with self._metrics.commit_seconds.time():
                extension = self._commit_once_signed(batch)
            noted["tlog.size"] = self.committer.signed.size
        count, signed = len(batch.entries), count_signed(batch.entries)
        self._metrics.batch_entries.observe(count)
        self._metrics.entries.labels("yes").inc(signed)
        self._metrics.entries.labels("no").inc(count - signed)
        return extension

    def _commit_once_signed(self, batch: Batch) -> Extension:
        """Commit a batch; wait for a key that is away, until the log is to stop.

        Nothing is stored before the head is signed, so the same batch is tried again.
        """
        while True:
            try:
                return self.committer.commit(batch, self._trim_to())
            except KeyAwayError:
                if self._is_stopping.wait(_KEY_PAUSE_S):
                    raise

    def _receipt(self, placement: Placement, extension: Extension | None) -> Receipt:
        snapshot = self.committer.signed
        indexes, leaf_hashes = placement.indexes, placement.leaf_hashes
        start, end = placement.start, placement.end
        if extension is None or start == end:
            size = snapshot.size
            return Receipt(snapshot, indexes, leaf_hashes, size, size)
        left, right = extension.range_proof(start, end)
        return Receipt(snapshot, indexes, leaf_hashes, start, end, left, right)

    def _run(self) -> None:
        while taken := self.pool.take(_BATCH_ENTRIES):
            self._taken = taken
            self._backlog.wait_for_room()
            self.sequence(taken)

    def _give_up(self, failure: FatalError) -> None:
        """Answer all that wait: the outcome is unknown until the next start."""
        if isinstance(failure, SelfCheckError):
            self._metrics.self_check_failures.inc()
        self.pool.close()
        tickets = self._taken
        while tickets:
            self.deliver([(ticket.receiver, failure) for ticket in tickets])
            tickets = self.pool.take(_BATCH_ENTRIES)
