"""The log's own head: fetched, opened, followed, and what it means if that fails."""

from tlog.log_lines import log_event
from tlog.monitor.alarms import (
    BAD_LOG,
    BAD_SIGNATURE,
    UNANNOUNCED_KEY,
    UNREACHABLE,
    Alarms,
)
from tlog.monitor.follow import Follower
from tlog.monitor.heads import SeenHead, fetch_note, seen_head
from tlog.monitor.keys import LogKeys
from tlog.monitor.matching import Matcher
from tlog.monitor.parties import LOG
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.source import Source
from tlog.monitor.state import State
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.threads import finish
from tlog.monitor.verdict import BadLogError, SplitViewError, compare, convict
from tlog.monitor.waiting import WaitingHead
from tlog.monitor.web import SourceError
from tlogverify.checkpoint import parse_checkpoint
from tlogverify.errors import FormatError, QuorumError, VerificationError
from tlogverify.note import parse_note
from tlogverify.signed import open_checkpoint


class LogJudge:
    """Looks at one log, and raises and ends the alarms that are about it.

    has_verified: whether a head was proven since this process began.
    """

    def __init__(
        self,
        settings: MonitorSettings,
        keys: LogKeys,
        state: State,
        source: Source,
        alarms: Alarms,
        surroundings: Surroundings,
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._state = state
        self._source = source
        self._alarms = alarms
        self._follower = Follower(source, state, surroundings)
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics
        self._answered_s = self._clock.monotonic_s()
        self._is_older = False
        self.has_verified = False

    async def look(self, matcher: Matcher) -> bool:
        """Fetch the log's head, and follow it if the policy accepts it.

        Returns whether the head was proven.
        Raises FormatError if policy, state and log do not fit each other: then the
        settings are wrong, and there is nothing to tell about the log.
        """
        try:
            note = await fetch_note(self._source.checkpoint())
        except SourceError as error:
            self._miss(str(error))
            return False
        shortfall: QuorumError | None = None
        policy = self._keys.policy()
        try:
            checkpoint = policy.open_checkpoint(note).checkpoint
        except QuorumError as error:
            shortfall = error
            checkpoint = open_checkpoint(note, *(it.key for it in policy.logs))
        except (FormatError, VerificationError) as error:
            self._require_fitting_policy(note)
            # Whatever answered, it has not shown that it is the log: `unreachable`, if
            # it stands, is not over.
            self._alarms.begin(BAD_SIGNATURE, str(error))
            return False
        if not self._is_followed(checkpoint.origin):
            said = f"the head is of another log: {checkpoint.origin!r}"
            self._alarms.begin(BAD_SIGNATURE, said)
            return False
        if self._state.reading.met_at() != self._settings.log:
            self._state.reading.meet_at(self._settings.log)
        head = seen_head(checkpoint, note)
        if shortfall is not None:
            self._answer()
            self._alarms.begin(BAD_SIGNATURE, str(shortfall))
            await self._judge_unwitnessed(head)
            return False
        self._alarms.end(BAD_SIGNATURE)
        return await self._follow(checkpoint.origin, head, matcher)

    def _is_followed(self, origin: str) -> bool:
        """Return whether a head's origin is that of the log in the state folder.

        Raises FormatError if it is not, and the log of the state was never met at this
        place: then the setting `log` is wrong.  Where it was met, an alarm is due.
        """
        known = self._state.cursor().origin
        if known in {"", origin}:
            return True
        if self._state.reading.met_at() == self._settings.log:
            return False
        raise FormatError(
            f"the state folder is of the log {known!r}, and {self._settings.log} is "
            f"the log {origin!r}: each log needs a state folder of its own"
        )

    def _require_fitting_policy(self, note: bytes) -> None:
        """Raise FormatError if a new state meets a note of keys that are not trusted.

        Where a head was verified before, it is the log that has changed: an alarm.
        """
        if self._state.cursor().origin:
            return
        try:
            unverified_note = parse_note(note)
            origin = parse_checkpoint(unverified_note.text).origin
        except FormatError:
            return
        keys = [it.key for it in self._keys.given.logs]
        lines = unverified_note.signatures
        if any(it.name == origin and line.is_by(it) for it in keys for line in lines):
            return
        trusted = ", ".join(sorted({f"{it.name}+{it.key_id.hex()}" for it in keys}))
        raise FormatError(
            f"the policy does not fit the log: its head is of {origin!r}, and none of "
            f"the keys that the policy trusts has signed it ({trusted})"
        )

    async def _follow(self, origin: str, head: SeenHead, matcher: Matcher) -> bool:
        """Follow a head that the policy accepts; return whether it was proven."""
        before = self._state.cursor().head.size
        self._metrics.entries_behind.set(max(0, head.size - before))
        alarm_of = self._alarms.of_hits(origin)
        try:
            await self._follower.follow(origin, head, matcher, alarm_of)
        except SourceError as error:
            # A head whose entries do not come is no answer; the log's tiles may convict
            # it all the same.
            await self._judge_unproven(head)
            self._miss(str(error))
        except SplitViewError as error:
            self._answer()
            self._alarms.begin_split_view(error)
        except BadLogError as error:
            self._answer()
            # The head may be held against the log when that has grown to it.
            await finish(self._state.waiting.put, WaitingHead(LOG, head))
            self._alarms.begin(BAD_LOG, str(error))
        else:
            self._answer()
            self.has_verified = True
            self._alarms.end(BAD_LOG)
            self._judge_keys(head)
            self._log_verified(origin, head.size, before)
            self._metrics.entries_behind.set(0)
            return True
        return False

    def _judge_keys(self, head: SeenHead) -> None:
        """Alarm if a key signed a proven head that no entry has announced."""
        stranger = self._keys.unannounced(head.note)
        if stranger is None:
            self._alarms.end(UNANNOUNCED_KEY)
        else:
            said = f"{stranger} signs as the log, and no entry says that it joined"
            self._alarms.begin(UNANNOUNCED_KEY, said)

    def _log_verified(self, origin: str, size: int, before: int) -> None:
        if size > before or (self._settings.once and size == before):
            log_event("verified", origin=origin, size=size)
        if size < before and not self._is_older:
            # It is of the verified tree: a cache answers, or the log was put back.
            log_event("older head", level="warning", size=size, verified=before)
        self._is_older = size < before

    async def _judge_unwitnessed(self, head: SeenHead) -> None:
        """Look whether a head that too few witnesses signed convicts the log.

        The log's own signature is enough for that, and for nothing else.
        """
        if self._state.cursor().origin:
            await self._judge_unproven(head)

    async def _judge_unproven(self, head: SeenHead) -> None:
        """Look whether a signed head that is not believed conflicts with the verified.

        If nothing shows that now, the head waits until the log has grown to it.
        """
        verified = self._state.cursor().head
        try:
            if head.size <= verified.size:
                await finish(compare, head, verified, self._state.tree())
            else:
                await convict(head, verified, self._source)
        except SplitViewError as error:
            self._alarms.begin_split_view(error)
        except BadLogError:
            await finish(self._state.waiting.put, WaitingHead(LOG, head))

    def _miss(self, detail: str) -> None:
        self._metrics.source_failures.inc()
        silent_s = self._clock.monotonic_s() - self._answered_s
        if self._settings.once or silent_s >= self._settings.unreachable_after_s:
            self._alarms.begin(UNREACHABLE, detail)

    def _answer(self) -> None:
        self._answered_s = self._clock.monotonic_s()
        self._alarms.end(UNREACHABLE)
