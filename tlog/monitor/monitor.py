"""One round after the other: what is watched, the log's head, the witnesses' heads.

A round ends with every alarm written down.
"""

import asyncio
from enum import Enum
from typing import Final

from tlog.errors import BusyError
from tlog.log_lines import log_event
from tlog.monitor.alarms import STALLED, Alarms
from tlog.monitor.hash_tiles import TileComparison
from tlog.monitor.judging import LogJudge
from tlog.monitor.keys import LogKeys
from tlog.monitor.matching import Matcher
from tlog.monitor.metrics import MonitorMetrics
from tlog.monitor.packages import PackageReader
from tlog.monitor.past import look_back
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.source import open_source
from tlog.monitor.state import State
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.threads import finish
from tlog.monitor.verdict import SplitViewError, compare
from tlog.monitor.verified import VerifiedEntries
from tlog.monitor.watches import WatchList
from tlog.monitor.web import SourceError, Web
from tlog.monitor.webhook import Webhook, read_secret
from tlog.monitor.witnesses import WitnessReader
from tlogverify.policy import Policy

_RETRY_S: Final = 5


class Outcome(Enum):
    """How a run of `--once` ended; the values are exit statuses."""

    QUIET = 0
    ALARM = 1
    HITS = 4


class Monitor:
    """Follows one log; make it with `tlog.monitor.opening.open_monitor`."""

    def __init__(
        self,
        settings: MonitorSettings,
        policy: Policy,
        state: State,
        web: Web,
        surroundings: Surroundings,
    ) -> None:
        self._settings = settings
        self._state = state
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics
        self._watches = WatchList(settings.watch, settings.watch_file)
        self._alarms = alarms = Alarms(state, policy, surroundings)
        source = open_source(settings.log, web, settings.connections)
        self._keys = keys = LogKeys(policy, state)
        self._log = LogJudge(settings, keys, state, source, alarms, surroundings)
        self._tiles = TileComparison(
            source, state, alarms, surroundings, is_whole=settings.tiles
        )
        self._packages = PackageReader(settings, state, web, self._alarms, surroundings)
        self._witnesses = WitnessReader(keys, state, web, alarms)
        self._webhook: Webhook | None = None
        if settings.webhook:
            file = settings.webhook_secret_file
            secret = None if file is None else read_secret(file)
            self._webhook = Webhook(
                web, settings.webhook, secret, state.outbox, surroundings
            )

    @property
    def metrics(self) -> MonitorMetrics:
        """What this monitor counts."""
        return self._metrics

    @property
    def has_verified(self) -> bool:
        """Whether a head was proven since this process began."""
        return self._log.has_verified

    @property
    def size(self) -> int:
        """The size of the verified head."""
        return self._state.cursor().head.size

    def verified(self) -> VerifiedEntries:
        """Return the entries below the verified head.

        Raises BusyError before the first head is verified.
        """
        cursor = self._state.cursor()
        if not cursor.head.note:
            raise BusyError("no head is verified yet", retry_after_s=_RETRY_S)
        return VerifiedEntries(self._state.bundles, cursor)

    def conditions(self) -> list[str]:
        """Return the conditions that hold, whose alarms were raised when they began."""
        return [it.told for it in self._state.outbox.conditions()]

    async def run_once(self) -> Outcome:
        """Make one round, and post all alarms that wait."""
        hits = await self.run_round()
        if self._webhook is not None:
            try:
                await self._webhook.post_all()
            except SourceError as error:
                log_event("webhook failed", level="warning", error=str(error))
        for condition in self.conditions():
            # Its line was written when it began, which may be many runs ago.
            log_event("alarm stands", level="warning", alarm=condition)
        if self._alarms.raised or self.conditions():
            return Outcome.ALARM
        return Outcome.HITS if hits else Outcome.QUIET

    async def run(self, stop: asyncio.Event) -> None:
        """Make rounds until `stop` is set; what is under way is given up then."""
        work = [asyncio.create_task(self._rounds())]
        if self._webhook is not None:
            work.append(asyncio.create_task(self._webhook.run()))
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
        """Look once at the log and its witnesses; return how many hits were shown."""
        watches = (*await finish(self._watches.read), *self._keys.watches())
        alarm_of = self._alarms.of_hits(self._state.cursor().origin)
        await finish(look_back, self._state, watches, alarm_of)
        if await self._log.look(Matcher(watches)):
            await self._tiles.compare()
        cursor = self._state.cursor()
        if cursor.origin:
            await self._witnesses.ask_all(cursor.origin)
            await self._compare_waiting_heads()
            self._check_growth()
        await self._packages.look(self._watches.packages)
        hits = await finish(self._alarms.show_all, cursor.head, self._state.tree())
        self._metrics.verified_size.set(cursor.head.size)
        if self._webhook is not None:
            self._webhook.wake()
        return hits

    async def _compare_waiting_heads(self) -> None:
        """Compare the waiting heads with the verified tree, as far as it goes."""
        verified, tree = self._state.cursor().head, self._state.tree()
        for waiting in self._state.waiting.up_to(verified.size):
            try:
                await finish(compare, waiting.head, verified, tree)
            except SplitViewError as error:
                self._alarms.begin_split_view(error, waiting.party)
            await finish(self._state.waiting.drop, waiting)

    def _check_growth(self) -> None:
        cursor, now_s = self._state.cursor(), self._clock.now_s()
        grown_s = cursor.grown_s
        if grown_s > now_s:
            # The clock was ahead, and has been put right.
            grown_s = now_s
            self._state.reading.correct_growth(now_s)
        limit_s = self._settings.stalled_after_s
        if limit_s == 0 or now_s - grown_s < limit_s:
            self._alarms.end(STALLED)
            return
        self._alarms.begin(
            STALLED, f"no entry since size {cursor.head.size}, for {limit_s} s"
        )
