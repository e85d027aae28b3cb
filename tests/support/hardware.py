"""Keys that no file holds: a token of SoftHSM, and a real ssh-agent; or a skip."""

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PIN = "71946203"
_MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token; variables: what a process needs in its environment to see it."""

    folder: Path
    module: Path

    @property
    def variables(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def uri(self, name: str) -> str:
        """Return the URI of the key of that name."""
        return (
            f"pkcs11:token=tlog;object={name}?module-path={self.module}"
            f"&pin-source=file:{self.pin_file}"
        )

    def run(self, *command: str) -> str:
        """Run a tool of the token's; return what it says."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.variables},
        )
        assert 0 == done.returncode, done.stderr
        return done.stdout


def make_token(folder: Path, label: str = "tlog") -> SoftToken:
    """Make an empty token in a folder; skip the test where there is no SoftHSM."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    module = next((it for it in _MODULES if it.exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    (folder / "tokens").mkdir(parents=True)
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    token = SoftToken(folder, module)
    token.pin_file.touch(0o600)
    token.pin_file.write_text(f"{PIN}\n")
    init = ("softhsm2-util", "--init-token", "--free", "--label", label)
    token.run(*init, "--pin", PIN, "--so-pin", "1234")
    return token


class Agent:
    """An ssh-agent at a socket of its own, which can end and come back."""

    def __init__(self, folder: Path) -> None:
        for program in ("ssh-agent", "ssh-add", "ssh-keygen"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is missing: apt-get install openssh-client")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "agent"

    @property
    def variables(self) -> dict[str, str]:
        return {"SSH_AUTH_SOCK": str(self.socket)}

    def make_key(self, kind: str = "ed25519") -> str:
        """Make a key, which the agent is given when it starts; return its URI."""
        path = self._folder / kind
        flags = [
            "-t",
            kind,
            *(["-b", "2048"] if kind == "rsa" else []),
            "-N",
            "",
            "-C",
            kind,
            "-f",
            str(path),
        ]
        subprocess.run(["ssh-keygen", "-q", *flags], check=True)
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(path)],
            capture_output=True,
            text=True,
            check=True,
        )
        return f"ssh-agent:{shown.stdout.split()[1]}"

    def start(self) -> None:
        """Start the agent, and give it all keys."""
        self.socket.unlink(missing_ok=True)
        command = ["ssh-agent", "-D", "-a", str(self.socket)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while not self.socket.exists():
            assert self._process.poll() is None, "ssh-agent ended at once"
        for public in self._folder.glob("*.pub"):
            subprocess.run(
                ["ssh-add", "-q", str(public.with_suffix(""))],
                check=True,
                env={**os.environ, **self.variables},
            )

    def end(self) -> None:
        """End the agent, if it runs."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None
