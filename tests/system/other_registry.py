"""Registries that nobody here wrote, as processes on free ports of this machine."""

import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

WITHOUT_REFERRERS: Final = "docker-registry"
WITH_REFERRERS: Final = "referrers-registry"

_CONFIG: Final = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}}}}}
http: {{addr: "{address}"}}
"""


@contextmanager
def registry(program: str, folder: Path) -> Iterator[str]:
    """Run a registry that keeps its content in `folder`; give its host and port."""
    found = shutil.which(program)
    assert found is not None
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    command = [found, address]
    if program == WITHOUT_REFERRERS:
        config = folder / "config.yml"
        config.write_text(_CONFIG.format(folder=folder / "content", address=address))
        command = [found, "serve", str(config)]
    with (folder / "said").open("wb") as said:
        child = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        while not _answers(address):
            assert child.poll() is None, (folder / "said").read_text()
        yield address
    finally:
        child.terminate()
        child.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/") as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
