"""One fault at each call of publishing, lost or persisted; then a restart."""

from pathlib import Path

import pytest

from tests.faults.faulty import Fault, FaultyDisk, RecordingDisk
from tests.faults.opened import (
    audit_folder,
    entries,
    fsck,
    head_of,
    public_head,
    require_extends,
    step,
    stepping,
)
from tlog.errors import FatalError
from tlog.log.life import Log
from tlogverify import Checkpoint

BATCHES = [entries(0, 100), entries(100, 300), entries(300, 800)]
# Of 17 files, and rather more folders.
CALLS = [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 14, 17]

TABLE = [
    pytest.param("write", False, OSError, id="write-lost"),
    pytest.param("write", True, OSError, id="written-answer-lost"),
    pytest.param("sync", False, FatalError, id="sync-lost"),
    pytest.param("sync", True, FatalError, id="synced-answer-lost"),
    pytest.param("rename", False, OSError, id="rename-lost"),
    pytest.param("rename", True, OSError, id="renamed-answer-lost"),
    pytest.param("sync_folder", False, FatalError, id="folder-lost"),
    pytest.param("sync_folder", True, FatalError, id="folder-synced-answer-lost"),
]


def _grow_until_it_breaks(folder: Path, fault: Fault) -> tuple[int, list[Checkpoint]]:
    """Commit and publish; return what was acknowledged, and every head seen."""
    heads: list[Checkpoint] = []
    acknowledged = 0
    with stepping(folder, FaultyDisk(fault)) as log:
        try:
            for batch in BATCHES:
                (receipt,) = step(log, batch)
                acknowledged += len(receipt.indexes)
                heads.append(head_of(log, receipt.snapshot.note))
                log.publisher.publish()
        except (OSError, FatalError):
            # What a static server shows at this moment has been seen, too.
            if log.stores.objects.checkpoint() is not None:
                heads.append(public_head(log))
    return acknowledged, heads


@pytest.mark.parametrize("nth", CALLS)
@pytest.mark.parametrize(("call", "persists", "error"), TABLE)
def test_no_fault_of_the_disk_forks_the_log(
    tmp_path: Path, call: str, persists: bool, error: type[Exception], nth: int
) -> None:
    del error
    fault = Fault(call, nth, persists)
    acknowledged, heads = _grow_until_it_breaks(tmp_path, fault)
    assert fault.has_struck
    with stepping(tmp_path) as log:
        assert acknowledged == log.heads.signed.size
        for head in heads:
            require_extends(log, head)
        everything = [it for batch in BATCHES for it in batch]
        (receipt,) = step(log, everything)
        assert tuple(range(800)) == receipt.indexes
        log.publisher.publish()
    assert everything == audit_folder(tmp_path).entries
    assert 0 == fsck(tmp_path)


def _publish_twice(log: Log) -> None:
    log.publisher.publish()
    step(log, BATCHES[0])
    log.publisher.publish()


@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize(("call", "persists", "error"), TABLE)
def test_a_fault_is_fatal_only_where_the_disk_is_unknown(
    tmp_path: Path, call: str, persists: bool, error: type[Exception], nth: int
) -> None:
    fault = Fault(call, nth, persists)
    with stepping(tmp_path, FaultyDisk(fault)) as log:
        step(log, BATCHES[1])
        with pytest.raises(error):
            _publish_twice(log)
        assert fault.has_struck


@pytest.mark.parametrize("call", ["write", "rename"])
@pytest.mark.parametrize("nth", range(1, 7))
def test_what_could_not_be_published_is_published_by_the_next_attempt(
    tmp_path: Path, call: str, nth: int
) -> None:
    fault = Fault(call, nth, False)
    with stepping(tmp_path, FaultyDisk(fault)) as log:
        step(log, BATCHES[1])
        with pytest.raises(OSError, match="injected"):
            _publish_twice(log)
        assert fault.has_struck
        (receipt,) = step(log, BATCHES[2])
        log.publisher.publish()
        assert receipt.snapshot.size == public_head(log).size
        assert receipt.snapshot.size == log.stores.index.complete_to
    assert receipt.snapshot.size == len(audit_folder(tmp_path).entries)
    assert 0 == fsck(tmp_path)


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_folders_that_a_failed_attempt_made_are_durable_after_the_next(
    tmp_path: Path, nth: int
) -> None:
    fault = Fault("write", nth, False)
    disk = RecordingDisk(FaultyDisk(fault))
    with stepping(tmp_path, disk) as log:
        step(log, BATCHES[1])
        with pytest.raises(OSError, match="injected"):
            log.publisher.publish()
        assert fault.has_struck
        log.publisher.publish()
    _require_durable_names(tmp_path / "public", disk)


def test_folders_that_a_crash_left_are_durable_before_the_next_checkpoint(
    tmp_path: Path,
) -> None:
    fault = Fault("sync", 1, False)
    with stepping(tmp_path, FaultyDisk(fault)) as log:
        step(log, BATCHES[1])
        with pytest.raises(FatalError):
            log.publisher.publish()
        assert fault.has_struck
    disk = RecordingDisk()
    with stepping(tmp_path, disk) as log:
        log.publisher.publish()
    _require_durable_names(tmp_path / "public", disk)


def _require_durable_names(public: Path, disk: RecordingDisk) -> None:
    """Each name on the way to each file was made durable by syncing its folder."""
    files = [path for path in public.rglob("*") if path.is_file()]
    assert [] != files
    for file in files:
        above = [it for it in file.parents if it.is_relative_to(public)]
        assert [] == sorted(set(above) - disk.synced), file


@pytest.mark.parametrize("count", [0, 300])
def test_a_log_that_ended_before_its_first_publication_is_whole(
    tmp_path: Path, count: int
) -> None:
    with stepping(tmp_path) as log:
        if count:
            step(log, BATCHES[2][:count])
    assert 0 == fsck(tmp_path)


def test_a_checkpoint_is_replaced_only_after_all_its_files_are_durable(
    tmp_path: Path,
) -> None:
    disk = RecordingDisk()
    with stepping(tmp_path, disk) as log:
        for batch in BATCHES:
            step(log, batch)
            log.publisher.publish()
    public = tmp_path / "public"
    pending: set[Path] = set()
    for call, path in disk.calls:
        if call == "sync_folder":
            pending = {it for it in pending if it.parent != path}
        elif call == "rename" and path == public / "checkpoint":
            assert set() == pending
        elif call == "rename":
            pending.add(path)
