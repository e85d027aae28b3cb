"""A folder in which the documents' commands run, as a reader types them.

What differs from a reader's terminal: `tlog`, `python` and `sigstore` are those that
run these tests, the log listens on a free port, which takes the place of 8080, a
stand-in's address takes that of somebody else's service, and nobody searches before the
index has what was submitted: a reader is not that fast.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.docs.documents import ROOT, Block
from tests.support import warm

WRITTEN_ADDRESSES = ("127.0.0.1:8080", "localhost:8080")
WARM = ("tlog", "sigstore")

SEARCHABLE = """
import sys
from urllib.request import urlopen
while b"\\ntlog_index_lag_entries 0.0\\n" not in urlopen(sys.argv[1]).read():
    pass
"""


class Workplace:
    """One folder and at most one log that runs in it.

    replaced: what else a document writes, and what takes its place here.  environment,
    descriptors: with which its commands are run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        commands = folder / "bin"
        commands.mkdir()
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TLOG_")}
        self.environment = {
            **kept,
            "PATH": os.pathsep.join([str(commands), kept["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "client")]),
            "TLOG_LISTEN": "127.0.0.1:0",
        }
        found: dict[str, tuple[list[str], tuple[int, ...]]]
        found = {"python": ([sys.executable], ())}
        found |= {it: warm.command(it, self.environment) for it in WARM}
        for name, (start, _) in found.items():
            command = commands / name
            command.write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n')
            command.chmod(0o755)
        self._wait = folder / "wait.py"
        self._wait.write_text(SEARCHABLE)
        self.descriptors = [it for _, given in found.values() for it in given]
        self._log: subprocess.Popen[str] | None = None
        self.url, self._search = "", "tlog search"
        self.replaced: dict[str, str] = {}

    def serve(self, command: str) -> None:
        """Start a log by its command, and wait until it serves."""
        self._log = subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            cwd=self.folder,
            env=self.environment,
            pass_fds=self.descriptors,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._log.stdout is not None
        for line in self._log.stdout:
            if line.startswith("serving "):
                self.url = line.removeprefix("serving ").strip()
                wait = [sys.executable, "-IS", str(self._wait), f"{self.url}/metrics"]
                self._search = f"{shlex.join(wait)} && tlog search"
                return
        raise AssertionError(f"{command} did not serve")

    def stop(self) -> int:
        """Stop the log as an operator does; return its exit status."""
        assert self._log is not None
        self._log.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        """Wait until the log has ended by itself; return its exit status."""
        assert self._log is not None
        self._log.communicate()
        status, self._log = self._log.returncode, None
        return status

    def run(self, block: Block) -> None:
        """Run a block of shell commands or Python; it must succeed."""
        text = self._placed(block.text)
        commands = {
            "sh": ["sh", "-e", "-c", text],
            "python": [sys.executable, "-W", "error", "-c", text],
        }
        result = subprocess.run(
            commands[block.language],
            cwd=self.folder,
            env=self.environment,
            pass_fds=self.descriptors,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == result.returncode, f"{block.place}\n{result.stdout}{result.stderr}"

    def run_lines(self, block: Block) -> None:
        """Run a block of shell commands; those that are `tlog` alone are started warm.

        A line may end with a test for status 1, as a reader's script has it.
        """
        for line in self._placed(block.text).splitlines():
            bare, _, _ = line.partition(" || test $? -eq 1")
            if not bare.startswith("tlog ") or set(bare) & set("|&;<>$\\"):
                self.run(replace(block, text=line))
                continue
            done = warm.run(
                [sys.executable, "-m", *shlex.split(bare)],
                environment=self.environment,
                folder=self.folder,
            )
            allowed = {0} if bare == line else {0, 1}
            assert done.returncode in allowed, f"{line}\n{done.stdout}{done.stderr}"

    def _placed(self, text: str) -> str:
        """Return a text with the addresses, names and waits that it has here."""
        port = self.url.rpartition(":")[2]
        for written in WRITTEN_ADDRESSES:
            text = text.replace(written, written.replace("8080", port))
        for written, found in self.replaced.items():
            text = text.replace(written, found)
        return re.sub("^tlog search", lambda _: self._search, text, flags=re.MULTILINE)

    def end(self) -> None:
        """Kill the log if it still runs."""
        if self._log is not None:
            self._log.kill()
            self._log.communicate()
