"""Runs the benchmarks in order: `make bench`, or `python -m benchmarks`.

    python -m benchmarks           all but the long ones
    python -m benchmarks --long    the long ones: 10 million entries, many compilations
    python -m benchmarks --quick   all of them, in minutes: shows only that they work

Each writes its result file, which names machine, commit and date; then the tables of
the README are written anew.  So all figures are of one machine and commit when both
have been run on it, and nothing else has.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Final

SHORT: Final[dict[str, tuple[str, ...]]] = {
    "bench_audit": ("--entries=1000000",),
    "bench_cosigned": ("--seconds=6",),
    "bench_gate": ("--decisions=10000",),
    "bench_hashing": ("--milliseconds=100",),
    "bench_latency": ("--seconds=15",),
    "bench_proofs": ("--proofs=50000", "--seconds=2"),
    "bench_rekor": ("--seconds=10",),
    "bench_start": ("--turns=15",),
    "bench_submit_batch": (),
    "bench_submit_single": (),
    "bench_tessera": ("--entries=20000",),
    "bench_witness": (),
}
"""What is not long, and with which numbers: one to five minutes each, in three runs."""


def main() -> int:
    """Run each benchmark as a process of its own; go on after one that fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--long", action="store_true", help="the long ones alone")
    which.add_argument("--quick", action="store_true", help="all, and nothing counts")
    given = parser.parse_args()
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    chosen = [it for it in names if given.quick or (it in SHORT) != given.long]
    failed = [it for it in chosen if not _has_run(it, is_quick=given.quick)]
    if not given.quick:
        subprocess.run([sys.executable, "-m", "benchmarks.report"], check=True)
    for name in failed:
        print(f"{name} stopped: what it measured was not true, or it could not run")
    return 1 if failed else 0


def _has_run(name: str, *, is_quick: bool) -> bool:
    """Run a benchmark and say how long it took; return whether it ended well."""
    arguments = ("--quick",) if is_quick else SHORT.get(name, ())
    begun_s = perf_counter()
    command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    status = subprocess.run(command, check=False).returncode
    print(f"{name}: {perf_counter() - begun_s:.0f} s", file=sys.stderr, flush=True)
    return status == 0


if __name__ == "__main__":
    raise SystemExit(main())
