"""The server and the load generator as processes, on a folder that is new.

The server is the command that people run, with its defaults: nothing is switched off.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

ORIGIN: Final = "benchmarks.example/log"
_STOP_S: Final = 600


@dataclass(frozen=True, slots=True)
class RunningLog:
    """A log that is being served by a process of its own."""

    folder: Path
    url: str
    key: str
    process: subprocess.Popen[str]

    def load(self, verb: str, *arguments: object, **flags: int) -> dict[str, float]:
        """Run the load generator and return its summary; stops if it failed.

        flags: its own, as connections and seed.
        """
        own = [f"--{name}={value}" for name, value in flags.items()]
        command = [sys.executable, "-m", "benchmarks.load"]
        command += [f"--url={self.url}", f"--key={self.key}", *own, verb]
        done = subprocess.run(
            [*command, *map(str, arguments)], stdout=subprocess.PIPE, check=True
        )
        summary: dict[str, float] = flatten(json.loads(done.stdout))
        return summary

    def fill(self, entries: int, seed: int = 1) -> None:
        """Submit `entries` through one connection; return when they are indexed."""
        arguments = (f"--entries={entries}", "--batch=10000")
        summary = self.load("submit", *arguments, connections=1, seed=seed)
        assert summary["end"] - summary["start"] == entries

    @property
    def cpu_s(self) -> float:
        """The CPU time that the server has used, in seconds."""
        return cpu_s(self.process)

    @property
    def resident_mib(self) -> float:
        """The server's resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        found = re.search(r"^VmRSS:\s*(\d+) kB", status, re.M)
        assert found is not None
        return int(found[1]) / 1024


@dataclass(frozen=True, slots=True)
class RunningWitness:
    """A witness that is being served by a process of its own.

    keys: its verifier keys.  logs: how many logs it knows.
    """

    url: str
    keys: list[str]
    logs: int
    process: subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class RunningGate:
    """A gate that is being served by a process of its own."""

    url: str
    process: subprocess.Popen[str]


def cpu_s(process: subprocess.Popen[str]) -> float:
    """Return the CPU time that a process has used, in seconds."""
    return cpu_of(process.pid)


def cpu_of(pid: int) -> float:
    """Return the CPU time that a process has used, in seconds."""
    stat = Path(f"/proc/{pid}/stat").read_text("ascii")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Hold a new folder, removed at the end; below TMPDIR, which must be a disk."""
    with tempfile.TemporaryDirectory(prefix="tlog-bench-") as name:
        yield Path(name)


@contextmanager
def serving(folder: Path, *flags: str, origin: str = ORIGIN) -> Iterator[RunningLog]:
    """Serve the log in `folder`, made if it is new; it must stop in good order."""
    with _command("serve", f"--data={folder}", f"--origin={origin}", *flags) as it:
        process, said = it
        yield RunningLog(folder, said["url"], said["verifier_keys"][0], process)


@contextmanager
def serving_witness(folder: Path, name: str, *flags: str) -> Iterator[RunningWitness]:
    """Serve a witness in `folder`; it must stop in good order."""
    with _command("witness", f"--data={folder}", f"--name={name}", *flags) as it:
        process, said = it
        yield RunningWitness(said["url"], said["verifier_keys"], said["logs"], process)


@contextmanager
def serving_gate(*flags: str) -> Iterator[RunningGate]:
    """Serve a gate on the files that the flags name; it must stop in good order."""
    with _command("gate", *flags) as it:
        process, said = it
        yield RunningGate(said["url"], process)


@contextmanager
def serving_rekor(binary: str, folder: Path, *flags: str) -> Iterator[str]:
    """Serve a new log by Sigstore's own server; yield its URL."""
    folder.mkdir()
    key = folder / "key.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    key.write_bytes(pem)
    ports = [free_port() for _ in range(3)]
    names = ("http-port", "grpc-port", "http-metrics-port")
    command = [binary, "serve", "--hostname=log.example.org", "--log-level=error"]
    command += [f"--{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += [f"--storage-dir={folder}", f"--signer-filepath={key}"]
    command += ["--persistent-antispam", *flags]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(ports[0])
            yield f"http://127.0.0.1:{ports[0]}"
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(port: int) -> None:
    """Wait until somebody listens there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return


@contextmanager
def _command(
    verb: str, *flags: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Run a command that serves; yield it and what it says when it is ready."""
    command = [sys.executable, "-m", "tlog", verb, "--json", "--listen=127.0.0.1:0"]
    clean = {name: it for name, it in os.environ.items() if name[:5] != "TLOG_"}
    with subprocess.Popen(
        [*command, *flags], env=clean, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(_STOP_S)
    assert status == 0, f"the server ended with {status}"


def flatten(document: dict[str, object]) -> dict[str, float]:
    """Return the numbers of a summary; those of a part as `part.name`."""
    flat: dict[str, float] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{part}": number for part, number in value.items()}
        elif isinstance(value, int | float):
            flat[name] = value
    return flat


def folder_bytes(folder: Path) -> int:
    """Return what the files below `folder` take on the disk, in whole blocks."""
    return sum(it.stat().st_blocks * 512 for it in folder.rglob("*") if it.is_file())


def drop_cached_pages(folder: Path) -> None:
    """Ask the kernel to forget the contents of all files below `folder`."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
