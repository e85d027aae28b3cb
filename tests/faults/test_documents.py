"""A machine that fails under the store: 503, nothing half, and never an absence."""

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machine import FailingMachine
from tests.support.cases import case
from tests.system.server import ServerProcess
from tlogclient import BlockingLog, UnavailableError
from tlogverify import Record
from tlogverify.record import Subject


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> FailingMachine:
    return FailingMachine(tmp_path_factory.mktemp("machine"))


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, machine: FailingMachine
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("documents") / "log"
    server = ServerProcess(folder, "--documents", "--publish-interval-ms", "0")
    server.variables = machine.variables
    try:
        yield server.start()
    finally:
        server.end()


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def files(server: ServerProcess) -> set[str]:
    root = server.folder / "documents"
    return {
        it.name
        for folder in ("stored", "pending", "tmp", "damaged")
        for it in (root / folder).rglob("*")
        if it.is_file()
    }


def test_a_document_is_stored_whole_or_not_at_all(
    server: ServerProcess, machine: FailingMachine
) -> None:
    with BlockingLog(server.url, server.policy, timeout_s=4) as log:
        for call, number, part in (
            ("write", errno.ENOSPC, "documents/tmp"),
            ("sync", errno.EIO, "documents/tmp"),
            ("rename", errno.ENOSPC, "documents/stored"),
            ("sync", errno.EIO, "documents/stored"),
            ("write", errno.ENOSPC, "documents/facts"),
            ("open", errno.EMFILE, "documents/tmp"),
        ):
            content = os.urandom(300_000)
            record = Record((Subject(sha256(b"artifact")),), sha256(content))
            index = log.submit_one(record).index
            before = files(server)
            with case(f"{call} {errno.errorcode[number]} {part}"):
                machine.breaks(call, number, part)
                try:
                    with pytest.raises(UnavailableError) as failed:
                        log.put_document(content, entry=index)
                finally:
                    machine.mends()
                assert "unavailable (503)" in str(failed.value)
                assert before == files(server)
                log.put_document(content, entry=index)
                assert content == log.document(f"sha256:{sha256(content).hex()}")


def test_a_document_that_cannot_be_read_now_is_not_called_absent_or_damaged(
    server: ServerProcess, machine: FailingMachine
) -> None:
    content = os.urandom(300_000)
    name = f"sha256:{sha256(content).hex()}"
    record = Record((Subject(sha256(b"artifact")),), sha256(content))
    with BlockingLog(server.url, server.policy, timeout_s=4) as log:
        log.put_document(content, entry=log.submit_one(record).index)
        for call, number, part in (
            ("open", errno.EMFILE, "documents/stored"),
            ("open", errno.EIO, "documents/stored"),
            ("open", errno.EMFILE, "documents/tombs"),
        ):
            with case(f"{call} {errno.errorcode[number]} {part}"):
                machine.breaks(call, number, part)
                try:
                    for asked in (log.document, log.attestations):
                        with pytest.raises(UnavailableError) as failed:
                            asked(
                                name
                                if asked == log.document
                                else f"sha256:{sha256(b'artifact').hex()}"
                            )
                        assert "unavailable (503)" in str(failed.value)
                finally:
                    machine.mends()
                assert content == log.document(name)
    assert not [*Path(server.folder, "documents", "damaged").iterdir()]
