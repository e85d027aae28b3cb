"""Starts the peers; one that is not installed is left out, and the result says so."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.records import ENTRY_BYTES

_GO: Final = Path(__file__).parent / "go"


def measure_pymerkle(entries: int) -> dict[str, float] | None:
    """Return pymerkle's proofs made and verified a second; None if it is missing."""
    if importlib.util.find_spec("pymerkle") is None:
        return None
    return _rates(
        [sys.executable, "-m", "benchmarks.peers.pymerkle_tree", f"--entries={entries}"]
    )


def measure_go(entries: int, scratch: Path) -> dict[str, float] | None:
    """Return x/mod's proofs made and verified a second; None without Go.

    scratch: a folder for the program.
    """
    if shutil.which("go") is None:
        return None
    program = scratch / "peer"
    built = subprocess.run(["go", "build", "-o", program, "."], cwd=_GO, check=False)
    if built.returncode:
        print("the Go peer cannot be built here: left out", file=sys.stderr)
        return None
    arguments = [f"-entries={entries}", f"-entry-bytes={ENTRY_BYTES}"]
    return _rates([str(program), *arguments])


def go_version() -> str:
    """Return the version of Go, or why there is none."""
    if shutil.which("go") is None:
        return "not installed"
    said = subprocess.run(
        ["go", "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=True
    )
    return said.stdout.strip()


def _rates(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    rates: dict[str, float] = json.loads(done.stdout)
    return rates
