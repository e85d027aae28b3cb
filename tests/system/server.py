"""A real server as a process, started warm; only those started here are ended."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

from tests.support import warm
from tlogverify import Policy

ORIGIN = "log.example/system"
COMMAND = (sys.executable, "-m", "tlog")

_ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return this process's environment without settings of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TLOG_")}
    paths = [str(_ROOT), str(_ROOT / "client"), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def run_tlog(
    *arguments: str | Path, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; folder: where, if not in this checkout."""
    command = [*COMMAND, *arguments]
    return warm.run(command, environment=environment(), folder=folder)


class NotServingError(Exception):
    """The process ended before it served; status and stderr say why."""

    def __init__(self, status: int, stderr: str) -> None:
        self.status = status
        self.stderr = stderr
        super().__init__(f"exit status {status}: {stderr}")


class ServerProcess:
    """`tlog serve` on one folder, as often as it is started.

    url: of the present process.  told: what it said when it was ready.  stderr: what
    all processes wrote there.  variables, umask: of those to come; -1 changes nothing.
    """

    verb, name_flag = "serve", "--origin"

    def __init__(self, folder: Path, *arguments: str, origin: str = ORIGIN) -> None:
        self.folder = folder
        self.url = ""
        self.told: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.umask = -1
        self._errors = folder.with_name(f"{folder.name}.stderr")
        self._command = [*COMMAND, self.verb, "--data", str(folder), "--json"]
        self._command += ["--listen", "127.0.0.1:0", *arguments]
        if origin:
            self._command += [self.name_flag, origin]
        self._process: warm.Running | None = None

    @property
    def pid(self) -> int:
        """The id of the present process."""
        assert self._process is not None
        return self._process.pid

    @property
    def policy(self) -> Policy:
        """The policy that the server wrote."""
        return Policy.read(self.folder / "policy")

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    def launch(self) -> None:
        """Start the process and do not wait for it."""
        with self._errors.open("a") as errors:
            self._process = warm.start(
                self._command,
                stdout=subprocess.PIPE,
                stderr=errors,
                environment={**environment(), **self.variables},
                umask=self.umask,
            )

    def wait_until_ready(self) -> Self:
        """Wait for the first line of a launched process; NotServingError at its end."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self.wait()
            raise NotServingError(status, self.stderr)
        self.told = json.loads(line)
        self.url = self.told["url"]
        return self

    def start(self) -> Self:
        """Start the process and wait until it serves."""
        self.launch()
        return self.wait_until_ready()

    def wait_until_searchable(self, size: int) -> None:
        """Wait until the index covers so many entries: it follows the commit."""
        target = f"{self.url}/api/v1/search?digest=sha256:{'00' * 32}"
        covered = -1
        while covered < size:
            with urlopen(target) as answer:  # noqa: S310 - a loopback server of ours
                covered = json.loads(answer.read())["complete_to"]

    def terminate(self) -> int:
        """SIGTERM; return the exit status."""
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """SIGKILL, and wait for the end, which the signal must have made."""
        self.send(signal.SIGKILL)
        status = self.wait()
        assert -signal.SIGKILL == status, f"it had ended, {status}: {self.stderr}"

    def kill_without_waiting(self) -> None:
        """SIGKILL; whoever waits for the process learns of its end."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send one signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        assert self._process is not None
        status = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return status

    def end(self) -> None:
        """Kill the process if there is one."""
        if self._process is not None:
            self.send(signal.SIGKILL)
            self.wait()


class WitnessProcess(ServerProcess):
    """`tlog witness` on one folder; origin: its name."""

    verb, name_flag = "witness", "--name"

    @property
    def vkey(self) -> str:
        """The first of its verifier keys."""
        return str(self.told["verifier_keys"][0])


@contextmanager
def serving(
    folder: Path, *arguments: str, origin: str = ORIGIN
) -> Iterator[ServerProcess]:
    """Serve a folder; whatever is left of the process at the end is killed."""
    server = ServerProcess(folder, *arguments, origin=origin)
    try:
        yield server.start()
    finally:
        server.end()
