"""Time, as a value that is handed in."""

import time
from typing import Protocol


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
        """Return POSIX seconds."""
        return int(time.time())

    def monotonic_s(self) -> float:
        """Return seconds that never go back, from an unknown start."""
        return time.monotonic()
