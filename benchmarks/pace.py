"""How often a second a thing can be done: by one core, or by the clock on the wall."""

from collections.abc import Callable, Mapping
from statistics import median
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


def calls_by_turns(
    works: Mapping[str, Callable[[], object]], seconds: float
) -> dict[str, float]:
    """Call each of `works` for about `seconds`; return calls for each second of CPU.

    They take turns, call by call, and the median call of each counts: so that what the
    neighbours do to the caches meets all of them, and their ratios say something.
    """
    used_s: dict[str, list[float]] = {name: [] for name in works}
    begun_s = process_time()
    while process_time() - begun_s < seconds * len(works):
        for name, work in works.items():
            before_s = process_time()
            work()
            used_s[name].append(process_time() - before_s)
    return {name: 1 / median(runs) for name, runs in used_s.items()}


def _calls_per_s(
    work: Callable[[], object], seconds: float, now_s: Callable[[], float]
) -> float:
    work()
    calls, begun_s = 0, now_s()
    while (used_s := now_s() - begun_s) < seconds:
        work()
        calls += 1
    return calls / used_s
