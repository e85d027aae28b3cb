"""How often each log may ask: a bucket for each origin, filled over the day."""

from typing import Final

from tlog.clock import Clock
from tlog.errors import BusyError
from tlog.witness.roster import KnownLog

_DAY_S: Final = 86_400
_BURST_PART: Final = 24


class BudgetError(BusyError):
    """This log has used up its requests for now."""


class Budget:
    """Buckets that gain a log's `qpd` a day, and hold an hour's worth of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, log: KnownLog) -> None:
        """Take one request from the log's bucket; BudgetError if it is empty."""
        now_s = self._clock.monotonic_s()
        most = max(log.qpd / _BURST_PART, 1.0)
        left, since_s = self._buckets.get(log.origin, (most, now_s))
        left = min(left + (now_s - since_s) * log.qpd / _DAY_S, most)
        if left < 1:
            self._buckets[log.origin] = (left, now_s)
            wait_s = int((1 - left) * _DAY_S / log.qpd) + 1
            raise BudgetError(
                f"at most {log.qpd} cosignatures a day", retry_after_s=wait_s
            )
        self._buckets[log.origin] = (left - 1, now_s)
