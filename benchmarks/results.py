"""Measures, their budgets, and the result files.

A result file is `results/<name>.json`, a quick run's `results/<name>.quick.json`: the
question, the machine, the versions, the commit, the method, every run and its median,
the budget and whether it is met.  Quick figures show that a benchmark works, and
nothing else.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.machine import describe_commit, describe_machine, describe_versions

RESULTS: Final = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure.

    runs: in the order in which they were made.  budget: None where there is none.
    """

    what: str
    unit: str
    runs: list[float]
    budget: float | None = None
    lower_is_better: bool = False

    @property
    def median(self) -> float:
        """The median of all runs."""
        return statistics.median(self.runs)

    @property
    def is_met(self) -> bool | None:
        """Whether the budget is met; None where there is none."""
        if self.budget is None:
            return None
        if self.lower_is_better:
            return self.median <= self.budget
        return self.median >= self.budget


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question.

    settings: the numbers that were chosen.  series: further data, for plots.
    """

    name: str
    question: str
    method: str
    measures: Sequence[Measure]
    settings: dict[str, object]
    is_quick: bool
    series: list[dict[str, float]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where this result is written."""
        return RESULTS / f"{self.name}{'.quick' if self.is_quick else ''}.json"

    def finish(self) -> None:
        """Write the result file and print the table."""
        document = {
            "name": self.name,
            "question": self.question,
            "method": " ".join(self.method.split()),
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "commit": describe_commit(),
            "quick": self.is_quick,
            "machine": describe_machine(Path(tempfile.gettempdir())),
            "versions": describe_versions(),
            "settings": self.settings,
            "measures": [
                {**asdict(it), "median": it.median, "met": it.is_met}
                for it in self.measures
            ],
        }
        if self.series:
            document["series"] = self.series
        RESULTS.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        print(f"\n{self.question}{'  (quick)' if self.is_quick else ''}")
        for line in _table(self.measures):
            print(f"  {line}")


def options(question: str, *numbers: tuple[str, int, int]) -> argparse.Namespace:
    """Parse the arguments of one benchmark: --quick, --runs and its own numbers.

    numbers: (name, default, default with --quick) of each.
    """
    parser = argparse.ArgumentParser(description=question)
    parser.add_argument(
        "--quick", action="store_true", help="a run that shows only that it works"
    )
    numbers = (("runs", 3, 1), *numbers)
    for name, full, quick in numbers:
        parser.add_argument(
            f"--{name}", type=int, help=f"default {full:,}, with --quick {quick:,}"
        )
    given = parser.parse_args()
    for name, full, quick in numbers:
        if getattr(given, name) is None:
            setattr(given, name, quick if given.quick else full)
    return given


def show(value: float) -> str:
    """Return a figure with three digits that count, or all those of a large one."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(measures: Sequence[Measure]) -> list[str]:
    rows = [("", "median", "unit", "budget", "", "runs")]
    for it in measures:
        verdict = {None: "", True: "met", False: "MISSED"}[it.is_met]
        budget = "" if it.budget is None else show(it.budget)
        runs = " ".join(show(run) for run in it.runs)
        rows.append((it.what, show(it.median), it.unit, budget, verdict, runs))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if nth in {1, 3} else cell.ljust(width)
            for nth, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
