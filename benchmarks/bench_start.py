"""What a command costs before it does anything: CPU time of its start."""

import os
import subprocess
import sys
from typing import Final

from benchmarks.results import Measure, Result, options

QUESTION: Final = "How much CPU does a command cost that does nothing yet?"
METHOD: Final = """
    Each command as a process of its own, its CPU time (user and system) as the kernel
    tells it to the parent, start of the interpreter included.  The commands take turns,
    so that a slow moment of the machine meets all of them; a run's figure is the median
    of its turns.  The ratio is of figures of one run.
"""
_REFERENCE: Final = "python -m tlogverify --help"
_MEASURED: Final = "python -m tlog --version"
_COMMANDS: Final = (
    "python -c pass",
    _REFERENCE,
    _MEASURED,
    "python -m tlog --help",
    "python -m tlog verify --help",
    "python -m tlog keygen --help",
    "python -m tlog fsck --help",
    "python -m tlog submit --help",
)


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("turns", 25, 3))
    figures: dict[str, list[float]] = {command: [] for command in _COMMANDS}
    for _ in range(given.runs):
        turns = [[_cpu_ms(it) for it in _COMMANDS] for _ in range(given.turns)]
        for command, costs in zip(_COMMANDS, zip(*turns, strict=True), strict=True):
            figures[command].append(sorted(costs)[given.turns // 2])
    ratios = [
        cost / reference
        for cost, reference in zip(figures[_MEASURED], figures[_REFERENCE], strict=True)
    ]
    Result(
        name="bench_start",
        question=QUESTION,
        method=METHOD,
        measures=[
            *(Measure(name, "ms", costs) for name, costs in figures.items()),
            Measure(
                "tlog --version against tlogverify --help",
                "x",
                ratios,
                1.5,
                lower_is_better=True,
            ),
        ],
        settings={"turns": given.turns},
        is_quick=given.quick,
    ).finish()


def _cpu_ms(command: str) -> float:
    """Return the CPU time of one process; stop unless it ends with 0."""
    _, *arguments = command.split()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return (used.ru_utime + used.ru_stime) * 1000


if __name__ == "__main__":
    main()
