"""A bucket of entries for each client, filled at a steady rate."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from tlog.clock import Clock
from tlog.errors import BusyError

# The oldest bucket is forgotten first, so that a client who opens many loses only its
# own past.
_CLIENTS: Final = 100_000


class RateLimitedError(BusyError):
    """This client has submitted too much; nothing was stored."""


class Bucket(NamedTuple):
    """What a client may submit: `left` entries at `since_s`, and more since then."""

    left: float
    since_s: float


class Buckets(Protocol):
    """The buckets of all clients."""

    def change(self, client: str, how: Callable[[Bucket | None], Bucket]) -> None:
        """Replace a client's bucket by what `how` makes of it; None if it has none.

        Raises BusyError if that cannot be done now.
        """
        ...


class OwnBuckets:
    """The buckets of one process."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def change(self, client: str, how: Callable[[Bucket | None], Bucket]) -> None:
        """Replace a client's bucket."""
        self._buckets[client] = how(self._buckets.pop(client, None))
        while len(self._buckets) > _CLIENTS:
            self._buckets.popitem(last=False)


class Rates:
    """Buckets that hold up to `burst` entries and gain `per_s` of them a second.

    buckets: those of this process if none are given.
    """

    def __init__(
        self, per_s: int, burst: int, clock: Clock, buckets: Buckets | None = None
    ) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets = buckets or OwnBuckets()

    def spend(self, client: str, entries: int) -> None:
        """Take `entries` from a client's bucket; RateLimitedError if too few are there.

        A request above the burst passes when the bucket is full, and leaves a debt.
        """
        now_s = self._clock.monotonic_s()
        needed = min(entries, self._burst)
        lacking = 0.0

        def spend(bucket: Bucket | None) -> Bucket:
            nonlocal lacking
            left, since_s = bucket or Bucket(float(self._burst), now_s)
            left = min(left + (now_s - since_s) * self._per_s, float(self._burst))
            lacking = needed - left
            return Bucket(left if lacking > 0 else left - entries, now_s)

        self._buckets.change(client, spend)
        if lacking > 0:
            raise RateLimitedError(
                f"at most {self._per_s} entries a second",
                retry_after_s=int(lacking / self._per_s) + 1,
            )
