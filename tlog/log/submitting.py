"""The face of a log that a door needs which takes entries, and no more of it."""

import asyncio
from dataclasses import dataclass

from tlog.log.admission.checks import Checks
from tlog.log.admission.gate import Gate
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.publishing.heads import Heads
from tlog.log.sequencer.pool import Pool, Receipt, Ticket
from tlog.metrics import LogMetrics


@dataclass(frozen=True, slots=True)
class Submitting:
    """The face of a log for those that submit; used in one event loop.

    gate: who may submit, and how much.  checks: work that is too much for the loop.
    wait_s: how long an answer waits for a head that is shown.
    """

    origin: str
    guard: WriteGuard
    gate: Gate
    checks: Checks
    pool: Pool
    heads: Heads
    wait_s: float
    metrics: LogMetrics

    async def wait_writable(self) -> None:
        """Wait until the log may write; RolledBackError or UnconfirmedError if not."""
        await self.guard.wait_writable(self.wait_s)

    def commit(self, entries: list[bytes]) -> asyncio.Future[Receipt]:
        """Let canonical entries wait for a commit; BusyError if there is no room.

        The future says where they stand once that is durable.  It ends with BusyError
        if nothing was stored, with FatalError if that is not known.
        """
        waiting: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self.pool.put_ticket(Ticket(entries, waiting))
        return waiting

    async def shown_with(self, receipt: Receipt, wait_s: float) -> Snapshot | None:
        """Return a shown head that has all entries of a receipt, if it comes."""
        size = max(receipt.indexes) + 1
        return await self.heads.wait_for(size, receipt.snapshot, wait_s)

    def count_refused(self, token: str) -> None:
        """Count one refused request by the type of its problem."""
        self.metrics.refused_entries.labels(token).inc()
