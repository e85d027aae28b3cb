"""Tickets that wait for a commit: bounded, put by the event loop, taken by a thread."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Condition, Lock
from typing import NamedTuple, Protocol

from tlog.entries.packed import Packed
from tlog.errors import BusyError
from tlog.log.merkle.snapshot import Snapshot
from tlogverify.errors import TlogError
from tlogverify.hashing import Hash


class Receipt(NamedTuple):
    """Where a request's entries stand, in the tree of `snapshot`.

    indexes, leaf_hashes: one for each entry, in order.  [start, end): those that this
    request added; both are the tree's size if it added none.  left, right: the range
    proof of [start, end).
    """

    snapshot: Snapshot
    indexes: tuple[int, ...]
    leaf_hashes: tuple[bytes, ...]
    start: int
    end: int
    left: tuple[Hash, ...] = ()
    right: tuple[Hash, ...] = ()

    @property
    def is_all_new(self) -> bool:
        """Whether the request added each of its entries."""
        return self.end - self.start == len(self.indexes)


class Receiver(Protocol):
    """Who waits for a receipt: a future of a thread or of an event loop."""

    def done(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def set_result(self, result: Receipt, /) -> object:
        """Take the receipt."""
        ...

    def set_exception(self, exception: TlogError, /) -> object:
        """Take the reason why there is none."""
        ...


class Ticket(NamedTuple):
    """One request's entries, canonical, and who waits for its receipt."""

    entries: Packed
    receiver: Receiver


Settled = list[tuple[Receiver, Receipt | TlogError]]
"""The outcomes of a batch."""


def settle(settled: Settled) -> None:
    """Give each that still waits its outcome; called where its receiver belongs."""
    for receiver, outcome in settled:
        if receiver.done():
            continue
        if isinstance(outcome, Receipt):
            receiver.set_result(outcome)
        else:
            receiver.set_exception(outcome)


class Pool:
    """The tickets that wait.

    limit_entries, limit_bytes: how much may wait at once.  A request larger than what
    is free is refused, unless nothing waits.

    What was added can be taken once it is shown.  So what an event loop reads in one
    turn gets into one batch, and who takes it is woken once.
    """

    def __init__(self, limit_entries: int, limit_bytes: int = 64 << 20) -> None:
        self._limit_entries = limit_entries
        self._limit_bytes = limit_bytes
        self._bytes = 0
        # The lock by itself is entered without a call of Python, and a ticket wakes
        # only those that wait: how many do is known.
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._waiting = 0
        self._tickets: deque[Ticket] = deque()
        self._entries = 0
        # How many of the tickets may be taken; the others stand behind them.
        self._shown = 0
        self._is_closed = False

    @property
    def waiting_entries(self) -> int:
        """How many entries wait."""
        return self._entries

    @property
    def is_full(self) -> bool:
        """Whether not one more entry has room."""
        return self._entries >= self._limit_entries or self._bytes >= self._limit_bytes

    def put(self, entries: Sequence[bytes]) -> Future[Receipt]:
        """Let `entries` wait for a commit; BusyError if there is no room.

        For threads: the future must be settled by `settle`, the default delivery.
        """
        receiver: Future[Receipt] = Future()
        # From here on nobody can cancel it, because every committed request is
        # answered.
        receiver.set_running_or_notify_cancel()
        self.put_ticket(Ticket(Packed.of(entries), receiver))
        return receiver

    def put_ticket(self, ticket: Ticket) -> None:
        """Let a ticket wait, and show it; BusyError if there is no room."""
        self.add(ticket)
        self.show()

    def add(self, ticket: Ticket) -> bool:
        """Let a ticket wait that is not shown yet; BusyError if there is no room.

        Returns whether it is the first such ticket: then `show` must be called.
        """
        count, size = len(ticket.entries), ticket.entries.entry_bytes
        with self._lock:
            if self._is_closed:
                raise BusyError("the log is stopping", retry_after_s=5)
            entries, held_bytes = self._entries + count, self._bytes + size
            if self._entries and (
                entries > self._limit_entries or held_bytes > self._limit_bytes
            ):
                raise BusyError("too many entries wait for a commit")
            self._tickets.append(ticket)
            self._entries, self._bytes = entries, held_bytes
            return len(self._tickets) == self._shown + 1

    def show(self) -> None:
        """Let all that was added be taken."""
        with self._lock:
            self._shown = len(self._tickets)
            self._wake_one()

    def take(self, limit_entries: int, limit_bytes: int = 32 << 20) -> list[Ticket]:
        """Return the tickets that are shown, up to about both limits; wait for one.

        An empty list says that the pool is closed and empty.
        """
        with self._lock:
            while not (self._shown or self._is_closed):
                self._waiting += 1
                self._changed.wait()
            taken: list[Ticket] = []
            entries = size = 0
            while self._shown and entries < limit_entries and size < limit_bytes:
                taken.append(self._tickets.popleft())
                self._shown -= 1
                entries += len(taken[-1].entries)
                size += taken[-1].entries.entry_bytes
            self._entries -= entries
            self._bytes -= size
            # What is too much for one goes to the next.
            self._wake_one()
            return taken

    def close(self) -> None:
        """Take no more tickets; those that wait are still taken from the pool."""
        with self._lock:
            self._is_closed = True
            self._shown = len(self._tickets)
            self._waiting = 0
            self._changed.notify_all()

    def _wake_one(self) -> None:
        if self._waiting and self._shown:
            self._waiting -= 1
            self._changed.notify()
