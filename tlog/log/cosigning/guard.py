"""May this log write?  A quorum of witnesses confirms it, and none contradicts it.

A folder put back from an older copy looks whole: only somebody else remembers that its
key has signed more.  So a log with witnesses writes nothing before a quorum of them has
signed its newest head, and nothing any more once one of them has answered what cannot
be if this log has all that it ever signed.  A person decides then: no patience, restart
or other witness does.

The operator's word stands in for a quorum that is silent.  It counts when each witness
has been heard once: whoever answers is believed before it.

The contradictions are kept with the log, one JSON object a line, so that a restart, or
another node, while the witness in question is silent changes nothing.
"""

import asyncio
import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from tlog.errors import BusyError, CorruptError, RejectedError
from tlog.log.metrics import LogMetrics
from tlog.log.storage.kept import KeptText
from tlog.log_lines import log_event

_MAX_SAID_CHARS: Final = 1_000


class RolledBackError(RejectedError):
    """This log's key has signed what this log does not have: it must not write."""


class UnconfirmedError(BusyError):
    """No quorum of witnesses has confirmed the log's head since it was started."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a witness has answered that cannot be if the log is whole.

    size: that the witness knows, or None if it named none.  said: for people.
    """

    witness: str
    size: int | None
    said: str


class Judged(Protocol):
    """What witnesses have said of a log: `WriteGuard` knows it at first hand."""

    @property
    def contradictions(self) -> Sequence[Contradiction]:
        """Return what they have said against it."""
        ...

    @property
    def is_contradicted(self) -> bool:
        """Return whether they have said anything against it."""
        ...

    @property
    def is_confirmed(self) -> bool:
        """Return whether a quorum has confirmed it since it was started."""
        ...


class WriteGuard:
    """What stands between a submission and the log.

    kept: the contradictions of before.  metrics: show them too.  overruled: names of
    witnesses whose word an operator has set aside.  is_confirmed: whether the log may
    write as long as nobody contradicts it.  is_told: whether an operator lets it write
    without a quorum.
    """

    def __init__(
        self,
        kept: KeptText,
        metrics: LogMetrics,
        *,
        overruled: Collection[str] = (),
        is_confirmed: bool = True,
        is_told: bool = False,
    ) -> None:
        """Read what is kept; CorruptError if it cannot be read."""
        self._kept = kept
        self._metrics = metrics
        self._overruled = frozenset(overruled)
        self.is_confirmed = is_confirmed
        self._is_told = is_told
        self._is_kept = True
        self._decided = asyncio.Event()
        self.contradictions: tuple[Contradiction, ...] = _read(kept)
        standing = [
            it for it in self.contradictions if it.witness not in self._overruled
        ]
        for found in set(self.contradictions) - set(standing):
            log_event(
                "contradiction overruled",
                level="warning",
                witness=found.witness,
                size=found.size,
                said=found.said,
            )
        if len(standing) < len(self.contradictions):
            self._keep(tuple(standing))
        for found in standing:
            self._report(found)

    @property
    def is_contradicted(self) -> bool:
        """Whether a witness contradicts this log."""
        return bool(self.contradictions)

    def require_writable(self) -> None:
        """Raise RolledBackError or UnconfirmedError unless the log may write."""
        if self.contradictions:
            raise RolledBackError(self.contradictions[0].said)
        if not self.is_confirmed:
            raise UnconfirmedError(
                "no quorum of witnesses has confirmed this log's head since its start",
                retry_after_s=5,
            )

    async def wait_writable(self, timeout_s: float) -> None:
        """Wait until the log may write or must not; raises as `require_writable`.

        The witnesses' first answers after a start take a moment, and no submission is
        turned away for that.  With the operator's word the wait ends by itself, when
        each witness has answered or has run out of its time.
        """
        if not self.is_confirmed and not self.contradictions:
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self._is_told else timeout_s):
                    await self._decided.wait()
        self.require_writable()

    def end_waiting(self) -> None:
        """Let nobody wait any longer: the log is stopping."""
        self._decided.set()

    def confirm(self) -> None:
        """Let the log write: a quorum has signed its newest head."""
        if not self.is_confirmed:
            self.is_confirmed = True
            self._decided.set()
            log_event("confirmed by witnesses: the log takes entries")

    def hear(self) -> None:
        """Let the operator's word count: each witness has answered, or failed to."""
        if self._is_told:
            self.is_confirmed = True
            self._decided.set()

    def contradict(self, found: Contradiction) -> bool:
        """Let nothing be written from now on; tell whether that is so.

        False if an operator has set the witness's word aside.
        """
        if found.witness in self._overruled:
            log_event(
                "contradiction overruled",
                level="warning",
                witness=found.witness,
                size=found.size,
                said=found.said,
            )
            return False
        if all(found.witness != it.witness for it in self.contradictions):
            self._report(found)
            self._keep((*self.contradictions, found))
        return True

    def _keep(self, contradictions: tuple[Contradiction, ...]) -> None:
        # In force before it is on the disk, which may be full.
        self.contradictions = contradictions
        if contradictions:
            self._decided.set()
        self._is_kept = False
        try:
            self._write()
        except OSError as error:
            log_event("contradiction not kept", level="error", error=str(error))

    def keep_again(self) -> bool:
        """Write what a full disk has not taken; tell whether all is kept."""
        if not self._is_kept:
            with suppress(OSError):
                self._write()
        return self._is_kept

    def _write(self) -> None:
        lines = [f"{json.dumps(asdict(it))}\n" for it in self.contradictions]
        self._kept.write("".join(lines).encode())
        self._is_kept = True

    def _report(self, found: Contradiction) -> None:
        self._metrics.contradicted.labels(found.witness).set(found.size or 0)
        log_event(
            "contradicted: writing is refused",
            level="error",
            witness=found.witness,
            size=found.size,
            said=found.said,
        )


def _read(kept: KeptText) -> tuple[Contradiction, ...]:
    lines = (kept.read() or b"").splitlines()
    try:
        return tuple(_parse(json.loads(line)) for line in lines)
    except (ValueError, TypeError, KeyError) as error:
        # What was kept stops the log; not to know it is no leave to write.
        raise CorruptError(kept.where, "is not a list of contradictions") from error


def _parse(kept: dict[str, object]) -> Contradiction:
    witness, size, said = kept["witness"], kept["size"], kept["said"]
    if not (isinstance(witness, str) and isinstance(said, str)):
        raise TypeError
    if size is not None and type(size) is not int:
        raise TypeError
    return Contradiction(witness, size, said[:_MAX_SAID_CHARS])
