"""A bucket of entries for each client, filled at a steady rate."""

from collections import OrderedDict
from typing import Final

from tlog.clock import Clock
from tlog.errors import BusyError

# The oldest bucket is forgotten first, so that a client who opens many loses only its
# own past.
_CLIENTS: Final = 100_000


class RateLimitedError(BusyError):
    """This client has submitted too much; nothing was stored."""


class Rates:
    """Buckets that hold up to `burst` entries and gain `per_s` of them a second."""

    def __init__(self, per_s: int, burst: int, clock: Clock) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, client: str, entries: int) -> None:
        """Take `entries` from a client's bucket; RateLimitedError if too few are there.

        A request above the burst passes when the bucket is full, and leaves a debt.
        """
        now_s = self._clock.monotonic_s()
        left, since_s = self._buckets.pop(client, (float(self._burst), now_s))
        left = min(left + (now_s - since_s) * self._per_s, float(self._burst))
        needed = min(entries, self._burst)
        if left < needed:
            self._buckets[client] = (left, now_s)
            wait_s = int((needed - left) / self._per_s) + 1
            raise RateLimitedError(
                f"at most {self._per_s} entries a second", retry_after_s=wait_s
            )
        self._buckets[client] = (left - entries, now_s)
        while len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)
