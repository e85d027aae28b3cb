"""How often a second one core can do a thing."""

from collections.abc import Callable
from time import process_time


def calls_per_cpu_s(work: Callable[[], object], seconds: float) -> float:
    """Call `work` for about `seconds` and return calls for each second of CPU time.

    CPU time, not the wall's: neighbours on the machine take nothing from it.
    """
    work()
    calls, begun_s = 0, process_time()
    while (used_s := process_time() - begun_s) < seconds:
        work()
        calls += 1
    return calls / used_s
