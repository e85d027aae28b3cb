"""Progress of long work, for people who watch a terminal."""

import sys
from collections.abc import Callable
from typing import Final

from tlog.clock import Clock, SystemClock

_EVERY_S: Final = 0.1


def show_progress(clock: Clock | None = None) -> Callable[[int, int], None]:
    """Return what is told entries done and entries in all; silent off a terminal.

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
