"""What each trick of the hashing kernels buys: builds without it, one by one."""

import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder

QUESTION: Final = "What does each trick of the hashing kernels buy?"
METHOD: Final = """
    The kernels are built as the package builds them, and once more for each trick with
    that one replaced in the source.  A small C program runs each build: CPU time, one
    thread, the best of seven rounds, all builds in turn; what they compute is compared.
    A figure is the rate with the trick over the rate without it, for 4,096 nodes or
    leaves of 263 bytes a call where nothing else is said.
"""
_ROOT: Final = Path(__file__).parents[1]
_KERNELS: Final = _ROOT / "tlog" / "hashing" / "kernels"
_WIDE: Final = "{&tlog_avx512x2, 20}, {&tlog_avx512, 10}, {&tlog_shani, 0}"


class Trick(NamedTuple):
    """A trick, where it is judged, and the source without it."""

    what: str
    backend: str
    figure: str
    file: str
    old: str
    new: str


TRICKS: Final = (
    Trick(
        "two registers of 16 interleaved: nodes",
        "avx512",
        "nodes",
        "hashing.c",
        _WIDE,
        "{&tlog_avx512, 10}, {&tlog_shani, 0}",
    ),
    Trick(
        "two registers of 16 interleaved: leaves",
        "avx512",
        "leaves",
        "hashing.c",
        _WIDE,
        "{&tlog_avx512, 10}, {&tlog_shani, 0}",
    ),
    Trick(
        "constants of the second block folded",
        "avx512",
        "nodes",
        "avx512x2.c",
        "compress_second(state, last);",
        "w[0] = last; for (int i = 1; i < 15; i++) w[i] = SET1(0); w[15] = SET1(520);"
        " compress_words(state, w);",
    ),
    Trick(
        "exclusive or of three in one instruction",
        "avx512",
        "nodes",
        "avx512x2.c",
        '#include "lanes.h"',
        "#define TWO(f, p, q) ((V){f((p).x, (q).x), f((p).y, (q).y)})\n"
        "#define XOR3(p, q, r) ({ V t_ = TWO(_mm512_xor_si512, p, q);"
        " TWO(_mm512_xor_si512, t_, r); })\n"
        '#include "lanes.h"',
    ),
    Trick(
        "nodes loaded from one byte ahead",
        "avx512",
        "nodes",
        "avx512.h",
        "        w[i] = _mm512_loadu_si512(nodes + PAIR_BYTES * i - 1);",
        "    {\n        uint8_t block[BLOCK_BYTES];\n"
        "        copy_first_block(block, nodes + PAIR_BYTES * i);\n"
        "        block[0] = nodes[PAIR_BYTES * i - 1];\n"
        "        w[i] = _mm512_loadu_si512(block);\n    }",
    ),
    Trick(
        "what is left over goes to SHA-NI: 8 nodes a call",
        "avx512",
        "8 nodes",
        "hashing.c",
        _WIDE,
        "{&tlog_avx512x2, 20}, {&tlog_avx512, 1}, {&tlog_portable, 0}",
    ),
    Trick(
        "what is left over goes to SHA-NI: one tile",
        "avx512",
        "one tile",
        "hashing.c",
        _WIDE,
        "{&tlog_avx512x2, 20}, {&tlog_avx512, 1}, {&tlog_portable, 0}",
    ),
    Trick(
        "32 tiles together: 64 tiles a call",
        "avx512",
        "64 tiles",
        "hashing.c",
        "for (; start + GROUP <= end; start += GROUP) {",
        "for (; start + GROUP <= end && end == 0; start += GROUP) {",
    ),
    Trick(
        "SHA-NI: schedules of the second block looked up",
        "shani",
        "nodes",
        "shani.c",
        "compress_second(&s, &t, one[PAIR_BYTES - 1], other[PAIR_BYTES - 1]);",
        "x[0] = _mm_set_epi32(0, 0, 0, (int)(one[63] * 16777216u + 0x800000u));"
        " y[0] = _mm_set_epi32(0, 0, 0, (int)(other[63] * 16777216u + 0x800000u));"
        " x[1] = x[2] = y[1] = y[2] = _mm_setzero_si128();"
        " x[3] = y[3] = _mm_set_epi32(520, 0, 0, 0); compress_words(&s, &t, x, y);",
    ),
    Trick(
        "SHA-NI: upper words of a schedule loaded, not shuffled",
        "shani",
        "nodes",
        "shani.c",
        "_mm_loadl_epi64((const V *)((kw) + 2))",
        "_mm_shuffle_epi32(_mm_loadu_si128((const V *)(kw)), 0x0e)",
    ),
    Trick(
        "plain C: schedules of the second block looked up",
        "portable",
        "nodes",
        "portable.c",
        "rounds(state, tlog_second_kw[node[PAIR_BYTES - 1]]);",
        "uint32_t w[64] = {(uint32_t)node[63] << 24 | 0x800000u, [15] = 520};"
        " schedule(w); rounds(state, w);",
    ),
)


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION)
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        print("there is no C compiler: no build without a trick can be made")
        return
    figures: dict[str, list[float]] = {}
    absent: set[str] = set()
    with scratch_folder() as scratch:
        whole = _build(compiler, scratch / "whole", None)
        builds = [
            (trick, _build(compiler, scratch / f"{nth}", trick))
            for nth, trick in enumerate(TRICKS)
        ]
        for _ in range(given.runs):
            for trick, program in builds:
                ours, without = _run(whole, trick), _run(program, trick)
                if ours is None or without is None:
                    absent.add(trick.backend)
                    continue
                assert ours["digest"] == without["digest"], trick.what
                ratio = float(ours[trick.figure]) / float(without[trick.figure])
                figures.setdefault(trick.what, []).append(ratio)
                pair = float(ours["two nodes"]) / float(ours["node"])
                if trick.backend == "shani":
                    figures.setdefault(_INTERLEAVED, []).append(pair)
    Result(
        name="bench_tricks",
        question=QUESTION,
        method=METHOD,
        measures=[Measure(what, "x", runs) for what, runs in figures.items()],
        settings={"absent": sorted(absent), "compiler": _version(compiler)},
        is_quick=given.quick,
    ).finish()


_INTERLEAVED: Final = "SHA-NI: two messages interleaved (two nodes a call to one)"


def _build(compiler: str, folder: Path, trick: Trick | None) -> Path:
    """Compile the kernels, without `trick`, and return the program."""
    shutil.copytree(_KERNELS, folder)
    if trick is not None:
        path = folder / trick.file
        source = path.read_text("utf-8")
        assert source.count(trick.old) == 1, f"{trick.what}: the source has changed"
        path.write_text(source.replace(trick.old, trick.new), "utf-8")
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    (extension,) = project["tool"]["setuptools"]["ext-modules"]
    flags = [it for it in extension["extra-compile-args"] if it != "-std=c11"]
    sources = [*sorted(folder.glob("*.c")), Path(__file__).with_name("tricks.c")]
    program = folder / "tricks"
    command = [compiler, "-std=gnu11", *flags, "-I", folder, *sources, "-lpthread"]
    subprocess.run([*command, "-o", program], check=True)
    return program


def _run(program: Path, trick: Trick) -> dict[str, str] | None:
    """Return what a build says; None if the processor lacks its backend."""
    done = subprocess.run(
        [program, trick.backend], stdout=subprocess.PIPE, check=False, text=True
    )
    if done.returncode == 2:
        return None
    assert done.returncode == 0, trick.what
    said: dict[str, str] = json.loads(done.stdout)
    return said


def _version(compiler: str) -> str:
    said = subprocess.run(
        [compiler, "--version"], stdout=subprocess.PIPE, text=True, check=True
    )
    return said.stdout.partition("\n")[0]


if __name__ == "__main__":
    main()
