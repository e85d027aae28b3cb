"""Runs all benchmarks in order: `make bench`, or `python -m benchmarks [--quick]`."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run each benchmark as a process of its own; go on after one that fails."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    failed = [
        name
        for name in names
        if subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], check=False
        ).returncode
    ]
    for name in failed:
        print(f"{name} stopped: what it measured was not true, or it could not run")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
