"""The face of a log that a door needs which takes entries, and no more of it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tlog.entries.packed import Packed
from tlog.log.admission.checks import Checks
from tlog.log.admission.gate import Gate
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.heads import Heads
from tlog.log.sequencer.pool import Pool, Receipt, Receiver, Ticket


@dataclass(frozen=True, slots=True)
class Submitting:
    """The face of a log for those that submit; used in one event loop.

    gate: who may submit, and how much.  checks: work that is too much for the loop.
    shows_at_once: readers are shown each head as soon as it is signed.  wait_s: how
    long an answer waits for one otherwise.  first_entry: what an empty log takes before
    all others, if anything.
    """

    origin: str
    guard: WriteGuard
    gate: Gate
    checks: Checks
    pool: Pool
    heads: Heads
    shows_at_once: bool
    wait_s: float
    metrics: LogMetrics
    first_entry: bytes | None = None

    async def wait_writable(self) -> None:
        """Wait until the log may write, and has its first entry if it is to have one.

        Raises RolledBackError or UnconfirmedError if it may not, BusyError if that
        entry could not be stored.
        """
        await self.guard.wait_writable(self.wait_s)
        if self.first_entry is not None and self.heads.signed.size == 0:
            # Several may wait here: equal entries are one entry.
            await self.commit([self.first_entry])

    @property
    def is_writable(self) -> bool:
        """Whether `wait_writable` would return at once."""
        guard = self.guard
        is_begun = self.first_entry is None or self.heads.signed.size > 0
        return guard.is_confirmed and not guard.contradictions and is_begun

    def commit(self, entries: Sequence[bytes]) -> asyncio.Future[Receipt]:
        """Let canonical entries wait for a commit.

        The future says where they stand once that is durable.  It ends with BusyError
        or RolledBackError if nothing was stored, with FatalError if that is not known.

        Raises as `commit_for`.
        """
        waiting: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.commit_for(waiting, entries)
        return waiting

    def commit_for(self, receiver: Receiver, entries: Sequence[bytes]) -> None:
        """Let canonical entries wait for a commit, which is told to `receiver`.

        All that one turn of the loop reads is shown to the sequencer together.

        Raises BusyError if there is no room, RolledBackError if a witness has
        contradicted the log while the request was read.
        """
        self.guard.require_writable()
        if self.pool.add(Ticket(Packed.of(entries), receiver)):
            asyncio.get_running_loop().call_soon(self.pool.show)

    async def shown_with(self, receipt: Receipt, wait_s: float) -> Snapshot | None:
        """Return a shown head that has all entries of a receipt, if it comes.

        Raises RolledBackError if it cannot come any more.
        """
        size = max(receipt.indexes) + 1
        head = await self.heads.wait_for(size, receipt.snapshot, wait_s)
        if head is None:
            self.guard.require_writable()
        return head

    def signed_with(self, receipt: Receipt) -> Snapshot:
        """Return the signed head of a receipt, which no witness need have seen.

        Raises RolledBackError if a witness contradicts the log: it may be a fork's.
        """
        self.guard.require_writable()
        return receipt.snapshot

    def count_refused(self, token: str) -> None:
        """Count one refused request by the type of its problem."""
        self.metrics.refused_entries.labels(token).inc()
