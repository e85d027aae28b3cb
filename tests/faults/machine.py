"""A machine whose calls fail on demand, for real processes: `machine.c`, compiled."""

import atexit
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

_SOURCE = Path(__file__).with_name("machine.c")


class FailingMachine:
    """What processes with its variables run on.

    folder: where its rules lie.  clock_s: what its clock says, unless None.
    """

    def __init__(self, folder: Path) -> None:
        self._rules = folder / "machine.rules"
        self.clock_s: int | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What puts a process on this machine."""
        told = {"LD_PRELOAD": str(_library()), "TLOG_TEST_FAULTS": str(self._rules)}
        if self.clock_s is not None:
            told["TLOG_TEST_CLOCK_S"] = str(self.clock_s)
        return told

    def breaks(self, call: str, number: int, part: str) -> None:
        """Let a call fail from now on where the path has `part` in it."""
        self._rules.write_text(f"{call} {number} {part}\n")

    def mends(self) -> None:
        """Let all calls be done again."""
        self._rules.unlink()


@cache
def _library() -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the machine cannot be made to fail")
    folder = mkdtemp(prefix="tlog-machine-")
    atexit.register(shutil.rmtree, folder)
    library = Path(folder) / "machine.so"
    flags = ["-shared", "-fPIC", "-O1", "-o", str(library)]
    subprocess.run([compiler, *flags, str(_SOURCE), "-ldl"], check=True)
    return library
