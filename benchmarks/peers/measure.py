"""Starts the peers; one that is not installed is left out, and the result says so."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.records import ENTRY_BYTES

_GO: Final = Path(__file__).parent / "go"
_NODE_BYTES: Final = 65
_LEAF_BYTES: Final = 1 + ENTRY_BYTES


def measure_pymerkle(entries: int) -> dict[str, float] | None:
    """Return pymerkle's proofs made and verified a second; None if it is missing."""
    return _pymerkle("pymerkle_tree", f"--entries={entries}")


def measure_pymerkle_hashing(seconds: float) -> dict[str, float] | None:
    """Return pymerkle's nodes and leaves a second; None if it is missing."""
    return _pymerkle("pymerkle_hashing", f"--seconds={seconds}")


def measure_go(entries: int, scratch: Path) -> dict[str, float] | None:
    """Return x/mod's proofs made and verified a second; None without Go.

    scratch: a folder for the program.
    """
    return _go(scratch, f"-entries={entries}", f"-entry-bytes={ENTRY_BYTES}")


def measure_go_hashing(seconds: float, scratch: Path) -> dict[str, float] | None:
    """Return the nodes and leaves a second of x/mod and transparency-dev/merkle.

    scratch: a folder for the program.  None without Go.
    """
    return _go(scratch, "-hash", f"-seconds={seconds}", f"-entry-bytes={ENTRY_BYTES}")


def measure_openssl() -> dict[str, float] | None:
    """Return the nodes and leaves a second that `openssl speed` hashes, prefix and all.

    None without openssl, or with one that says something else.
    """
    if shutil.which("openssl") is None:
        return None
    rates = {}
    for work, size in (("nodes", _NODE_BYTES), ("leaves", _LEAF_BYTES)):
        command = f"openssl speed -mr -seconds 1 -bytes {size} -evp sha256".split()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = re.search(r"^\+F:\d+:sha256:(\d+\.?\d*)$", done.stdout, re.M | re.I)
        if found is None:
            print("openssl speed says something else: left out", file=sys.stderr)
            return None
        rates[work] = float(found[1]) / size
    return rates


def go_version() -> str:
    """Return the version of Go, or why there is none."""
    return _said("go", "env", "GOVERSION")


def openssl_version() -> str:
    """Return the version of the command `openssl`, or why there is none."""
    return _said("openssl", "version")


def _pymerkle(module: str, *arguments: str) -> dict[str, float] | None:
    if importlib.util.find_spec("pymerkle") is None:
        return None
    return _rates([sys.executable, "-m", f"benchmarks.peers.{module}", *arguments])


def _go(scratch: Path, *arguments: str) -> dict[str, float] | None:
    if shutil.which("go") is None:
        return None
    program = scratch / "peer"
    built = subprocess.run(["go", "build", "-o", program, "."], cwd=_GO, check=False)
    if built.returncode:
        print("the Go peer cannot be built here: left out", file=sys.stderr)
        return None
    return _rates([str(program), *arguments])


def _said(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        return "not installed"
    said = subprocess.run(
        [program, *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    return said.stdout.strip() or "not usable"


def _rates(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    rates: dict[str, float] = json.loads(done.stdout)
    return rates
