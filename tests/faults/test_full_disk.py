"""A full disk: entries stay durable, memory stays bounded, and it ends when told."""

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import cast

import pytest

from tests.faults.faulty import FullDisk
from tests.faults.opened import (
    PATIENCE_S,
    audit_folder,
    entries,
    fsck,
    let_go,
    running,
    settings,
    sqlite_journal,
    stepping,
    submit,
)
from tlog.errors import BusyError
from tlog.log.life import Log
from tlog.log.opening import open_log
from tlog.log.sequencer.pool import Receipt


def test_a_publisher_without_room_keeps_entries_and_recovers(tmp_path: Path) -> None:
    disk = FullDisk()
    with running(tmp_path, disk) as log:
        receipt = submit(log, entries(0, 300))
        assert disk.refused.wait(PATIENCE_S)
        assert receipt.indexes == submit(log, entries(0, 300)).indexes
        assert not (tmp_path / "public" / "checkpoint").exists()
        disk.is_full = False
        assert disk.published.wait(PATIENCE_S)
    assert entries(0, 300) == audit_folder(tmp_path).entries
    assert 0 == fsck(tmp_path)


def test_entries_that_could_not_be_published_are_published_by_the_next_start(
    tmp_path: Path,
) -> None:
    disk = FullDisk()
    with running(tmp_path, disk) as log:
        submit(log, entries(0, 300))
    assert disk.refused.is_set()
    assert not (tmp_path / "public" / "checkpoint").exists()
    with running(tmp_path) as log:
        assert 300 == log.heads.signed.size
    assert entries(0, 300) == audit_folder(tmp_path).entries
    assert 0 == fsck(tmp_path)


def test_a_failed_publication_is_counted(tmp_path: Path) -> None:
    disk = FullDisk()
    with running(tmp_path, disk) as log:
        submit(log, entries(0, 3))
    assert disk.refused.is_set()
    assert b"tlog_publish_failures_total 0.0" not in log.metrics.render()


def test_the_backlogs_bound_holds_the_sequencer_back(tmp_path: Path) -> None:
    disk = FullDisk()
    with running(tmp_path, disk, max_backlog_bytes=1000) as log:
        submit(log, entries(0, 10))
        held_back = log.submitting.pool.put(entries(10, 20))
        # The publisher's next refusal comes a second later: all that time it waits.
        disk.refused.clear()
        assert disk.refused.wait(PATIENCE_S)
        assert not held_back.done()
        assert 10 == log.heads.signed.size
        disk.is_full = False
        assert tuple(range(10, 20)) == held_back.result(PATIENCE_S).indexes


def test_a_pool_without_room_refuses_and_takes_again_later(tmp_path: Path) -> None:
    disk = FullDisk()
    bounds = {"max_backlog_bytes": 1, "max_pool_entries": 10}
    with running(tmp_path, disk, **bounds) as log:
        submit(log, entries(0, 1))
        waiting = [log.submitting.pool.put(entries(1, 9))]
        with pytest.raises(BusyError) as refused:
            _fill(log, waiting)
        assert disk.refused.wait(PATIENCE_S)
        assert 1 == refused.value.retry_after_s
        disk.is_full = False
        indexes = [it.result(PATIENCE_S).indexes for it in waiting]
        placed = sum(map(len, indexes))
        assert list(range(1, 1 + placed)) == [it for some in indexes for it in some]
        assert 1 + placed == submit(log, entries(2000, 2001)).indexes[0]


def _fill(log: Log, waiting: "list[Future[Receipt]]") -> None:
    """Put requests until one is refused; `waiting` takes note of the others."""
    for start in range(10, 1000, 5):
        waiting.append(log.submitting.pool.put(entries(start, start + 5)))


def _closing(log: Log) -> "Future[None]":
    closer = ThreadPoolExecutor(1)
    future = closer.submit(log.close)
    closer.shutdown(wait=False)
    return future


def test_closing_ends_while_the_disk_is_full(tmp_path: Path) -> None:
    disk = FullDisk()
    log = open_log(settings(tmp_path), disk=disk)
    log.start(lambda: None)
    submit(log, entries(0, 10))
    _closing(log).result(PATIENCE_S)
    assert disk.refused.is_set()
    with running(tmp_path) as log:
        assert 10 == log.heads.signed.size


def test_closing_ends_while_the_disk_is_full_and_the_backlog_is_too(
    tmp_path: Path,
) -> None:
    disk = FullDisk()
    log = open_log(settings(tmp_path, max_backlog_bytes=1), disk=disk)
    log.start(lambda: None)
    submit(log, entries(0, 10))
    held_back = log.submitting.pool.put(entries(10, 20))
    closing = _closing(log)
    try:
        closing.result(PATIENCE_S)
        assert disk.refused.is_set()
    finally:
        disk.is_full = False
        closing.result(PATIENCE_S)
    assert held_back.done()


def test_closing_lets_go_of_the_folder_when_the_journal_cannot_be_trimmed(
    tmp_path: Path,
) -> None:
    log = open_log(settings(tmp_path))
    log.start(lambda: None)
    submit(log, entries(0, 10))
    connection = cast("sqlite3.Connection", sqlite_journal(log).writing)
    refused: list[int] = []

    def authorize(action: int, *_: object) -> int:
        if action != sqlite3.SQLITE_DELETE:
            return sqlite3.SQLITE_OK
        refused.append(action)
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(authorize)
    try:
        log.close()
        assert refused
        assert not log.stores.folder.is_locked
    finally:
        if log.stores.folder.is_locked:
            let_go(log)
    with running(tmp_path) as log:
        assert 10 == log.heads.signed.size


def test_a_log_that_is_closed_has_not_stopped_by_itself(tmp_path: Path) -> None:
    log = open_log(settings(tmp_path))
    stopped = Event()
    log.start(stopped.set)
    log.close()
    assert not stopped.is_set()
    assert log.lifeline.failure is None


def test_a_log_that_was_opened_and_never_started_can_be_closed(
    tmp_path: Path,
) -> None:
    with stepping(tmp_path) as log:
        pass
    log = open_log(settings(tmp_path))
    try:
        log.close()
        assert not log.stores.folder.is_locked
    finally:
        if log.stores.folder.is_locked:
            let_go(log)
