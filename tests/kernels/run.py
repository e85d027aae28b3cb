"""The C under sanitizers and valgrind: `python -m tests.kernels.run`.

Compiles `tlog/hashing/kernels` with the cases beside this file, and
`tlog/entries/scanner` with those of `tests/scanner`, in several ways, and runs each.
What the machine cannot do is skipped, in one line that says so; a case that fails ends
with exit status 1.  Nothing is written outside a temporary folder.

GCC's AddressSanitizer does not see masked loads, and valgrind runs no AVX-512 or
SHA-NI: the cases also place buffers beside forbidden pages, where nothing escapes.

    CC    the compiler, `cc` if it is not set
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
KERNELS: Final = ROOT / "tlog" / "hashing" / "kernels"
SCANNER: Final = ROOT / "tlog" / "entries" / "scanner"

STRICT: Final = ("-std=c11", "-Wall", "-Wextra", "-Werror")
MEMORY: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Lines for a report; variables would triple the time to compile.
LINES: Final = "-g1"
# What older versions of valgrind can read, from Clang too.
OLD_LINES: Final = "-gdwarf-4"
# The judge, not the accused: instrumented, it would take most of the time.
TEXTBOOK: Final = HERE / "textbook.c"
FAST: Final = ("-O2", "-fno-sanitize=all")
ARM: Final = "aarch64-linux-gnu-gcc"
TRIVIAL: Final = "int main(void) { return 0; }\n"
LIBRARIES: Final = ("-lpthread", "-lm")
TIMEOUT_S: Final = 600


@dataclass(frozen=True, slots=True)
class Code:
    """Some C of the package, and the cases that run it.

    module: which extension of the package it is.  folders: where all their headers are.
    """

    module: str
    sources: tuple[Path, ...]
    folders: tuple[Path, ...]

    @property
    def package(self) -> tuple[str, ...]:
        """The flags that the package is compiled with."""
        settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
        modules = settings["tool"]["setuptools"]["ext-modules"]
        (flags,) = [
            it["extra-compile-args"] for it in modules if it["name"] == self.module
        ]
        return tuple(flags)


@dataclass(frozen=True, slots=True)
class Step:
    """One way to compile some C, and to run it.

    under: what runs the program, if it is not this machine itself.
    """

    name: str
    code: Code
    compiler: tuple[str, ...]
    flags: tuple[str, ...]
    under: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


def kernels(cpu: Path = KERNELS / "cpu.c") -> Code:
    """Return the hashing kernels; cpu: what tells them of the processor."""
    sources = sorted(set(KERNELS.glob("*.c")) - {KERNELS / "cpu.c"})
    return Code(
        "tlog.hashing._native",
        (*sources, cpu, *sorted(HERE.glob("*.c"))),
        (KERNELS,),
    )


def scanner() -> Code:
    """Return the scanner of records."""
    cases = ROOT / "tests" / "scanner"
    return Code(
        "tlog.entries._scanner",
        (*sorted(SCANNER.glob("*.c")), *sorted(cases.glob("*.c")), HERE / "rooms.c"),
        (SCANNER, HERE, cases),
    )


def steps() -> list[Step]:
    """Return all steps, whatever this machine has."""
    return [
        *memory_steps("kernels", kernels()),
        *memory_steps("scanner", scanner()),
        *kernel_steps(),
    ]


def memory_steps(name: str, code: Code) -> list[Step]:
    """Return the steps that find a wrong access in any C."""
    compiler = host_compiler()
    package = code.package
    valgrind = ("valgrind", "-q", "--error-exitcode=1", "--leak-check=full")
    return [
        Step(f"{name}: sanitizers", code, compiler, (*STRICT, LINES, "-O1", *MEMORY)),
        Step(f"{name}: the same, -O3", code, compiler, (*package, LINES, *MEMORY)),
        Step(f"{name}: as built", code, compiler, (*package, LINES)),
        Step(
            f"{name}: valgrind",
            code,
            compiler,
            ("-std=c11", OLD_LINES, "-O2"),
            valgrind,
            ("--short",),
        ),
    ]


def kernel_steps() -> list[Step]:
    """Return the steps that the kernels need by themselves."""
    compiler, code = host_compiler(), kernels()
    package = code.package
    return [
        Step(
            "kernels: no SHA-NI",
            kernels(HERE / "nosha" / "cpu.c"),
            compiler,
            (*package, LINES),
        ),
        Step(
            "kernels: threads",
            code,
            compiler,
            ("-std=c11", LINES, "-O1", "-fsanitize=thread"),
            arguments=("--threads",),
        ),
        Step(
            "kernels: ARMv8, emulated",
            code,
            (ARM,),
            (*package, LINES, "-static"),
            ("qemu-aarch64",),
            ("--short", "armv8"),
        ),
    ]


def host_compiler() -> tuple[str, ...]:
    """Return the compiler for this machine."""
    return tuple(shlex.split(os.environ.get("CC") or "cc"))


def lacking(
    step: Step, folder: Path, trivial: str = TRIVIAL, *arguments: str
) -> str | None:
    """Return what this machine lacks for a step: tried on a program that does nothing.

    That finds a sanitizer without its runtime, or one that the kernel does not let run.
    arguments: that program's.
    """
    for tool in (step.compiler[0], *step.under[:1]):
        if shutil.which(tool) is None:
            return f"there is no {tool}"
    source, program = folder / "trivial.c", folder / "trivial"
    source.write_text(trivial, "utf-8")
    compiling = [*step.compiler, *step.flags]
    command = [*compiling, str(source), "-o", str(program), *LIBRARIES]
    if run(command).returncode != 0:
        return f"{shlex.join(compiling)} cannot compile a program that does nothing"
    if run([*step.under, str(program), *arguments]).returncode != 0:
        return f"what {shlex.join(compiling)} makes of a program does not run here"
    return None


def build(step: Step, folder: Path) -> Path:
    """Compile all sources, two at a time; return the program.

    Raises CalledProcessError: the kernels or the cases do not compile.
    """
    program = folder / "check"
    sources = step.code.sources
    objects = [str(folder / f"{nth}.o") for nth in range(len(sources))]
    headers = [f"-I{folder}" for folder in step.code.folders]
    compiling = [*step.compiler, *step.flags, *headers, "-c"]
    commands = [
        [*compiling, *(FAST if source == TEXTBOOK else ()), str(source), "-o", made]
        for source, made in zip(sources, objects, strict=True)
    ]
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(run, commands):
            done.check_returncode()
    linking = [*step.compiler, *step.flags, *objects, "-o", str(program)]
    run([*linking, *LIBRARIES]).check_returncode()
    return program


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and keep what it prints.

    Raises TimeoutExpired: it hangs.
    """
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "UBSAN_OPTIONS": "print_stacktrace=1"},
        timeout=TIMEOUT_S,
    )


def attempt(step: Step) -> bool:
    """Do one step and print a line about it; return whether nothing is wrong."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tlog-kernels-") as name:
        folder = Path(name)
        if lack := lacking(step, folder):
            print(f"{step.name:24} skipped: {lack}", flush=True)
            return True
        try:
            program = build(step, folder)
        except subprocess.CalledProcessError as error:
            print(f"{step.name:24} does not compile\n{error.stderr[-4_000:]}")
            return False
        built_s = time.monotonic() - started
        done = run([*step.under, str(program), *step.arguments])
    seconds = (
        f"{built_s:.1f} s to compile, {time.monotonic() - started - built_s:.1f} s"
    )
    if done.returncode != 0:
        print(f"{step.name:24} failed, {done.returncode}: {seconds}")
        print(f"{done.stdout[-4_000:]}{done.stderr[:8_000]}", flush=True)
        return False
    checks = ", ".join(" ".join(line.split()) for line in done.stdout.splitlines())
    print(f"{step.name:24} {seconds}: {checks}", flush=True)
    return True


def main() -> int:
    """Do all steps, two at a time, also those after one that failed."""
    print("The hashing kernels and the scanner, in C alone", flush=True)
    with ThreadPoolExecutor(2) as pool:
        return 0 if all(list(pool.map(attempt, steps()))) else 1


if __name__ == "__main__":
    sys.exit(main())
