"""Submissions that came to a node which does not write, sent to the one that does.

What came while a bunch was under way is the next bunch.  A request whose entries are
all in this node's index is answered from here.  A bunch whose outcome is not known is
sent again, to whoever writes by then: the same entries get the same indexes.
"""

from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Final, NamedTuple, Protocol

from tlog import hashing
from tlog.clock import Clock
from tlog.entries.packed import Packed
from tlog.errors import BusyError, FatalError
from tlog.lifeline import Lifeline
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.nodes.link import Link, NotReachedError, UnansweredByNodeError
from tlog.log.nodes.wire import (
    ENTRIES,
    MAX_BUNCH_ENTRIES,
    Bunch,
    Outcome,
    Placed,
    Refused,
    encode,
    error_of,
    parse_outcomes,
    receipt_of,
)
from tlog.log.sequencer.known import KnownEntries
from tlog.log.sequencer.pool import Pool, Receipt, Settled, Ticket, settle
from tlog.log.storage.writers import Writer
from tlogverify.errors import FormatError, TlogError

_BUNCH_BYTES: Final = 8 << 20
_PAUSE_S: Final = 0.05

# After the silence of one node comes the recovery of another.
_RECOVERY_S: Final = 5.0
_MOST_WAIT_S: Final = 8.0
_LEAST_ANSWER_S: Final = 2.0


class Elsewhere(Protocol):
    """A log that another process writes, as far as this one has read it."""

    @property
    def writer(self) -> Writer | None:
        """Return who writes, if that is known."""
        ...

    @property
    def signed(self) -> Snapshot:
        """Return the newest head that was read."""
        ...

    def snapshot_of(self, note: bytes, timeout_s: float) -> Snapshot | None:
        """Return the snapshot of a head that the writer has signed, once it is read.

        None if that takes too long or the head is long past.
        """
        ...


class Terms(NamedTuple):
    """On which terms a writer is asked.

    patience_s: for how long a bunch is sent again.  link: makes a conversation with
    it.  is_final: what it refuses is refused; nobody else writes soon.  at_once:
    bunches under way.
    """

    patience_s: float
    link: Callable[[], Link]
    is_final: bool
    at_once: int = 4


def terms_of_nodes(takeover_s: float) -> Terms:
    """Return the terms where another node writes within so long.

    A request waits a little longer, some seconds at most.
    """
    answer_s = min(max(takeover_s, _LEAST_ANSWER_S), _MOST_WAIT_S)
    patience_s = min(takeover_s + _RECOVERY_S, _MOST_WAIT_S)
    return Terms(patience_s, lambda: Link(answer_s), is_final=False)


class Forwarding:
    """Some threads that empty the pool.

    pool, known: its own, which others may read.  successor: the pool of a log that this
    process writes by now.  deliver: how outcomes reach those that wait.
    """

    def __init__(
        self,
        pool: Pool,
        known: KnownEntries,
        following: Elsewhere,
        clock: Clock,
        terms: Terms,
    ) -> None:
        self.pool = pool
        self.known = known
        self._following = following
        self._clock = clock
        self._terms = terms
        self._ending = Event()
        self._threads: list[Thread] = []
        self.successor: Pool | None = None
        self.deliver: Callable[[Settled], object] = settle

    def start(self, lifeline: Lifeline) -> None:
        """Start the threads."""
        for _ in range(self._terms.at_once):
            self._threads.append(lifeline.start_thread("forwarding", self._run))

    def hand_over(self, pool: Pool) -> None:
        """Let what waits be committed by this process: it writes from now on."""
        self.successor = pool

    def end(self) -> None:
        """Take nothing more, and let what waits be answered once more at most."""
        self._ending.set()
        self.pool.close()

    def join(self) -> None:
        """Wait for the threads, which end when the pool is closed and empty."""
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        link = self._terms.link()
        while taken := self.pool.take(MAX_BUNCH_ENTRIES, _BUNCH_BYTES):
            _Forwarded(self, link, taken).run()
        link.close()

    # What follows is for `_Forwarded` alone.

    @property
    def is_final(self) -> bool:
        """Whether what the writer refuses is refused."""
        return self._terms.is_final

    def is_over(self, begun_s: float) -> bool:
        """Whether a bunch has been tried for long enough."""
        spent_s = self._clock.monotonic_s() - begun_s
        return spent_s >= self._terms.patience_s or self._ending.wait(_PAUSE_S)

    def now_s(self) -> float:
        """Return the time by which a bunch is judged."""
        return self._clock.monotonic_s()

    def send(self, link: Link, tickets: Sequence[Ticket]) -> list[Outcome]:
        """Return what the writer answers; raises as `Link.ask`."""
        writer = self._following.writer
        if writer is None:
            raise NotReachedError("no node leads this log now")
        entries = Packed.join(it.entries for it in tickets)
        bunch = Bunch([len(it.entries) for it in tickets], entries.bundle)
        body = link.ask(writer, "POST", ENTRIES, encode(bunch))
        try:
            return parse_outcomes(body, len(tickets))
        except FormatError as error:
            raise UnansweredByNodeError(str(error)) from error

    def receipt(self, placed: Placed, leaf_hashes: Sequence[bytes]) -> Receipt | None:
        """Return a receipt whose head this node has read; None if it has not."""
        snapshot = self._following.snapshot_of(placed.note, self._terms.patience_s)
        if snapshot is None:
            return None
        return receipt_of(placed, snapshot, leaf_hashes)

    def known_receipt(self, leaf_hashes: Sequence[bytes]) -> Receipt | None:
        """Return the receipt of entries that this node's index has, if it has all."""
        found = self.known.find(leaf_hashes)
        signed = self._following.signed
        indexes = tuple(found[it] for it in leaf_hashes if it in found)
        is_known = len(indexes) == len(leaf_hashes)
        if not is_known or max(indexes) >= signed.size:
            return None
        return Receipt(signed, indexes, tuple(leaf_hashes), signed.size, signed.size)


class _Forwarded:
    """One bunch, until each of its requests is answered."""

    def __init__(self, by: Forwarding, link: Link, tickets: Sequence[Ticket]) -> None:
        self._by = by
        self._link = link
        self._left = list(tickets)
        self._hashes = {id(it): _leaf_hashes(it) for it in tickets}
        self._why: TlogError = NotReachedError("no node leads this log now")
        self._is_unknown = False

    def run(self) -> None:
        """Try until all is answered, or the patience ends."""
        begun_s = self._by.now_s()
        self._answer_known()
        while self._left:
            self._try()
            if self._left and self._by.is_over(begun_s):
                self._give_up()

    def _answer_known(self) -> None:
        try:
            self._settle(
                {
                    id(it): self._by.known_receipt(self._hashes[id(it)])
                    for it in self._left
                }
            )
        except TlogError:
            # The index is a help here, no more: the writer has one of its own.
            return

    def _try(self) -> None:
        if self._by.successor is not None:
            self._hand_over(self._by.successor)
            return
        try:
            outcomes = self._by.send(self._link, self._left)
        except NotReachedError as error:
            self._why = error
            return
        except UnansweredByNodeError:
            self._is_unknown = True
            return
        settled: dict[int, Receipt | TlogError | None] = {}
        for ticket, outcome in zip(self._left, outcomes, strict=True):
            settled[id(ticket)] = self._outcome(ticket, outcome)
        self._settle(settled)

    def _hand_over(self, pool: Pool) -> None:
        refused: dict[int, Receipt | TlogError | None] = {}
        for ticket in self._left:
            try:
                pool.put_ticket(ticket)
            except BusyError as error:
                refused[id(ticket)] = error
        self._left = [it for it in self._left if id(it) in refused]
        self._settle(refused)

    def _outcome(self, ticket: Ticket, outcome: Outcome) -> Receipt | TlogError | None:
        """Return how a request ends; None to send it again."""
        if isinstance(outcome, Placed):
            self._is_unknown = True
            try:
                return self._by.receipt(outcome, self._hashes[id(ticket)])
            except TlogError as error:
                return FatalError(str(error))
        return self._refused(outcome)

    def _refused(self, refused: Refused) -> TlogError | None:
        error = error_of(refused)
        if self._by.is_final:
            return error
        if isinstance(error, FatalError):
            self._is_unknown = True
            return None
        if isinstance(error, BusyError):
            # It may be about to end: another one writes soon.
            self._why = error
            return None
        return error

    def _settle(self, outcomes: dict[int, Receipt | TlogError | None]) -> None:
        settled: Settled = []
        left: list[Ticket] = []
        for ticket in self._left:
            outcome = outcomes.get(id(ticket))
            if outcome is None:
                left.append(ticket)
            else:
                settled.append((ticket.receiver, outcome))
        self._left = left
        if settled:
            self._by.deliver(settled)

    def _give_up(self) -> None:
        """Say that nothing was stored, or, if it may have been, that nobody knows."""
        why = self._why
        if self._is_unknown:
            why = FatalError("the node that writes has not answered")
        self._by.deliver([(it.receiver, why) for it in self._left])
        self._left = []


def _leaf_hashes(ticket: Ticket) -> Sequence[bytes]:
    entries = ticket.entries
    return hashing.split_hashes(
        hashing.bundle_leaf_hashes(entries.bundle, len(entries))
    )
