"""Tessera's POSIX log as a process of its own; what it lacks is said once."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.running import cpu_s, flatten

_GO: Final = Path(__file__).parent / "tessera"


@dataclass(frozen=True, slots=True)
class RunningTessera:
    """A Tessera log that is being served."""

    url: str
    process: subprocess.Popen[str]

    @property
    def cpu_s(self) -> float:
        """The CPU time that it has used, in seconds."""
        return cpu_s(self.process)

    def add(self, entries: int, connections: int, *flags: str) -> dict[str, float]:
        """Add entries one by one from another process, and return what that saw."""
        command = [sys.executable, "-m", "benchmarks.peers.adding", f"--url={self.url}"]
        command += [f"--entries={entries}", f"--connections={connections}", *flags]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        return flatten(json.loads(done.stdout))


def build_tessera(scratch: Path) -> Path | None:
    """Return the program, built into `scratch`; None where that cannot be done."""
    program = scratch / "tessera"
    if shutil.which("go") is None:
        print("Tessera is left out: there is no Go here", file=sys.stderr)
        return None
    built = subprocess.run(["go", "build", "-o", program, "."], cwd=_GO, check=False)
    if built.returncode:
        print("Tessera is left out: it cannot be built here", file=sys.stderr)
        return None
    return program


@contextmanager
def serving_tessera(
    program: Path, folder: Path, *flags: str
) -> Iterator[RunningTessera]:
    """Serve a new log in `folder` until the block ends."""
    with subprocess.Popen(
        [program, f"-folder={folder}", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield RunningTessera(process.stdout.readline().strip(), process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
