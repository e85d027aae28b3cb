"""How often a second a thing can be done: by one core, or by the clock on the wall."""

from collections.abc import Callable
from time import perf_counter, process_time


def calls_per_cpu_s(work: Callable[[], object], seconds: float) -> float:
    """Call `work` for about `seconds` and return calls for each second of CPU time.

    CPU time, not the wall's: neighbours on the machine take nothing from it.
    """
    return _calls_per_s(work, seconds, process_time)


def calls_per_wall_s(work: Callable[[], object], seconds: float) -> float:
    """Call `work` for about `seconds` and return calls a second.

    For work of several threads, whose CPU time adds up.
    """
    return _calls_per_s(work, seconds, perf_counter)


def _calls_per_s(
    work: Callable[[], object], seconds: float, now_s: Callable[[], float]
) -> float:
    work()
    calls, begun_s = 0, now_s()
    while (used_s := now_s() - begun_s) < seconds:
        work()
        calls += 1
    return calls / used_s
