"""A bucket in somebody else's store: gofakes3, in its memory, on loopback."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import obstore
import pytest
from obstore.store import S3Store

from tests.support.bucket import NAME
from tests.support.postgres import free_port

MISSING = (
    "needs gofakes3 on the path or where TLOG_GOFAKES3 says: go install "
    "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"
)


@dataclass(frozen=True)
class RealBucket:
    """A bucket of a running store; url: of the store."""

    url: str

    @property
    def variables(self) -> dict[str, str]:
        """The environment in which a client finds it."""
        return {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret-of-the-bucket",
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
            access_key_id="test",
            secret_access_key="test",  # noqa: S106 - nobody looks at it
            client_options={"allow_http": True},
        )
        keys = [it["path"] for page in obstore.list(store) for it in page]
        return {key: bytes(obstore.get(store, key).bytes()) for key in keys}


@contextmanager
def real_bucket() -> Iterator[RealBucket]:
    """Run a store with one bucket; skip the test where there is none."""
    program = os.environ.get("TLOG_GOFAKES3") or shutil.which("gofakes3")
    if program is None:
        pytest.skip(MISSING)
    port = free_port()
    command = [program, "-backend", "memory", "-host", f"127.0.0.1:{port}"]
    serving = subprocess.Popen(
        [*command, "-initialbucket", NAME],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(port):
            assert serving.poll() is None
        yield RealBucket(f"http://127.0.0.1:{port}")
    finally:
        serving.kill()
        serving.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
