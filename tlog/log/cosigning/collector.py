"""Collects cosignatures: the newest head goes to all witnesses at once.

At most every interval a head is the target.  Each witness has a task of its own, which
takes the newest target when it is done with the one before: so a slow or dead witness
delays nobody.  What happens to a head then is `tlog.log.cosigning.gathering`.

A witness whose answer contradicts this log stops it: `tlog.log.cosigning.guard`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tlog.clock import Clock
from tlog.lifeline import Lifeline
from tlog.log.cosigning.gathering import Gathering
from tlog.log.cosigning.guard import Contradiction, WriteGuard
from tlog.log.cosigning.links import (
    AheadError,
    ConflictError,
    LinkState,
    Prove,
    WitnessLink,
)
from tlog.log.cosigning.sightings import compare_shown, see_head, tell_unseen
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.metrics import LogMetrics
from tlog.log.publishing.heads import NotCosignedError
from tlog.log_lines import log_event
from tlogclient.errors import RefusedError
from tlogverify.errors import TlogError
from tlogverify.hashing import Hash
from tlogverify.keys import VerifierKey

_MOST_WAITING: Final = 10_000
_KEEP_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """When heads are sent and shown.

    interval_s: least time between two targets.  patience_s: how long the quorum may
    fail before heads are shown without it; None: for ever.
    """

    interval_s: float
    patience_s: float | None


@dataclass(frozen=True, slots=True)
class LogView:
    """What the collector needs of the log it works for.

    keys: its verifier keys.  signed: returns the newest signed head.  root_at: its root
    at a size, read from tiles.  offer: called with a head that may be public.
    """

    origin: str
    keys: Sequence[VerifierKey]
    signed: Callable[[], Snapshot]
    prove: Prove
    root_at: Callable[[Snapshot, int], Coroutine[None, None, Hash]]
    offer: Callable[[Snapshot], None]
    clock: Clock
    metrics: LogMetrics


class SeenWitness(Protocol):
    """One witness, as people may know of it."""

    @property
    def name(self) -> str:
        """Return its name, for people."""
        ...

    @property
    def url(self) -> str:
        """Return where it is asked."""
        ...

    @property
    def state(self) -> LinkState:
        """Return what came of that."""
        ...


@dataclass(frozen=True, slots=True)
class Witnessing:
    """A log's witnesses; cosigned_size: returns that of the newest cosigned head."""

    links: Sequence[SeenWitness]
    cosigned_size: Callable[[], int]


class Collector:
    """The cosignatures of one log; all of it runs in one event loop.

    It is the `Heads` of a log with witnesses, and of one that a witness contradicts.
    links: one for each witness that is asked.
    """

    def __init__(
        self,
        pace: Pace,
        links: Sequence[WitnessLink],
        log: LogView,
        gathering: Gathering,
        guard: WriteGuard,
        lifeline: Lifeline,
    ) -> None:
        self._pace = pace
        self._links = tuple(links)
        self._log = log
        self._gathering = gathering
        self._guard = guard
        self._lifeline = lifeline
        self._clock = log.clock
        self._is_ending = False
        self._quorum_s = log.clock.monotonic_s()
        self._waiting = 0
        self._unheard = {link.url for link in self._links}
        self._resting: set[str] = set()
        self._awaited: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()
        self._cosigned = asyncio.Event()
        if guard.is_contradicted:
            gathering.stop()
        elif gathering.is_confirmed:
            guard.confirm()

    @property
    def signed(self) -> Snapshot:
        """The newest signed head."""
        return self._log.signed()

    @property
    def shown(self) -> Snapshot:
        """The newest head that readers are given; NotCosignedError before the first."""
        if self._gathering.shown is None:
            raise NotCosignedError("no head is cosigned yet")
        return self._gathering.shown

    @property
    def readable(self) -> Snapshot:
        """The signed head; of a contradicted log what is shown, since it may be a fork.

        NotCosignedError if nothing is.
        """
        return self.shown if self._guard.is_contradicted else self.signed

    @property
    def witnessing(self) -> Witnessing:
        """What people and metrics may know of the witnesses."""
        return Witnessing(self._links, lambda: self._gathering.cosigned_size)

    def start(self) -> None:
        """Start the tasks in the event loop; a contradicted log asks nobody."""
        self._woken.set()
        work = [self._set_targets(), *(self._follow(link) for link in self._links)]
        self._tasks = [asyncio.create_task(self._guarded(it)) for it in work]

    async def close(self) -> None:
        """End all tasks; what was cosigned stays shown."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._guard.keep_again()
        for link in self._links:
            await link.port.close()

    def wake(self) -> None:
        """Take note that there may be a newer signed head."""
        self._woken.set()

    def end_waiting(self) -> None:
        """Let all that wait for a head go without: the log is stopping."""
        self._is_ending = True
        self._cosigned.set()
        self._guard.end_waiting()

    async def wait_for(
        self, size: int, signed: Snapshot, timeout_s: float
    ) -> Snapshot | None:
        """Return a cosigned head of at least `size`; None if it takes too long.

        None at once if 10,000 wait already, since each holds what it has to answer, and
        if a witness contradicts the log, which shows nothing more.
        """
        if self._waiting >= _MOST_WAITING and not self._covers(size):
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                while not self._covers(size):
                    if self._is_ending or self._guard.is_contradicted:
                        return None
                    await self._cosigned.wait()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1
        return self._gathering.shown

    def _covers(self, size: int) -> bool:
        shown = self._gathering.shown
        return self._gathering.is_cosigned and shown is not None and shown.size >= size

    async def _set_targets(self) -> None:
        while not self._guard.is_contradicted:
            await self._woken.wait()
            self._woken.clear()
            if self._gathering.aim(self._log.signed()):
                self._send()
            await asyncio.sleep(self._pace.interval_s)
            self._go_on_without_quorum()
        while not self._guard.keep_again():  # noqa: ASYNC110 - a disk sets no event
            await asyncio.sleep(_KEEP_AGAIN_S)

    def _send(self) -> None:
        """Let all witnesses take the new target."""
        self._awaited = {link.url for link in self._links} - self._resting
        self._moved.set()
        self._moved = asyncio.Event()
        if not self._gathering.is_waiting:
            # A policy without a quorum has shown it at once.
            self._offer()

    async def _follow(self, link: WitnessLink) -> None:
        done = 0
        # A head that one witness contradicts is handed to no other.
        while not self._guard.is_contradicted:
            moved = self._moved
            target, number = self._gathering.target, self._gathering.round
            if target is None or number == done:
                await moved.wait()
                continue
            self._awaited.add(link.url)
            try:
                lines = await link.cosign(self._log.origin, target, self._log.prove)
            except TlogError as error:
                log_event(
                    "witness failed",
                    level="warning",
                    witness=link.name,
                    size=target.size,
                    error=str(error),
                )
                if await self._judge(link, error, target):
                    await self._rest(link, link.wait_s(error))
            else:
                done = number
                if number == self._gathering.round:
                    self._awaited.discard(link.url)
                if self._gathering.take(target, lines):
                    self._offer()
                self._hear(link)

    async def _rest(self, link: WitnessLink, wait_s: float) -> None:
        """Leave a witness alone for a while; nobody waits for its word meanwhile."""
        self._awaited.discard(link.url)
        self._resting.add(link.url)
        self._hear(link)
        await asyncio.sleep(wait_s)
        self._resting.discard(link.url)

    def _hear(self, link: WitnessLink) -> None:
        """Take note that a witness has answered, or failed to, since the start."""
        if link.url not in self._unheard:
            return
        self._unheard.remove(link.url)
        if not self._unheard and not self._guard.is_contradicted:
            self._guard.hear()
            if self._gathering.hear():
                self._offer()

    async def _judge(self, link: WitnessLink, error: TlogError, sent: Snapshot) -> bool:
        """Look whether what a witness has answered contradicts this log.

        Tell whether it is done with what was sent; else there is a newer head that it
        must judge at once.
        """
        signed = self._log.signed()
        if isinstance(error, ConflictError):
            self._stop(Contradiction(link.name, error.size, str(error)))
        elif isinstance(error, AheadError):
            if error.size > signed.size:
                said = f"{error}; {signed.size} are signed in this folder"
                self._stop(Contradiction(link.name, error.size, said))
            elif self._gathering.outgrow(error.size, signed):
                # A stranger has shown it a head of ours that we had not sent, or it
                # knows a fork: nothing is shown before it has judged the newest.
                self._send()
            # Another witness may have led to a newer target before.
            return self._gathering.target is sent or self._guard.is_contradicted
        elif isinstance(error, RefusedError):
            await self._compare(link)
        return True

    async def _compare(self, link: WitnessLink) -> None:
        """Compare what a witness shows, where it shows heads, with this log."""
        try:
            seen = await see_head(
                link.name, link.port, self._log.origin, self._log.keys
            )
        except TlogError as error:
            tell_unseen(link.name, error)
            return
        if seen is None:
            return
        signed = self._log.signed()
        found = await compare_shown(
            seen, signed.size, lambda size: self._log.root_at(signed, size)
        )
        if found is not None:
            self._stop(found)

    def _stop(self, found: Contradiction) -> None:
        if self._guard.contradict(found):
            self._gathering.stop()
            # Whoever waits for a head, or for the next target, waits in vain.
            self._woken.set()
            self._moved.set()
            self._cosigned.set()

    def _offer(self) -> None:
        """Let what is shown now be public, and all that wait for it go on."""
        shown = self._gathering.shown
        if shown is None or self._guard.is_contradicted:
            return
        self._log.offer(shown)
        self._woken.set()
        if self._gathering.is_confirmed:
            self._guard.confirm()
        if self._gathering.is_cosigned:
            self._quorum_s = self._clock.monotonic_s()
            self._cosigned.set()
            self._cosigned = asyncio.Event()

    def _go_on_without_quorum(self) -> None:
        """Show the target as it is, if the quorum is gone for too long.

        Not while a witness is asked about it that may still answer: what it says may be
        that this log must not write.
        """
        patience_s, target = self._pace.patience_s, self._gathering.target
        if patience_s is None or target is None:
            return
        now_s = self._clock.monotonic_s()
        if not self._gathering.is_waiting:
            if self._gathering.is_cosigned:
                self._quorum_s = now_s
        elif (
            now_s - self._quorum_s >= patience_s
            and not self._awaited
            and self._gathering.give_up()
        ):
            log_event("published without quorum", level="error", size=target.size)
            self._offer()
        self._woken.set()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        with self._lifeline.guarding("collector"):
            await work
