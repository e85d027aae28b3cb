"""Tell whether the CPU of an entry or a proof has grown: `make bench-check`.

    python -m benchmarks.check               against the committed results
    python -m benchmarks.check --base REV    against another commit, measured here too

CPU for one entry varies least of all figures, and still differs threefold between
machines.  So committed results count only where they were measured on such a machine.
With --base both commits are measured by turns, which any machine can do.

Exit status: 0 nothing grew, 1 something did, 2 there is nothing to compare with.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.machine import describe_machine, describe_versions
from benchmarks.results import RESULTS

CHECKED: Final = {
    "bench_submit_single": ("entries",),
    "bench_submit_batch": ("entries",),
    "bench_proofs": ("entries", "proofs"),
}
"""What is measured, and the numbers that its CPU depends on."""

ROUNDS: Final = 3
ALLOWED: Final = 1.15
"""Above what two runs of one commit differ by on a virtual machine with neighbours."""

_ROOT: Final = Path(__file__).parents[1]
_BUILD: Final = ("-c", "import setuptools; setuptools.setup()", "-q", "build_ext", "-i")

# What a figure is called, and its runs.
Figures = dict[str, list[float]]


def main() -> int:
    """Measure, compare, say what grew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--base", metavar="REV", help="a commit to measure beside this")
    given = parser.parse_args()
    if given.base is None:
        before, strange = _committed()
        if strange:
            print(f"{strange}: name a commit to measure here, with --base (BASE=REV)")
            return 2
        after = _rounds([_ROOT], _numbers())[0]
    else:
        with _checked_out(given.base) as base:
            before, after = _rounds([base, _ROOT], {})
    if not before.keys() & after.keys():
        print("no figure has the name that it had: there is nothing to compare with")
        return 2
    return 1 if _compare(before, after) else 0


def _committed() -> tuple[Figures, str]:
    """Return the committed figures; or why they are no measure for this machine."""
    figures: Figures = {}
    machine = describe_machine(Path(tempfile.gettempdir()))
    versions = describe_versions()
    for name in CHECKED:
        document = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        for fact in ("cpu", "cpu_model_number", "cores", "file_system"):
            if document["machine"][fact] != machine[fact]:
                return {}, f"{name} was measured on another machine ({fact})"
        for part in ("python", "hash_backend"):
            if document["versions"][part] != versions[part]:
                return {}, f"{name} was measured with another {part}"
        _add(figures, document)
    return figures, ""


def _numbers() -> dict[str, list[str]]:
    """Return the numbers of the committed results, as arguments."""
    numbers = {}
    for name, settings in CHECKED.items():
        document = json.loads((RESULTS / f"{name}.json").read_text("utf-8"))
        found = document["settings"]
        numbers[name] = [f"--{it}={found[it]}" for it in settings if it in found]
    return numbers


def _rounds(trees: list[Path], numbers: dict[str, list[str]]) -> list[Figures]:
    """Return the figures of each tree, measured by turns.

    numbers: arguments of each benchmark; those of a quick run where it has none.
    """
    found: list[Figures] = [{} for _ in trees]
    for nth in range(ROUNDS):
        for name in CHECKED:
            for tree, figures in zip(trees, found, strict=True):
                print(f"round {nth + 1} of {ROUNDS}: {name}", file=sys.stderr)
                _add(figures, _measure(tree, name, numbers.get(name, [])))
    return found


def _measure(tree: Path, name: str, numbers: list[str]) -> dict[str, Any]:
    path = os.pathsep.join([str(tree), str(tree / "client")])
    subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--quick", *numbers],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    result = tree / "benchmarks" / "results" / f"{name}.quick.json"
    document: dict[str, Any] = json.loads(result.read_text("utf-8"))
    return document


def _add(figures: Figures, document: dict[str, Any]) -> None:
    """Keep what is CPU of one thing."""
    for it in document["measures"]:
        if it["unit"] == "us":
            name = f"{document['name']}: {it['what']}"
            figures.setdefault(name, []).extend(it["runs"])


def _compare(before: Figures, after: Figures) -> list[str]:
    """Print each figure that both have; return those that grew."""
    grown: list[str] = []
    for name in sorted(before.keys() ^ after.keys()):
        print(f"{name}: not compared, only one of both has it")
    for name in sorted(before.keys() & after.keys()):
        was, now = statistics.median(before[name]), statistics.median(after[name])
        if now > ALLOWED * was:
            grown.append(name)
        verdict = f"GREW by more than {ALLOWED - 1:.0%}" if name in grown else "no more"
        print(f"{name}: {was:.1f} us before, {now:.1f} us now: {verdict}")
    return grown


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """Hold another commit's files, with its kernels built if they can be."""
    with tempfile.TemporaryDirectory(prefix="tlog-bench-") as name:
        tree = Path(name) / "base"
        git = ("git", "-C", str(_ROOT), "worktree")
        subprocess.run([*git, "add", "-q", "--detach", tree, revision], check=True)
        try:
            build = [sys.executable, *_BUILD]
            built = subprocess.run(build, cwd=tree, capture_output=True, check=False)
            if built.returncode:
                print("its kernels are not built: hashlib hashes", file=sys.stderr)
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", tree], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
