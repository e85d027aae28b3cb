"""Many calls at once that wait for a network."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from tlog.errors import FatalError

AT_ONCE: Final = 32

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def at_once(run: Callable[[_Item], _Done], items: Iterable[_Item]) -> list[_Done]:
    """Run a call for each item, many at once; return what they have returned.

    All have ended when the first error is raised, a fatal one before others.
    """
    waiting = [*items]
    if len(waiting) < 2:
        return [run(it) for it in waiting]
    with ThreadPoolExecutor(min(AT_ONCE, len(waiting))) as pool:
        running = [pool.submit(run, it) for it in waiting]
    failures = [error for it in running if (error := it.exception()) is not None]
    failures.sort(key=lambda error: not isinstance(error, FatalError))
    if failures:
        raise failures[0]
    return [it.result() for it in running]
