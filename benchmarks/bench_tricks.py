"""What each trick of the hashing kernels buys: builds without it, one by one."""

import json
import os
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.results import Measure, Result, options
from benchmarks.running import scratch_folder

QUESTION: Final = "What does each trick of the hashing kernels buy?"
METHOD: Final = """
    The kernels are built as the package builds them, and once more for each trick with
    it replaced in the source.  A C program hashes with each build, on one thread, by
    CPU time; that it hashes as the portable backend does is checked first, and that all
    builds do the same.  A figure is the rate with the trick over the rate without it,
    in calls of so many nodes, tiles of 255 nodes, or leaves of 263 bytes.  Where code
    lies in a program can change its speed by a fourth, as the widest kernel is about as
    large as the first-level cache: each build is linked at several places, and the best
    of short repeats at all of them counts; each run has other places.
"""
_ROOT: Final = Path(__file__).parents[1]
_KERNELS: Final = _ROOT / "tlog" / "hashing" / "kernels"
_PROGRAM: Final = Path(__file__).with_name("tricks.c")
_LEVEL: Final = "-O3"
_MODULE: Final = "tlog.hashing._native"
_BACKENDS: Final = ("avx512", "avx2", "shani", "portable")

NODE: Final = "1 node"
TWO_NODES: Final = "2 nodes"
NODES_8: Final = "8 nodes"
NODES_12: Final = "12 nodes"
NODES_255: Final = "255 nodes"
NODES: Final = "4,096 nodes"
TILE: Final = "1 tile"
TILES: Final = "64 tiles"
LEAVES: Final = "4,096 leaves"
"""The figures of tricks.c, by the names that it prints."""


class Change(NamedTuple):
    """One replacement: `old` must stand in `file` exactly once."""

    file: str
    old: str
    new: str


class Trick(NamedTuple):
    """A trick, the figures that it is judged by, and what takes it away.

    level: the compiler's optimisation in the build without it.
    """

    what: str
    backend: str
    figures: tuple[str, ...]
    change: Change | None = None
    level: str = _LEVEL


_STAGES: Final = "{&tlog_avx512x2, 20}, {&tlog_avx512, 10}, {&tlog_shani, 0}"
_FOLDED: Final = "compress_second(state, last);"
_ALL_WORDS: Final = """
    w[0] = last;
    for (int i = 1; i < 15; i++)
        w[i] = SET1(0);
    w[15] = SET1(520);
    compress_words(state, w);
"""
_THREE_INPUTS: Final = """
#define Z_XOR3(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define Z_CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define Z_MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
"""
# Compilers turn two operations back into one of three inputs, but for assembly.
_TWO_INPUTS: Final = """
#define TWO(name, instruction)                              \\
    INLINE Z name(Z x, Z y)                                 \\
    {                                                       \\
        Z z;                                                \\
        __asm__(instruction " %2, %1, %0"                   \\
                : "=v"(z) : "v"(x), "vm"(y));               \\
        return z;                                           \\
    }
TWO(z_xor, "vpxord")
TWO(z_and, "vpandd")
TWO(z_or, "vpord")
#define Z_XOR3(x, y, z) z_xor(z_xor(x, y), z)
#define Z_CHOOSE(x, y, z) z_xor(z, z_and(x, z_xor(y, z)))
#define Z_MAJORITY(x, y, z) z_or(z_and(x, y), z_and(z, z_or(x, y)))
"""
_COPIES: Final = """
    uint8_t first[16][BLOCK_BYTES];
    for (int i = 1; i < 16; i++) {
        copy_first_block(first[i], nodes + PAIR_BYTES * i);
        first[i][0] = nodes[PAIR_BYTES * i - 1];
    }
    for (int i = 1; i < 16; i++)
        w[i] = _mm512_loadu_si512(first[i]);
"""
_SCHEDULED: Final = """
    x[0] = _mm_cvtsi32_si128((int)((uint32_t)one[63] << 24 | 0x800000u));
    y[0] = _mm_cvtsi32_si128((int)((uint32_t)other[63] << 24 | 0x800000u));
    x[1] = x[2] = y[1] = y[2] = _mm_setzero_si128();
    x[3] = y[3] = _mm_set_epi32(520, 0, 0, 0);
    compress_words(&s, &t, x, y);
"""
TRICKS: Final = (
    Trick(
        "two registers interleaved",
        "avx512",
        (NODES, TILES, LEAVES),
        Change("hashing.c", _STAGES, "{&tlog_avx512, 10}, {&tlog_shani, 0}"),
    ),
    Trick(
        "second block folded, two registers",
        "avx512",
        (NODES, TILES),
        Change("avx512x2.c", _FOLDED, _ALL_WORDS),
    ),
    Trick(
        "second block folded, one register",
        "avx512",
        (NODES_12, TILE),
        Change("avx512.c", _FOLDED, _ALL_WORDS),
    ),
    Trick(
        "logic of three inputs",
        "avx512",
        (NODES_12, NODES),
        Change("avx512.h", _THREE_INPUTS, _TWO_INPUTS),
    ),
    Trick(
        "first blocks loaded from one byte ahead",
        "avx512",
        (NODES_12, NODES, TILES),
        Change(
            "avx512.h",
            "    for (int i = 1; i < 16; i++)\n"
            "        w[i] = _mm512_loadu_si512(nodes + PAIR_BYTES * i - 1);\n",
            _COPIES,
        ),
    ),
    Trick(
        "what is left over to narrower kernels",
        "avx512",
        (NODES_8, NODES_12, TILE),
        Change("hashing.c", _STAGES, "{&tlog_avx512x2, 1}, {&tlog_shani, 0}"),
    ),
    Trick(
        "one register between two and SHA-NI",
        "avx512",
        (NODES_12, NODES_255, TILE),
        Change("hashing.c", _STAGES, "{&tlog_avx512x2, 10}, {&tlog_shani, 0}"),
    ),
    Trick(
        "tiles in groups of 32",
        "avx512",
        (TILES,),
        Change(
            "hashing.c",
            "for (; start + GROUP <= end; start += GROUP) {",
            "for (; end == 0; start += GROUP) {",
        ),
    ),
    Trick("-O3, not -O2", "avx512", (NODES_12, NODES, TILES, LEAVES), level="-O2"),
    Trick(
        "second block folded",
        "avx2",
        (NODES,),
        Change(
            "avx2.c",
            "compress_second(state, _mm256_loadu_si256((const V *)last));",
            _ALL_WORDS.replace("last", "_mm256_loadu_si256((const V *)last)"),
        ),
    ),
    Trick(
        "schedule of the second block looked up",
        "shani",
        (NODES,),
        Change(
            "shani.c",
            "compress_second(&s, &t, one[PAIR_BYTES - 1], other[PAIR_BYTES - 1]);",
            _SCHEDULED,
        ),
    ),
    Trick(
        "upper words loaded, not shuffled down",
        "shani",
        (NODES,),
        Change(
            "shani.c",
            "_mm_loadl_epi64((const V *)((kw) + 2))",
            "_mm_shuffle_epi32(_mm_loadu_si128((const V *)(kw)), 0x0e)",
        ),
    ),
    Trick(
        "schedule of the second block looked up",
        "portable",
        (NODES,),
        Change(
            "portable.c",
            "rounds(state, tlog_second_kw[node[PAIR_BYTES - 1]]);",
            "uint32_t w[64] = {(uint32_t)node[63] << 24 | 0x800000u, [15] = 520};\n"
            "schedule(w);\n"
            "rounds(state, w);",
        ),
    ),
)

Rates = dict[str, float]


class Build(NamedTuple):
    """Object files, to be linked at any place."""

    compiler: Sequence[str]
    objects: Sequence[Path]
    folder: Path


def main() -> None:
    """Measure, check, write, print."""
    given = options(QUESTION, ("places", 4, 1))
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        print(f"there is no C compiler ({compiler[0]}): no build can be made")
        return
    figures: dict[str, list[float]] = {}
    with scratch_folder() as scratch:
        whole = _build(compiler, scratch / "whole", None, None)
        found = _run(_link(whole, 0), _BACKENDS)
        present = [name for name in _BACKENDS if found[name] is not None]
        builds = [
            (trick, _build(compiler, scratch / f"{nth}", trick, whole))
            for nth, trick in enumerate(TRICKS)
            if trick.backend in present
        ]
        for run in range(given.runs):
            for what, figure in _measure(whole, builds, present, run, given.places):
                figures.setdefault(what, []).append(figure)
    Result(
        name="bench_tricks",
        question=QUESTION,
        method=METHOD,
        measures=[
            Measure(what, "/s" if runs[0] > 1_000 else "x", runs)
            for what, runs in figures.items()
        ],
        settings={
            "places": given.places,
            "absent": [name for name in _BACKENDS if name not in present],
            "compiler": _version(compiler),
            "flags": " ".join(kernel_flags(_LEVEL)),
        },
        is_quick=given.quick,
    ).finish()


def _measure(
    whole: Build,
    builds: Sequence[tuple[Trick, Build]],
    backends: Sequence[str],
    run: int,
    places: int,
) -> list[tuple[str, float]]:
    """Return what each trick buys, and the rates with all of them."""
    ours: dict[str, Rates] = {name: {} for name in backends}
    without: list[Rates] = [{} for _ in builds]
    for nth in range(places):
        place = run * places + nth
        said = _run(_link(whole, place), backends)
        for name in backends:
            _keep_best(ours[name], said[name])
        for (trick, build), best in zip(builds, without, strict=True):
            other = _run(_link(build, place), (trick.backend,))
            assert other["digest"] == said["digest"], trick.what
            _keep_best(best, other[trick.backend])
    measures = [
        (f"{it.backend}, {it.what}: {name}", ours[it.backend][name] / best[name])
        for (it, _), best in zip(builds, without, strict=True)
        for name in it.figures
    ]
    if "shani" in backends:
        times = ours["shani"][TWO_NODES] / ours["shani"][NODE]
        measures.append(("shani, two messages interleaved: 2 nodes to 1", times))
    for backend in backends:
        judged = {
            name for it, _ in builds if it.backend == backend for name in it.figures
        }
        measures += [
            (f"{backend}: {name}", rate)
            for name, rate in ours[backend].items()
            if name in judged
        ]
    return measures


def _keep_best(best: Rates, rates: Rates) -> None:
    for name, rate in rates.items():
        best[name] = max(rate, best.get(name, 0))


def _build(
    compiler: Sequence[str], folder: Path, trick: Trick | None, whole: Build | None
) -> Build:
    """Compile the kernels without `trick`, two files at a time.

    whole: has the object files of the sources that are the same.
    """
    shutil.copytree(_KERNELS, folder, ignore=shutil.ignore_patterns("*.py*", "__*"))
    shutil.copy(_PROGRAM, folder)
    change = trick.change if trick else None
    if change:
        path = folder / change.file
        source = path.read_text("utf-8")
        assert source.count(change.old) == 1, f"{change.file} has changed: {change.old}"
        path.write_text(source.replace(change.old, change.new), "utf-8")
    level = trick.level if trick else _LEVEL
    objects, commands = [], []
    for source_file in sorted(folder.glob("*.c")):
        made = source_file.with_suffix(".o")
        text = source_file.read_text("utf-8")
        is_changed = change and (
            change.file == source_file.name or f'#include "{change.file}"' in text
        )
        if whole is not None and level == _LEVEL and not is_changed:
            objects.append(whole.folder / made.name)
            continue
        objects.append(made)
        commands.append(
            [*compiler, *kernel_flags(level), "-c", str(source_file), "-o", str(made)]
        )
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(subprocess.run, commands):
            done.check_returncode()
    return Build(compiler, objects, folder)


def _link(build: Build, place: int) -> Path:
    """Return the program whose kernels begin at another address for each place."""
    program = build.folder / f"tricks{place}"
    if not program.exists():
        # Coprime to the pages' size; in whole lines of the cache.
        ahead = build.folder / "ahead.c"
        skipped = 64 * (1 + 13 * place)
        ahead.write_text(f'__asm__(".text\\n.skip {skipped}");\n', "ascii")
        parts = [str(part) for part in (ahead, *build.objects)]
        command = [*build.compiler, *parts, "-lpthread", "-o", str(program)]
        subprocess.run(command, check=True)
    return program


def _run(program: Path, backends: Sequence[str]) -> dict[str, Rates]:
    """Return the rates of each backend, None where the processor lacks it."""
    done = subprocess.run([program, *backends], stdout=subprocess.PIPE, check=True)
    said: dict[str, Rates] = json.loads(done.stdout)
    return said


def kernel_flags(level: str) -> list[str]:
    """Return the flags of the package's kernels at another level of optimisation."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    modules = project["tool"]["setuptools"]["ext-modules"]
    flags: list[str] = next(
        it["extra-compile-args"] for it in modules if it["name"] == _MODULE
    )
    assert flags.count(_LEVEL) == 1, "the package's flags have changed"
    return [level if flag == _LEVEL else flag for flag in flags]


def _version(compiler: Sequence[str]) -> str:
    said = subprocess.run(
        [*compiler, "--version"], stdout=subprocess.PIPE, text=True, check=True
    )
    return said.stdout.partition("\n")[0]


if __name__ == "__main__":
    main()
