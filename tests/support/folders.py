"""Folders of stopped logs, and how tests damage and judge them."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import pytest

from tlog.fsck.check import Verdict, check_folder
from tlog.log.opening import open_log
from tlog.log.settings import LogSettings
from tlogverify.record import Record, Subject

SIZE = 600
INSERT_BATCH = "INSERT INTO batches VALUES (?, ?, ?)"
_DISK = "/var/tmp"  # noqa: S108 - a folder of its own is made there


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """Give a folder on a disk: others lie in memory, where nobody waits for one."""
    if not os.path.isdir(_DISK):
        pytest.skip(f"there is no {_DISK}")
    with TemporaryDirectory(dir=_DISK) as folder:
        if os.major(os.stat(folder).st_dev) == 0:
            pytest.skip(f"{_DISK} is on no disk")
        yield Path(folder)


def hides_waiting(folder: Path) -> bool:
    """Return whether a read there cannot be told not to wait for a disk."""
    with TemporaryFile(dir=folder) as file:
        try:
            os.preadv(file.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT)
        except OSError:
            return True
    return False


def entry(number: int) -> bytes:
    """Return the canonical bytes of a record that belongs to `number`."""
    digest = sha256(b"%d" % number).digest()
    return Record((Subject(digest),), sha256(digest).digest()).encode()


def grow_log(folder: Path, start: int, end: int) -> None:
    """Let a log grow by the entries [start, end) and close it."""
    log = open_log(LogSettings(data=folder, origin="fsck.example/log"))
    log.start(lambda: None)
    log.submitting.pool.put([entry(number) for number in range(start, end)]).result(60)
    log.close()


def check(folder: Path, *, tree_only: bool = False) -> Verdict:
    """Run fsck without anybody watching."""
    return check_folder(folder, lambda done, total: None, tree_only=tree_only)


def flip(path: Path, position: int) -> None:
    """Turn over the lowest bit of one byte."""
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def in_journal(folder: Path, sql: str, *parameters: object) -> None:
    """Run one statement on the journal."""
    with sqlite3.connect(folder / "journal.db") as connection:
        connection.execute(sql, parameters)
    connection.close()
