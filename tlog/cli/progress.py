"""Progress of long work, for people who watch a terminal."""

import sys
from collections.abc import Callable
from typing import Final

_STEP_ENTRIES: Final = 25_600


def show_progress() -> Callable[[int, int], None]:
    """Return what is told entries done and entries in all; silent off a terminal."""
    if not sys.stderr.isatty():
        return lambda done, total: None

    def show(done: int, total: int) -> None:
        if done % _STEP_ENTRIES < 256 or done == total:
            end = "\n" if done == total else "\r"
            print(f"{done} of {total} entries", end=end, file=sys.stderr)

    return show
