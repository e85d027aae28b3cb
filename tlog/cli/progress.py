"""Progress of long work, for people who watch a terminal, and for logs of others."""

import shutil
import sys
from contextlib import suppress
from typing import Final, TextIO

from tlog.clock import Clock, SystemClock
from tlogverify.bundles import Progress

_EVERY_S: Final = 0.1
_AWAY_S: Final = 10.0


def show_progress(clock: Clock | None = None) -> Progress:
    """Return a progress line for people; off a terminal it shows nothing.

    It shows one line: how far, how fast, and how long it will still take.
    """
    if not sys.stderr.isatty():
        return lambda done, total: None
    time = clock or SystemClock()
    begun: list[tuple[float, int]] = []
    shown_s = [0.0]

    def show(done: int, total: int) -> None:
        now_s = time.monotonic_s()
        if not begun:
            begun.append((now_s, done))
        is_end = done == total
        if not is_end and now_s - shown_s[0] < _EVERY_S:
            return
        shown_s[0] = now_s
        begun_s, first = begun[0]
        line = progress_line(done, total, done - first, now_s - begun_s)
        # What the longer line before it has left is wiped out.
        print(
            f"\r{line}\x1b[K", end="\n" if is_end else "", file=sys.stderr, flush=True
        )
        if is_end:
            begun.clear()

    return show


def progress_line(done: int, total: int, lately: int, taken_s: float) -> str:
    """Return how far the work is, its speed, and the time left.

    lately: entries done in the last `taken_s` seconds.
    """
    line = f"{done:,} of {total:,} entries"
    if lately <= 0 or taken_s <= 0:
        return line
    speed = lately / taken_s
    line = f"{line}, {speed:,.0f}/s"
    return (
        line if done == total else f"{line}, {_duration((total - done) / speed)} left"
    )


def _duration(seconds: float) -> str:
    minutes, rest_s = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"


class StatusLine:
    """One line on how far work is: redrawn on a terminal, said each 10 s elsewhere.

    Work that ends sooner says nothing.  A stream that takes no line stops nothing.
    """

    def __init__(self, stream: TextIO | None, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._is_terminal = stream is not None and stream.isatty()
        self._shown_s = clock.monotonic_s()
        self._is_drawn = False

    def tell(self, line: str) -> None:
        """Show the line, unless one was shown just now."""
        now_s = self._clock.monotonic_s()
        every_s = _EVERY_S if self._is_terminal else _AWAY_S
        if self._stream is None or now_s - self._shown_s < every_s:
            return
        self._shown_s = now_s
        self._is_drawn = self._is_terminal
        if self._is_terminal:
            # A line that wraps could not be wiped out.
            shown = line[: shutil.get_terminal_size().columns - 1]
            self._write(f"\r{shown}\x1b[K")
        else:
            self._write(f"{line}\n")

    def clear(self) -> None:
        """Make room for other lines on the terminal."""
        if self._is_drawn:
            self._write("\r\x1b[K")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        with suppress(OSError):
            print(text, end="", file=self._stream, flush=True)
