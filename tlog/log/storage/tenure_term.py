"""The right to write a log that nodes share: a term, which grows with each writer.

Raising the term waits for a commit that is under way, and makes every later commit of
an earlier term change nothing.  Time says only when to try it: no clock keeps a log
from having two histories.

The term is raised before the head is read.  Its own commit is synchronous, so what was
committed before it has reached the standby too.
"""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final, NamedTuple

from tlog.clock import Clock
from tlog.errors import BusyError, FatalError, MachineError
from tlog.lifeline import Lifeline
from tlog.log.storage.postgres import Database
from tlog.log.storage.writers import Writer
from tlog.log_lines import log_event

_LOOK_S: Final = 0.25
"""Between two looks at whether the writer lives."""

_ABLE_S: Final = 1.0
"""Between two looks at whether this process may write, where it may not."""

_SILENCE: Final = 0.6
"""The part of it that is waited; the rest is for recovery."""

_NOWHERE: Final = Writer(0, "", b"")

_LOOK: Final = "SELECT term, beat, is_held FROM tlog_heads WHERE origin = %(origin)s"
_BEGIN: Final = """
WITH begun AS (
    INSERT INTO tlog_heads (origin, term, beat, is_held, address, secret)
    VALUES (%(origin)s, 1, 0, true, %(address)s, %(secret)b::bytea)
    ON CONFLICT DO NOTHING RETURNING term
) SELECT (SELECT term FROM begun)"""
_RAISE: Final = """
WITH raised AS (
    UPDATE tlog_heads SET term = term + 1, beat = beat + 1, is_held = true,
        address = %(address)s, secret = %(secret)b::bytea
    WHERE origin = %(origin)s AND term = %(term)s::bigint AND beat = %(beat)s::bigint
    RETURNING term
) SELECT (SELECT term FROM raised)"""
_BEAT: Final = """
WITH beaten AS (
    UPDATE tlog_heads SET beat = beat + 1, is_held = %(is_held)s
    WHERE origin = %(origin)s AND term = %(term)s::bigint RETURNING term
) SELECT (SELECT term FROM beaten)"""


class _Seen(NamedTuple):
    """What the database says of the writer; it lives if `beat` has grown."""

    term: int
    beat: int
    is_held: bool


class TermTenure:
    """The right of this process to write one log.

    database: a connection of its own.  takeover_s: after so long
    without a sign of the writer another node serves.
    judge: raises if the database may not be written.  asked_at: where the other nodes
    reach this one while it writes; its term counts for nothing.  term: in which this
    process writes, 0 before it does.
    """

    def __init__(
        self,
        database: Database,
        origin: str,
        takeover_s: int,
        clock: Clock,
        judge: Callable[[Database], None],
        asked_at: Writer = _NOWHERE,
    ) -> None:
        self._database = database
        self._origin = origin
        self._silence_s = takeover_s * _SILENCE
        self._clock = clock
        self._judge = judge
        self._asked_at = asked_at
        self._is_leaving = False
        self._ended = Event()
        self._lost: FatalError | None = None
        self._beaten_s = 0.0
        self._thread: Thread | None = None
        self.term = 0

    def take(
        self,
        meanwhile: Callable[[], None],
        may_write: Callable[[], bool] = lambda: True,
        *,
        at_once: bool = False,
    ) -> None:
        """Wait until no other node writes, then begin a term and keep it alive.

        It returns without a term after `end_waiting`.
        Raises what `judge` and `may_write` do, and FatalError if nobody knows whether
        the term began.
        """
        if at_once:
            meanwhile()
        while not self.term:
            seen = self._look() if at_once else self._wait_for_silence(meanwhile)
            if self._is_leaving:
                return
            # It may be another one than at the start: a standby that was promoted.
            self._judge(self._database)
            if may_write():
                self.term = self._begin(seen)
            else:
                self._ended.wait(_ABLE_S)
        log_event("this node writes", term=self.term)
        self._beaten_s = self._clock.monotonic_s()
        self._thread = Thread(target=self._keep, name="term", daemon=True)
        self._thread.start()

    def end_waiting(self) -> None:
        """Let `take` return: this node ends."""
        self._is_leaving = True
        self._ended.set()

    @property
    def is_held(self) -> bool:
        """Whether no other node can have taken over yet, as far as this one knows."""
        silent_s = self._clock.monotonic_s() - self._beaten_s
        is_writer = bool(self.term) and not self._ended.is_set()
        return is_writer and silent_s < self._silence_s

    def start(self, lifeline: Lifeline) -> None:
        """Stop the process when another node writes."""
        lifeline.start_thread("tenure", self._watch)

    def release(self) -> None:
        """Let another node write at once, if the database can be told so."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            if self._lost is None:
                try:
                    self._beat(is_held=False)
                except (BusyError, FatalError) as error:
                    log_event("not handed over", level="warning", error=str(error))
        self._database.close()

    def _wait_for_silence(self, meanwhile: Callable[[], None]) -> _Seen | None:
        """Return what is seen of a writer that has ended or is silent; None if new."""
        seen, seen_s = self._look(), self._clock.monotonic_s()
        kept_s = seen_s - self._silence_s
        is_told = False
        while seen is not None and seen.is_held and not self._is_leaving:
            now_s = self._clock.monotonic_s()
            if now_s - seen_s >= self._silence_s:
                break
            if not is_told:
                is_told = True
                log_event("another node writes", term=seen.term)
            if now_s - kept_s >= self._silence_s:
                kept_s = now_s
                try:
                    meanwhile()
                except (BusyError, OSError) as error:
                    log_event("index not kept", level="warning", error=str(error))
            self._ended.wait(_LOOK_S)
            found = self._look()
            if found != seen:
                seen, seen_s = found, self._clock.monotonic_s()
        return seen

    def _look(self) -> _Seen | None:
        """Return what the database says; waits while it cannot be asked."""
        while not self._is_leaving:
            try:
                rows = self._database.read(_LOOK, {"origin": self._origin})
            except MachineError as error:
                log_event("database not reached", level="warning", error=str(error))
                self._ended.wait(1)
            else:
                return next((_Seen(*row) for row in rows), None)
        return None

    def _begin(self, seen: _Seen | None) -> int:
        """Begin a term after the one that was seen; 0 if another node was first."""
        values: dict[str, object] = {
            "origin": self._origin,
            "address": self._asked_at.address,
            "secret": self._asked_at.secret,
        }
        if seen is None:
            term, *_ = self._database.change(_BEGIN, values)
        else:
            values |= {"term": seen.term, "beat": seen.beat}
            term, *_ = self._database.change(_RAISE, values)
        return int(term or 0)

    def _keep(self) -> None:
        """Let the others see that this process lives, until it ends or was replaced."""
        while not self._ended.wait(self._silence_s / 4):
            started_s = self._clock.monotonic_s()
            try:
                is_writer = self._beat(is_held=True)
            except (BusyError, FatalError) as error:
                # The next commit finds out what is the matter; no clock does.
                self._database.close()
                log_event("no sign of life", level="warning", error=str(error))
                continue
            if not is_writer:
                self._lost = FatalError("another node writes this log now")
                self._ended.set()
                return
            self._beaten_s = started_s

    def _beat(self, *, is_held: bool) -> bool:
        values = {"origin": self._origin, "term": self.term, "is_held": is_held}
        term, *_ = self._database.change(_BEAT, values)
        return bool(term == self.term)

    def _watch(self) -> None:
        self._ended.wait()
        if self._lost is not None:
            raise self._lost
