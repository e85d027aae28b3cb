"""Coverage-guided fuzzing of the C: `python -m tests.fuzz.run [--seconds N] [NAME]`.

libFuzzer changes inputs for as long as they reach new code, under AddressSanitizer and
UndefinedBehaviorSanitizer.  It begins with real bodies, bundles and batches, and with
what an earlier run has kept in build/fuzz.

    bodies   a request's body      the scanner declines it, or gives exactly its entries
    rows     a bundle              the rows of the index, with too little room as well
    kernels  sizes and bundles     every backend of the machine, against the textbook

What the first two have kept is then read by Python too, which must say the same.  Ends
with 1 if anything was wrong; the input lies in build/fuzz then.

It takes clang, with its runtime for fuzzing: on Debian, `apt-get install clang
libclang-rt-14-dev`, or the number of its clang.

    CLANG    the compiler, `clang` if it is not set
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.replay import replay_bodies, replay_rows
from tests.fuzz.seeds import WORDS, batches, bodies, bundles
from tests.kernels.run import (
    LINES,
    ROOT,
    STRICT,
    Code,
    Step,
    build,
    kernels,
    lacking,
    scanner,
)

HERE: Final = Path(__file__).resolve().parent
KEPT: Final = ROOT / "build" / "fuzz"
FLAGS: Final = (
    *(*STRICT, LINES, "-O1", "-fsanitize=fuzzer,address,undefined"),
    "-fno-sanitize-recover=all",
)
TRIVIAL: Final = """
int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long size);
int LLVMFuzzerTestOneInput(const unsigned char *bytes, unsigned long size)
{
    return bytes && size > 1000000;
}
"""
MAX_BYTES: Final = 24_000
_DONE: Final = re.compile(r"stat::number_of_executed_units: *(\d+)")
_COVERED: Final = re.compile(r"cov: (\d+)")
_COUNTERS: Final = re.compile(r"\((\d+) inline 8-bit counters\)")


@dataclass(frozen=True, slots=True)
class Target:
    """One function that takes any bytes; seeds: what it begins with."""

    name: str
    code: Code
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its inputs are kept."""
        return KEPT / self.name


def targets() -> list[Target]:
    """Return all of them."""
    return [
        Target("bodies", fuzzed(scanner(), "bodies.c"), (*bodies(),), WORDS),
        Target("rows", fuzzed(scanner(), "rows.c"), (*bundles(),), WORDS),
        Target("kernels", fuzzed(kernels(), "kernels.c"), (*batches(),)),
    ]


def fuzzed(code: Code, entrance: str) -> Code:
    """Return some C with its judges and without the cases that they were made for."""
    kept = [it for it in code.sources if it.name not in {"check.c", "threads.c"}]
    folders = (*code.folders, ROOT / "tests" / "kernels")
    return Code(code.module, (*kept, HERE / entrance), folders)


def write_dictionary(words: Iterable[bytes], to: Path) -> None:
    """Write words as libFuzzer reads them."""
    lines = ["".join(f"\\x{byte:02x}" for byte in word) for word in words]
    to.write_text("".join(f'"{line}"\n' for line in lines), "ascii")


def fuzz(target: Target, program: Path, seconds: int, scratch: Path) -> str:
    """Run a target for so long; return what was done, in words.

    Raises CalledProcessError: it found something, whose input it has kept.
    """
    corpus, words = target.folder / "corpus", scratch / "words"
    corpus.mkdir(parents=True, exist_ok=True)
    for nth, seed in enumerate(target.seeds):
        (corpus / f"seed-{nth}").write_bytes(seed)
    # An empty dictionary would be refused.
    write_dictionary(target.words or (b"\x00",), words)
    command = [
        *(str(program), str(corpus), f"-max_total_time={seconds}"),
        *(f"-max_len={MAX_BYTES}", "-timeout=20", "-print_final_stats=1"),
        *(f"-dict={words}", f"-artifact_prefix={target.folder}/"),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=True
    )
    executed, reached, counters = (
        int(pattern.findall(done.stderr)[-1])
        for pattern in (_DONE, _COVERED, _COUNTERS)
    )
    return (
        f"{executed:,} inputs in {seconds} s, {reached} of {counters} branches reached,"
        f" {len(list(corpus.iterdir()))} inputs kept"
    )


def attempt(target: Target, seconds: int) -> bool:
    """Build and fuzz one target; return whether nothing is wrong."""
    with tempfile.TemporaryDirectory(prefix="tlog-fuzz-") as name:
        scratch = Path(name)
        clang = os.environ.get("CLANG") or "clang"
        step = Step(f"fuzz: {target.name}", target.code, (clang,), FLAGS)
        if lack := lacking(step, scratch, TRIVIAL, "-runs=1"):
            print(f"{step.name} skipped: {lack}; see tests/fuzz/run.py", flush=True)
            return True
        try:
            program = build(step, scratch)
            said = fuzz(target, program, seconds, scratch)
        except subprocess.CalledProcessError as error:
            print(f"{step.name} failed\n{error.stdout[-2_000:]}{error.stderr[-8_000:]}")
            return False
    print(f"{step.name}: {said}", flush=True)
    return True


def main() -> int:
    """Fuzz, two targets at a time, then let Python read what was kept."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("names", nargs="*", help="bodies, rows, kernels; default: all")
    given = parser.parse_args()
    chosen = [it for it in targets() if not given.names or it.name in given.names]
    with ThreadPoolExecutor(2) as pool:
        right = list(pool.map(lambda it: attempt(it, given.seconds), chosen))
    right += [
        replay(KEPT / name / "corpus")
        for name, replay in (("bodies", replay_bodies), ("rows", replay_rows))
    ]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
