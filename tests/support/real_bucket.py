"""A bucket in somebody else's store on loopback: of gofakes3, or of versitygw.

gofakes3 keeps it in memory, and versitygw in a folder, which needs extended attributes.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

from tests.support.bucket import NAME
from tests.support.postgres import free_port

MISSING = {
    "gofakes3": "needs gofakes3 on the path or where TLOG_GOFAKES3 says: go install "
    "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0",
    "versitygw": "needs versitygw on the path or where TLOG_VERSITYGW says: go install "
    "github.com/versity/versitygw/cmd/versitygw@v1.8.0",
}
KEY_ID, SECRET = "test", "test-secret-of-the-bucket"


@dataclass(frozen=True)
class RealBucket:
    """A bucket of a running store; url: of the store."""

    url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": "us-east-1",
        }

    @property
    def objects(self) -> dict[str, bytes]:
        """All that is stored, by its key."""
        store = S3Store(
            NAME,
            endpoint=self.url,
            region="us-east-1",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )
        keys = [it["path"] for page in obstore.list(store) for it in page]
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}


@contextmanager
def real_bucket(name: str = "gofakes3") -> Iterator[RealBucket]:
    """Run a store with one bucket; skip the test where there is none."""
    program = os.environ.get(f"TLOG_{name.upper()}") or shutil.which(name)
    if program is None:
        pytest.skip(MISSING[name])
    port = free_port()
    # On a disk: what lies in memory may have no extended attributes.
    with tempfile.TemporaryDirectory(prefix="tlog-bucket-", dir="/var/tmp") as folder:
        (Path(folder) / NAME).mkdir()
        serving = subprocess.Popen(
            [program, *_arguments(name, port, folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not answers(port):
                assert serving.poll() is None
            yield RealBucket(f"http://127.0.0.1:{port}")
        finally:
            serving.kill()
            serving.wait()


def _arguments(name: str, port: int, folder: str) -> list[str]:
    address = f"127.0.0.1:{port}"
    if name == "gofakes3":
        return ["-backend", "memory", "-host", address, "-initialbucket", NAME]
    return [
        *("--access", KEY_ID, "--secret", SECRET, "--region", "us-east-1"),
        *("--port", address, "posix", folder),
    ]


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
