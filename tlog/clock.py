"""Time, as a value that is handed in.

A clock that nobody has set says 1970 or less, and one that is broken may say anything.
Every role reads its clock through `BoundedClock`: it signs and tells no time that the
formats or the system cannot hold.
"""

import time
from typing import Final, Protocol

from tlog.errors import MachineError

FIRST_S: Final = 1
"""0 is how a cosignature says that it claims no time."""

LAST_S: Final = (2**63 - 1) // 1_000_000_000
"""In 2262: the system counts nanoseconds in 63 bits."""


class ClockError(MachineError):
    """The machine's clock says what cannot be: nothing is signed by it."""

    def __init__(self, said: object) -> None:
        super().__init__(
            f"this machine's clock is wrong: set it. It says {said} seconds since "
            f"1970, and only {FIRST_S} to {LAST_S} can be"
        )


class Clock(Protocol):
    """Where rooms that need the time get it from."""

    def now_s(self) -> int:
        """Return POSIX seconds."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an unknown start."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_s(self) -> int:
        """Return POSIX seconds; ClockError if there are too many to count."""
        try:
            return int(time.time())
        except OverflowError as error:
            raise ClockError(f"more than {LAST_S}") from error

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an unknown start."""
        return time.monotonic()


class BoundedClock:
    """A clock whose time is one that can be."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now_s(self) -> int:
        """Return POSIX seconds, from FIRST_S to LAST_S; ClockError for others."""
        now_s = self._clock.now_s()
        if not FIRST_S <= now_s <= LAST_S:
            raise ClockError(now_s)
        return now_s

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an unknown start."""
        return self._clock.monotonic_s()
