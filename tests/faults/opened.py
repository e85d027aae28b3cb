"""Logs opened in this process: with their threads, or driven step by step."""

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from tests.system.audit import Audited, audit, paths_of_size
from tlog.cli import main
from tlog.durable.disk import Disk
from tlog.entries.packed import Packed
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.sequencer.pool import Receipt, Ticket
from tlog.log.settings import LogSettings
from tlog.log.storage.journal_sqlite import SqliteJournal
from tlogverify import Checkpoint, Policy, Record, verify_consistency
from tlogverify.record import Subject
from tlogverify.signed import open_checkpoint

ORIGIN = "log.example/tests"

# A wait that ends a test which would hang; nothing is measured by it.
PATIENCE_S = 240


@cache
def entry(number: int, salt: str = "") -> bytes:
    """Return one canonical entry; another for each number and salt."""
    digest = hashlib.sha256(f"{salt}{number}".encode()).digest()
    return Record((Subject(digest),), digest).encode()


def entries(start: int, end: int, salt: str = "") -> list[bytes]:
    """Return the entries of [start, end)."""
    return [entry(number, salt) for number in range(start, end)]


def settings(folder: Path, **changes: Any) -> LogSettings:
    """Return settings that publish each batch at once."""
    return LogSettings(data=folder, origin=ORIGIN, publish_interval_ms=0, **changes)


@contextmanager
def running(folder: Path, disk: Disk | None = None, **changes: Any) -> Iterator[Log]:
    """Open a log with its two threads, and close it."""
    log = open_log(settings(folder, **changes), disk=disk)
    log.start(lambda: None)
    try:
        yield log
    finally:
        log.close()


@contextmanager
def stepping(folder: Path, disk: Disk | None = None, **changes: Any) -> Iterator[Log]:
    """Open a log without its threads, and let go of its files as a crash would."""
    log = open_log(settings(folder, **changes), disk=disk)
    try:
        yield log
    finally:
        let_go(log)


def sqlite_journal(log: Log) -> SqliteJournal:
    """Return the journal of a log that is one folder."""
    assert isinstance(log.stores.journal, SqliteJournal)
    return log.stores.journal


def let_go(log: Log) -> None:
    """Close the files of a log whose threads were never started."""
    log.stores.index.close()
    log.stores.journal.close()
    log.stores.folder.close()


def submit(log: Log, wanted: Sequence[bytes]) -> Receipt:
    """Submit to a running log and wait for the receipt."""
    return log.submitting.pool.put(list(wanted)).result(PATIENCE_S)


def step(log: Log, *requests: Sequence[bytes]) -> list[Receipt]:
    """Commit all requests in one batch, on this thread."""
    receipts: list[Future[Receipt]] = [Future() for _ in requests]
    tickets = [
        Ticket(Packed.of(request), receipt)
        for request, receipt in zip(requests, receipts, strict=True)
    ]
    log.sequencer.sequence(tickets)
    return [receipt.result(0) for receipt in receipts]


def head_of(log: Log, note: bytes) -> Checkpoint:
    """Open a note with the log's keys."""
    return open_checkpoint(note, *log.keys)


def public_head(log: Log) -> Checkpoint:
    """Return what a static server over the public folder says."""
    return head_of(log, (log.stores.folder.layout.public / "checkpoint").read_bytes())


def require_extends(log: Log, old: Checkpoint) -> None:
    """Prove that the newest head of `log` extends `old`."""
    snapshot = log.heads.signed
    path = asyncio.run(
        log.reading.prover.consistency(snapshot, old.size, snapshot.size)
    )
    new = head_of(log, snapshot.note)
    verify_consistency(old.size, new.size, path, old.root, new.root)


def audit_folder(folder: Path) -> Audited:
    """Verify a stopped log's public folder from its bytes alone."""
    public = folder / "public"
    note = (public / "checkpoint").read_bytes()
    policy = Policy.parse((folder / "policy").read_bytes())
    checkpoint = policy.open_checkpoint(note).checkpoint
    files = {
        path: (public / path).read_bytes() for path in paths_of_size(checkpoint.size)
    }
    return audit(checkpoint, files)


def fsck(folder: Path) -> int:
    """Run `tlog fsck` on a stopped log; its exit status."""
    return main(["fsck", str(folder)])
