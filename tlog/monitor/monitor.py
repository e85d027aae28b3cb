"""One round after the other: what is watched, the log's head, the witnesses' heads.

A round ends with every alarm written down.  One process holds a state folder.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Final

from tlog.clock import Clock
from tlog.log_lines import log_event
from tlog.monitor.alarms import (
    BAD_LOG,
    BAD_SIGNATURE,
    SPLIT_VIEW,
    STALLED,
    UNREACHABLE,
    Alarm,
    Alarms,
)
from tlog.monitor.follow import Follower, Progress, finish
from tlog.monitor.matching import Matcher
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.past import look_back
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.source import Source, open_source
from tlog.monitor.state import State, open_state
from tlog.monitor.store import Head, Sighting
from tlog.monitor.verdict import (
    BadLogError,
    SplitViewError,
    compare,
    convict,
)
from tlog.monitor.watches import WatchList
from tlog.monitor.web import SourceError, Web
from tlog.monitor.webhook import Webhook, read_secret
from tlog.monitor.witnesses import Witness, read_head, witnesses_of
from tlogverify.errors import FormatError, QuorumError, VerificationError
from tlogverify.policy import Policy
from tlogverify.signed import open_checkpoint

LOG: Final = "log"
"""The source that is the log itself; every other one is a witness's name."""


class Verdict(Enum):
    """What a run of `--once` ends with; the values are exit statuses."""

    QUIET = 0
    ALARM = 1
    HITS = 4


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a monitor gets from outside: time, and where it writes.

    show: takes one alarm as a line.  progress: told entries read, and in all.
    """

    clock: Clock
    metrics: MonitorMetrics
    show: Callable[[str], None]
    progress: Progress


class Monitor:
    """Follows one log; make it with `open_monitor`."""

    def __init__(
        self,
        settings: MonitorSettings,
        state: State,
        policy: Policy,
        web: Web,
        surroundings: Surroundings,
    ) -> None:
        self.metrics = surroundings.metrics
        self._settings = settings
        self._policy = policy
        self._web = web
        self._clock = surroundings.clock
        self._watches = WatchList(settings.watch, settings.watch_file)
        self._state = state
        self._store = store = state.store
        self._alarms = Alarms(state, self._clock, self.metrics, surroundings.show)
        self._source: Source = open_source(settings.log, web, settings.connections)
        self._follower = Follower(
            self._source, state, self._clock, self.metrics, surroundings.progress
        )
        self._witnesses = witnesses_of(policy)
        self._forget_witnesses()
        self._answered_s = self._clock.monotonic_s()
        self._silent: set[str] = set()
        self._is_older = False
        self.has_verified = False
        self.webhook: Webhook | None = None
        if settings.webhook:
            file = settings.webhook_secret_file
            secret = None if file is None else read_secret(file)
            self.webhook = Webhook(
                web, settings.webhook, secret, store, self._clock, self.metrics
            )

    def _forget_witnesses(self) -> None:
        """End what stands against witnesses that the policy names no more."""
        asked = {LOG, *(it.name for it in self._witnesses)}
        for condition in self._store.conditions():
            kind, _, source = condition.partition(" ")
            if kind == BAD_SIGNATURE and source not in asked:
                self._store.end_condition(condition, None)

    @property
    def size(self) -> int:
        """The size of the verified head."""
        return self._store.cursor().head.size

    def conditions(self) -> list[str]:
        """Return the alarms that stand."""
        return self._store.conditions()

    async def run_once(self) -> Verdict:
        """Make one round, and post what is there to post."""
        hits = await self.run_round()
        if self.webhook is not None:
            try:
                await self.webhook.post_all()
            except SourceError as error:
                log_event("webhook failed", level="warning", error=str(error))
        for condition in self.conditions():
            # Its line was written when it began, which may be many runs ago.
            log_event("alarm stands", level="warning", alarm=condition)
        if self._alarms.raised or self.conditions():
            return Verdict.ALARM
        return Verdict.HITS if hits else Verdict.QUIET

    async def run(self, stop: asyncio.Event) -> None:
        """Make rounds until `stop` is set; what is under way is given up then."""
        work = [asyncio.create_task(self._rounds())]
        if self.webhook is not None:
            work.append(asyncio.create_task(self.webhook.run()))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *work], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *work):
                task.cancel()
            await asyncio.wait([stopping, *work])
        for task in work:
            if not task.cancelled():
                task.result()

    async def _rounds(self) -> None:
        while True:
            await self.run_round()
            await asyncio.sleep(self._settings.interval_s)

    async def run_round(self) -> int:
        """Look once at all sources; return how many hits were told."""
        origin = self._store.cursor().origin
        watches = await finish(self._watches.read)
        tell = self._alarms.tell_hit(origin)
        await finish(look_back, self._state, watches, tell)
        await self._follow(Matcher(watches))
        cursor = self._store.cursor()
        if cursor.origin:
            # At a time: one that is slow holds up no other.
            await asyncio.gather(
                *(self._ask(witness, cursor.origin) for witness in self._witnesses)
            )
            await self._compare_sightings(cursor.origin)
            self._check_growth(cursor.origin, cursor.head, cursor.grown_s)
        tree = self._state.tree()
        hits = await finish(self._alarms.show_all, cursor.head, tree)
        self.metrics.verified_size.set(cursor.head.size)
        if self.webhook is not None:
            self.webhook.wake()
        return hits

    async def _follow(self, matcher: Matcher) -> None:
        note = b""
        try:
            note = await self._source.checkpoint()
            checkpoint = self._policy.open_checkpoint(note).checkpoint
            known = self._store.cursor().origin
            if known and known != checkpoint.origin:
                raise FormatError("this is another log", checkpoint.origin)
        except SourceError as error:
            self._miss(str(error))
            return
        except QuorumError as error:
            self._answer()
            self._raise(BAD_SIGNATURE, str(error))
            await self._judge_unwitnessed(note)
            return
        except (FormatError, VerificationError) as error:
            self._answer()
            self._raise(BAD_SIGNATURE, str(error))
            return
        self._end(BAD_SIGNATURE)
        head = Head(checkpoint.size, checkpoint.root, note)
        before = self._store.cursor().head.size
        self.metrics.entries_behind.set(max(0, head.size - before))
        tell = self._alarms.tell_hit(checkpoint.origin)
        try:
            await self._follower.follow(checkpoint.origin, head, matcher, tell)
        except SourceError as error:
            # A head without its entries is no answer; its tiles may convict the log.
            await self._judge_unproven(head)
            self._miss(str(error))
        except SplitViewError as error:
            self._answer()
            self._split(LOG, error)
        except BadLogError as error:
            self._answer()
            # It may be held against the log when that has grown to it.
            await finish(self._store.remember, Sighting(LOG, head))
            self._raise(BAD_LOG, str(error))
        else:
            self._answer()
            self.has_verified = True
            self._end(BAD_LOG)
            self._tell_verified(checkpoint.origin, head.size, before)
            self.metrics.entries_behind.set(0)

    def _tell_verified(self, origin: str, size: int, before: int) -> None:
        if size > before or (self._settings.once and size == before):
            log_event("verified", origin=origin, size=size)
        if size < before and not self._is_older:
            # A cache, or a log that was put back: it is of the verified tree.
            log_event("older head", level="warning", size=size, verified=before)
        self._is_older = size < before

    async def _judge_unwitnessed(self, note: bytes) -> None:
        """Look whether a head that too few witnesses signed convicts the log.

        The log's own signature is enough for that, and not for anything else.
        """
        keys = [log.key for log in self._policy.logs]
        checkpoint = open_checkpoint(note, *keys)
        head = Head(checkpoint.size, checkpoint.root, note)
        cursor = self._store.cursor()
        if cursor.origin != checkpoint.origin:
            return
        await self._judge_unproven(head)

    async def _judge_unproven(self, head: Head) -> None:
        """Look whether a signed head that is not believed conflicts with the verified.

        If nothing shows that now, it is kept until the log has grown to it.
        """
        verified = self._store.cursor().head
        try:
            if head.size <= verified.size:
                await finish(compare, head, verified, self._state.tree())
            else:
                await convict(head, verified, self._source)
        except SplitViewError as error:
            self._split(LOG, error)
        except BadLogError:
            await finish(self._store.remember, Sighting(LOG, head))

    async def _ask(self, witness: Witness, origin: str) -> None:
        try:
            head = await read_head(self._web, witness, self._policy, origin)
        except SourceError as error:
            if witness.name not in self._silent:
                self._silent.add(witness.name)
                log_event(
                    "witness not read",
                    level="warning",
                    witness=witness.name,
                    error=str(error),
                )
            return
        except (FormatError, VerificationError) as error:
            self._raise(BAD_SIGNATURE, str(error), witness.name)
            return
        self._silent.discard(witness.name)
        self._end(BAD_SIGNATURE, witness.name)
        if head is not None:
            await finish(self._store.remember, Sighting(witness.name, head))

    async def _compare_sightings(self, origin: str) -> None:
        """Compare what others were shown with the verified tree, as far as it goes."""
        verified, tree = self._store.cursor().head, self._state.tree()
        for sighting in self._store.sightings(verified.size):
            try:
                await finish(compare, sighting.head, verified, tree)
            except SplitViewError as error:
                self._split(sighting.source, error)
            await finish(self._store.forget, sighting)

    def _check_growth(self, origin: str, head: Head, grown_s: int) -> None:
        limit_s = self._settings.stalled_after_s
        if grown_s > self._clock.now_s():
            # The clock was ahead, and has been put right.
            grown_s = self._clock.now_s()
            self._store.grew_at(grown_s)
        if limit_s == 0 or self._clock.now_s() - grown_s < limit_s:
            self._end(STALLED)
            return
        self._raise(STALLED, f"no entry since size {head.size}, for {limit_s} s")

    def _miss(self, detail: str) -> None:
        self.metrics.source_failures.inc()
        silent_s = self._clock.monotonic_s() - self._answered_s
        if self._settings.once or silent_s >= self._settings.unreachable_after_s:
            self._raise(UNREACHABLE, detail)

    def _answer(self) -> None:
        self._answered_s = self._clock.monotonic_s()
        self._end(UNREACHABLE)

    def _split(self, source: str, error: SplitViewError) -> None:
        try:
            file = self._alarms.keep_evidence(error.evidence, self._policy)
        except OSError as failure:
            # The alarm is worth more than its file.
            log_event("evidence not kept", level="error", error=str(failure))
            file = None
        evidence = None if file is None else str(file)
        self._raise(SPLIT_VIEW, str(error), source, evidence)

    def _raise(
        self, kind: str, detail: str, source: str = LOG, evidence: str | None = None
    ) -> None:
        cursor = self._store.cursor()
        self._alarms.raise_condition(
            Alarm(
                kind=kind,
                origin=cursor.origin or self._policy.logs[0].key.name,
                size=cursor.head.size,
                detail=detail,
                source=source,
                evidence=evidence,
            )
        )

    def _end(self, kind: str, source: str = LOG) -> None:
        cursor = self._store.cursor()
        self._alarms.end_condition(
            kind,
            source,
            origin=cursor.origin or self._policy.logs[0].key.name,
            size=cursor.head.size,
        )


@asynccontextmanager
async def open_monitor(
    settings: MonitorSettings, surroundings: Surroundings
) -> AsyncIterator[Monitor]:
    """Open a monitor and its state folder, which no other process may hold.

    Raises FormatError for unusable settings or policy, RejectedError if the folder is
    held, CorruptError if it is broken, OSError if a file cannot be read.
    """
    if not settings.log or settings.policy is None or settings.state is None:
        needed = {
            "log": settings.log,
            "policy": settings.policy,
            "state": settings.state,
        }
        missing = ", ".join(f"--{name}" for name, value in needed.items() if not value)
        raise FormatError(f"a monitor needs {missing}")
    policy = Policy.read(settings.policy)
    if not policy.logs:
        raise FormatError(
            f"{settings.policy} names no log: use the policy that the log writes, or "
            "add a line: log <verifier key>"
        )
    with open_state(settings.state, is_posting=bool(settings.webhook)) as state:
        async with Web(
            connections=settings.connections, timeout_s=settings.timeout_s
        ) as web:
            yield Monitor(settings, state, policy, web, surroundings)
