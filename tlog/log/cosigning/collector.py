"""Collects cosignatures: the newest head goes to all witnesses at once.

At most every interval a head is the target.  Each witness has a task of its own, which
takes the newest target when it is done with the one before: so a slow or dead witness
delays nobody.  A head whose cosignatures satisfy the policy is shown; cosignatures that
come later are added to it as long as it is the one that is shown.

A target stays until it is shown: witnesses that are slow, each in its own way, would
otherwise sign different heads for ever, and none would have its quorum.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tlog.clock import Clock
from tlog.errors import BusyError, FatalError
from tlog.log.cosigning.links import AheadError, Prove, WitnessLink
from tlog.log.cosigning.rollback import RollbackGuard, ask_witness, find_rollback
from tlog.log.merkle.snapshot import Snapshot
from tlog.log_lines import log_event
from tlogclient.errors import RefusedError
from tlogverify.errors import TlogError, VerificationError
from tlogverify.hashing import Hash
from tlogverify.keys import VerifierKey
from tlogverify.note import NoteSignature, UnverifiedNote, parse_note
from tlogverify.policy import Policy

_MOST_WAITING: Final = 10_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy's heads are held to.

    interval_s: least time between two targets.  patience_s: how long the quorum may
    fail before heads are shown without it; None: for ever.
    """

    policy: Policy
    interval_s: float
    patience_s: float | None


@dataclass(frozen=True, slots=True)
class LogView:
    """What the collector needs of the log it works for.

    keys: its verifier keys.  newest: the newest signed state.  root_at: its root at a
    size, read from tiles.  offer: called with a head that may be public.
    """

    origin: str
    keys: Sequence[VerifierKey]
    newest: Callable[[], Snapshot]
    prove: Prove
    root_at: Callable[[Snapshot, int], Coroutine[None, None, Hash]]
    offer: Callable[[Snapshot], None]
    clock: Clock


@dataclass(slots=True)
class _Gathered:
    snapshot: Snapshot
    lines: dict[tuple[str, bytes], NoteSignature] = field(default_factory=dict)

    def head(self) -> Snapshot:
        """Return the head with all its cosignatures."""
        note = parse_note(self.snapshot.note)
        # One order whatever the order of answers: the same lines give the same bytes.
        lines = tuple(self.lines[key] for key in sorted(self.lines))
        signed = UnverifiedNote(note.text, (*note.signatures, *lines))
        return replace(self.snapshot, note=signed.encode())


class NotCosignedError(BusyError):
    """The log has it, and no head that may be shown has it yet."""


class Collector:
    """The cosignatures of one log; all of it runs in one event loop.

    shown: the newest head that readers are given, or None before the first; under
    policy, unless `is_cosigned` says that it is not.  cosigned_size: of the newest that
    was.  on_stop, failure: as of the other tasks of a log.
    """

    def __init__(
        self,
        terms: Terms,
        links: Sequence[WitnessLink],
        log: LogView,
        guard: RollbackGuard,
        *,
        shown: Snapshot | None,
    ) -> None:
        self._terms = terms
        self.links = tuple(links)
        self._log = log
        self._guard = guard
        self._clock = log.clock
        self.shown = shown
        self.is_cosigned = shown is not None and self._satisfies(shown)
        self.cosigned_size = shown.size if shown is not None and self.is_cosigned else 0
        self._is_ending = False
        self._quorum_s = log.clock.monotonic_s()
        self._target: Snapshot | None = None
        self._targets = 0
        self._gathered: dict[int, _Gathered] = {}
        self._waiting = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._woken = asyncio.Event()
        self._moved = asyncio.Event()
        self._cosigned = asyncio.Event()
        self.on_stop: Callable[[], object] = lambda: None
        self.failure: FatalError | None = None

    def start(self) -> None:
        """Start the tasks in the running event loop."""
        self._woken.set()
        work = [self._set_targets(), *(self._follow(link) for link in self.links)]
        self._tasks = [asyncio.create_task(self._guarded(it)) for it in work]

    async def close(self) -> None:
        """End all tasks; what was cosigned stays shown."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for link in self.links:
            await link.port.close()

    def wake(self) -> None:
        """Take note that there may be a newer head."""
        self._woken.set()

    def end_waiting(self) -> None:
        """Let all that wait for a head go without: the log is stopping."""
        self._is_ending = True
        self._cosigned.set()

    async def wait_for(self, size: int, timeout_s: float) -> Snapshot | None:
        """Return a cosigned head of at least `size`; None if it takes too long.

        None at once if 10,000 wait already: each holds what it has to answer.
        """
        if self._waiting >= _MOST_WAITING and not self._covers(size):
            return None
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout_s):
                while not self._covers(size):
                    if self._is_ending:
                        return None
                    await self._cosigned.wait()
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1
        return self.shown

    def _covers(self, size: int) -> bool:
        return self.is_cosigned and self.shown is not None and self.shown.size >= size

    async def _set_targets(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            newest = self._log.newest()
            if newest is not self._target and self._is_settled():
                self._target = newest
                self._targets += 1
                self._gathered[newest.size] = _Gathered(newest)
                self._moved.set()
                self._moved = asyncio.Event()
                if self._satisfies(newest):
                    # A policy without a quorum: cosignatures are added as they come.
                    self._show(newest, is_cosigned=True)
            await asyncio.sleep(self._terms.interval_s)
            self._go_on_without_quorum()

    def _is_settled(self) -> bool:
        """Whether the last target is shown, or a later one."""
        if self._target is None:
            return True
        return self.shown is not None and self.shown.size >= self._target.size

    async def _follow(self, link: WitnessLink) -> None:
        done = 0
        while True:
            moved = self._moved
            target, number = self._target, self._targets
            if target is None or number == done:
                await moved.wait()
                continue
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
                if isinstance(error, AheadError | RefusedError):
                    await self._suspect(link)
                await asyncio.sleep(link.wait_s(error))
            else:
                done = number
                self._take(target, lines)

    async def _suspect(self, link: WitnessLink) -> None:
        """Look at what a witness has that contradicts this log."""
        try:
            seen = await ask_witness(
                link.name, link.port, self._log.origin, self._log.keys
            )
            if seen is None:
                return
            newest, size = self._log.newest(), seen.head.size
            roots: dict[int, Hash] = {}
            if size <= newest.size:
                roots[size] = await self._log.root_at(newest, size)
        except (TlogError, OSError) as error:
            # Also a tile of this log that cannot be read: then nothing is known.
            said = str(error)
            log_event(
                "witness not asked", level="warning", witness=link.name, error=said
            )
            return
        found = find_rollback([seen], newest.size, roots.__getitem__)
        if found is not None:
            self._guard.stop(found)

    def _take(self, target: Snapshot, lines: Sequence[NoteSignature]) -> None:
        gathered = self._gathered.get(target.size)
        if gathered is None:
            return
        for line in lines:
            gathered.lines[line.name, line.key_id] = line
        head = gathered.head()
        if self._satisfies(head):
            self._show(head, is_cosigned=True)

    def _satisfies(self, head: Snapshot) -> bool:
        try:
            self._terms.policy.open_checkpoint(head.note)
        except VerificationError:
            return False
        return True

    def _show(self, head: Snapshot, *, is_cosigned: bool) -> None:
        if self._guard.seen is not None:
            return
        if self.shown is not None and head.size < self.shown.size:
            # What was public stays so: a reader never sees the log shrink.
            return
        self.shown, self.is_cosigned = head, is_cosigned
        self._log.offer(head)
        self._woken.set()
        for size in [size for size in self._gathered if size < head.size]:
            del self._gathered[size]
        if is_cosigned:
            self.cosigned_size = head.size
            self._quorum_s = self._clock.monotonic_s()
            self._cosigned.set()
            self._cosigned = asyncio.Event()

    def _go_on_without_quorum(self) -> None:
        """Show the newest head as it is, if the quorum is gone for too long."""
        patience_s, target = self._terms.patience_s, self._target
        if patience_s is None or target is None:
            return
        shown_size = -1 if self.shown is None else self.shown.size
        if target.size <= shown_size:
            if self.is_cosigned:
                self._quorum_s = self._clock.monotonic_s()
        elif self._clock.monotonic_s() - self._quorum_s >= patience_s:
            log_event("published without quorum", level="error", size=target.size)
            gathered = self._gathered.get(target.size)
            head = target if gathered is None else gathered.head()
            self._show(head, is_cosigned=False)
        self._woken.set()

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except FatalError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the top of this task: it ends here
            self._fail(FatalError(f"collecting cosignatures failed: {error!r}"))

    def _fail(self, error: FatalError) -> None:
        self.failure = error
        log_event("collector stopped", level="error", error=str(error))
        self.on_stop()
