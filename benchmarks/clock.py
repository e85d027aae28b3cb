"""The clock of one core, and how many nodes a second it allows the AVX-512 kernel.

The clock is measured, as virtual machines do not tell it: by a chain of additions, each
of which waits one cycle for the one before.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

_ROUND: Final = 16
_WORD: Final = 11
_FIRST_BLOCK: Final = 64 * (_ROUND + 1) + 48 * _WORD + 8
_SECOND_BLOCK: Final = 64 * _ROUND + 46 + 61 + 32 * _WORD + 8
_SHUFFLES: Final = 64 + 16 + 3 + 32
_HOISTED: Final = 16

INSTRUCTIONS: Final = _FIRST_BLOCK + _SECOND_BLOCK + _SHUFFLES - _HOISTED
"""Vector instructions for 16 nodes, without loads, stores, moves and broadcasts.

By tlog/hashing/kernels/lanes.h: a round takes 6 additions, 4 operations of logic and 6
rotations, and one addition more where its word is not a constant; a new word takes 3
additions, 2 operations of logic, 4 rotations and 2 shifts.  First block: 64 rounds of
17, 48 words, 8 additions to the state.  Second block: 64 rounds of 16, 46 words that
are not constants, 61 for the words 16 to 31, 32 words more, 8 additions.

By tlog/hashing/kernels/avx512.h: 64 to turn the input and 16 for its byte order, 3 for
the bytes that stand alone, 32 to turn the hashes.

The first rounds start from constants, and compilers take 16 instructions of them out of
the loop: GCC 12's code has these 3,214 for each 16 nodes, in both AVX-512 kernels.
"""

_NODES: Final = 16
_STARTED: Final = 2
"""A cycle, on Intel's cores with AVX-512: at the ports 0 and 5.  Rotations and shifts
go to port 0 alone; they are 1,278 of all, less than half."""

_ADDITIONS: Final = 500_000_000
# Of two registers: some processors add a constant without a cycle of its own.
_SOURCE: Final = """
#include <stdio.h>
#include <time.h>
int main(void)
{
    unsigned long sum = 1, addend = 3;
    const clock_t begun = clock();
    for (long i = 0; i < ADDITIONS / 100; i++)
        __asm__ volatile(".rept 100; add %1, %0; .endr" : "+r"(sum) : "r"(addend));
    printf("%f", (double)(clock() - begun) / CLOCKS_PER_SEC);
}
"""


def clock_hz(scratch: Path) -> float | None:
    """Return the cycles of one core for each second of CPU time, on x86-64.

    scratch: a folder for the program.  None where it cannot be compiled.
    """
    if shutil.which("cc") is None:
        return None
    program = scratch / "clock"
    built = subprocess.run(
        ["cc", "-O2", f"-DADDITIONS={_ADDITIONS}L", "-x", "c", "-o", program, "-"],
        input=_SOURCE.encode(),
        check=False,
    )
    if built.returncode:
        print("the clock cannot be measured here: left out", file=sys.stderr)
        return None
    done = subprocess.run([program], stdout=subprocess.PIPE, check=True)
    return _ADDITIONS / float(done.stdout)


def node_limit(hz: float) -> float:
    """Return the nodes a second that two vector instructions a cycle allow."""
    return hz * _STARTED * _NODES / INSTRUCTIONS
