"""Witnesses that nobody here wrote, as processes: litewitness and omniwitness.

Each listens on a free port of this machine, knows one log, and keeps its state in its
folder, so that it can be stopped and started again.
"""

import base64
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.tlogverify.actors import COSIGNATURE, Actor
from tlogverify import parse_verifier_key

_NAME: Final = "witness.example/other"


def binary(name: str) -> str | None:
    """Return where a program is: as TLOG_LITEWITNESS says, or on the path."""
    return os.environ.get(f"TLOG_{name.upper()}") or shutil.which(name)


class _Processes:
    """One witness of one log; url: its submission prefix."""

    program: ClassVar[str]

    def __init__(self, folder: Path, log_vkey: str) -> None:
        self.folder = folder
        self.log_vkey = log_vkey
        self.origin = parse_verifier_key(log_vkey.encode()).name
        self.actor = Actor(_NAME, COSIGNATURE, f"key of {self.program}")
        self.seed = sha256(self.actor.seed.encode()).digest()
        folder.mkdir()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{taken.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def vkey(self) -> str:
        """What its cosignatures are verified with."""
        return self.actor.vkey.decode()

    def stop(self) -> None:
        """End it; it keeps its state."""
        while self._processes:
            process = self._processes.pop()
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _launch(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        with (self.folder / "output").open("ab") as output:
            process = subprocess.Popen(
                command,
                # A socket's path is short, and the folder's is not.
                cwd=self.folder,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )
        self._processes.append(process)
        return process

    def _serve(self, *arguments: str) -> None:
        """Launch the program, and wait until its port takes connections."""
        path = binary(self.program)
        assert path is not None
        process = self._launch([path, *arguments])
        host, port = self.address.split(":")
        while True:
            assert process.poll() is None, (self.folder / "output").read_text()
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return


class Litewitness(_Processes):
    """Torchwood's; its key is in an ssh-agent, its logs are rows of a database."""

    program = "litewitness"

    def start(self) -> None:
        """Start it and its agent, and wait until it answers."""
        (self.folder / "agent").unlink(missing_ok=True)
        agent = self._launch(["ssh-agent", "-D", "-a", "agent"])
        while not (self.folder / "agent").exists():
            assert agent.poll() is None, (self.folder / "output").read_text()
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        added = subprocess.run(
            ["ssh-add", "-q", "-"],
            cwd=self.folder,
            input=pem,
            env={**os.environ, "SSH_AUTH_SOCK": "agent"},
            check=False,
            capture_output=True,
        )
        assert 0 == added.returncode, added.stderr
        self._serve(
            *("-name", _NAME, "-key", self._fingerprint(), "-ssh-agent", "agent"),
            *("-db", "state.db", "-listen", self.address),
        )
        self._add_log()

    def _fingerprint(self) -> str:
        parts = (b"ssh-ed25519", self.actor.key.public_bytes)
        blob = b"".join(struct.pack(">I", len(it)) + it for it in parts)
        digest = base64.b64encode(sha256(blob).digest()).decode()
        return f"SHA256:{digest.rstrip('=')}"

    def _add_log(self) -> None:
        """Write what `witnessctl add-log` and `add-key` write."""
        empty = base64.b64encode(sha256().digest()).decode()
        with closing(sqlite3.connect(self.folder / "state.db")) as state, state:
            found = state.execute("SELECT 1 FROM log").fetchone()
            if found is None:
                state.execute("INSERT INTO log VALUES (?, 0, ?)", (self.origin, empty))
                state.execute(
                    "INSERT INTO key VALUES (?, ?)", (self.origin, self.log_vkey)
                )


class Omniwitness(_Processes):
    """transparency-dev's; keys and logs are files."""

    program = "omniwitness"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        named = self.actor.key.key_id.hex()
        seed = base64.b64encode(bytes([COSIGNATURE]) + self.seed).decode()
        key = f"PRIVATE+KEY+{_NAME}+{named}+{seed}"
        (self.folder / "key").write_text(key)
        (self.folder / "logs").write_text(
            f"Logs:\n  - Origin: {self.origin}\n    URL: http://127.0.0.1:9/\n"
            f"    PublicKey: {self.log_vkey}\n    Feeder: none\n"
        )
        self._serve(
            *("-private_key_path", "key", "-additional_logs", "logs"),
            *("-db_file", "state.db", "-listen", self.address, "-metrics_listen="),
        )


OtherWitness = Litewitness | Omniwitness
OTHER_WITNESSES: Final = (Litewitness, Omniwitness)
