"""A log moves from one place to another, and a crash at any step is gone on from.

Both places are folders here: what moves knows only the seams of both.
"""

import errno
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.faulty import Fault, FaultyDisk
from tests.faults.opened import ORIGIN, entries, running, settings
from tests.support.cases import case
from tests.support.folders import check, flip, in_journal
from tlog.durable.disk import SystemDisk
from tlog.errors import CorruptError, FatalError, RejectedError
from tlog.log.moving import Arrived, Moving, Side
from tlog.log.opening import open_log
from tlog.log.rebuilding import read_log_keys
from tlog.log.storage.folder import FolderLayout
from tlog.log.storage.journal_sqlite import SqliteJournal
from tlog.log.storage.kept import FolderText
from tlog.log.storage.moved import FolderMoved
from tlog.log.storage.objects_folder import FolderObjects

CHANGES = {
    *("put", "drop_partials", "replace_checkpoint", "replace_stored"),
    *("commit", "write"),
}


@dataclass
class Crash:
    """At the nth change of anything the process ends, before it or after it."""

    nth: int = 0
    persists: bool = False
    calls: int = 0

    def at(self, change: Callable[[], object]) -> None:
        self.calls += 1
        if self.calls != self.nth:
            change()
            return
        if self.persists:
            change()
        raise OSError(errno.EIO, "injected")


class Crashing:
    """One store of a side, whose changes may be the ones that a crash meets."""

    def __init__(self, real: Any, crash: Crash) -> None:
        self._real = real
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in CHANGES:
            return found

        def change(*values: object, **named: object) -> None:
            self._crash.at(lambda: found(*values, **named))

        return change


@contextmanager
def side(root: Path, crash: Crash) -> Iterator[Side]:
    """Open one place of a log; what is missing is made."""
    layout = FolderLayout(root)
    for it in (layout.public, layout.temporary):
        it.mkdir(parents=True, exist_ok=True)
    journal = SqliteJournal(layout.journal)
    parts = (
        journal,
        FolderObjects(layout.public, layout.temporary, SystemDisk()),
        FolderText(layout.contradictions),
        FolderText(layout.eras),
        FolderMoved(layout.moved),
    )
    try:
        yield Side(*(Crashing(part, crash) for part in parts))
    finally:
        journal.close()


def move(source: Path, target: Path, crash: Crash | None = None) -> Arrived:
    crash = crash or Crash()
    keys = read_log_keys(FolderLayout(source))
    with side(source, crash) as here, side(target, crash) as there:
        moving = Moving(keys, here, there)
        moving.copy(lambda done, total: None)
        return moving.finish()


def serves(root: Path) -> bool:
    """Return whether a start would take a place for a log that it may write."""
    with side(root, Crash()) as found:
        return found.journal.head() is not None and not found.moved.is_set


def public_files(root: Path) -> Mapping[str, bytes]:
    found = {it for it in (root / "public").rglob("*") if it.is_file()}
    return {it.relative_to(root).as_posix(): it.read_bytes() for it in found}


def become_a_log(root: Path, source: Path) -> None:
    """Give a place what a folder has besides: keys, verifier keys, format."""
    shutil.copytree(source / "keys", root / "keys", dirs_exist_ok=True)
    for name in ("log.vkey", "format"):
        shutil.copy(source / name, root / name)


def _refuse(source: Path, target: Path) -> None:
    raise OSError(errno.EIO, "injected", str(target))


@pytest.fixture(scope="module")
def unpublished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 700 entries, of which the last 100 are in the journal alone."""
    root = tmp_path_factory.mktemp("moving") / "log"
    with running(root) as log:
        log.submitting.pool.put(entries(0, 600)).result(60)
    broken = FaultyDisk(Fault("rename", 1, persists=False))
    broken.rename = _refuse  # type: ignore[method-assign]  # a disk that stays so
    with running(root, broken) as log:
        for start in (600, 650):
            log.submitting.pool.put(entries(start, start + 50)).result(60)
    (root / "contradictions").write_bytes(b"said by a witness\n")
    return root


@pytest.fixture
def source(unpublished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unpublished, tmp_path / "source"))


def test_a_log_that_moved_is_the_same_log(source: Path, tmp_path: Path) -> None:
    target, before = tmp_path / "target", public_files(source)
    assert Arrived(ORIGIN, 700, 600) == move(source, target)
    assert (False, True) == (serves(source), serves(target))
    after = public_files(target)
    assert before["public/checkpoint"] == after["public/checkpoint"]
    # What is not there any more are older widths of the same tiles.
    assert after.items() <= before.items()
    assert b"said by a witness\n" == (target / "contradictions").read_bytes()
    become_a_log(target, source)
    verdict = check(target, tree_only=True)
    assert (600, 700) == (verdict.published_size, verdict.signed_size)
    (target / "contradictions").unlink()
    with running(target) as log:
        # Each entry is known by the index that it had.
        receipt = log.submitting.pool.put(entries(0, 701)).result(60)
        assert list(range(701)) == [*receipt.indexes]


def test_a_crash_at_any_step_leaves_one_log_and_the_same_call_goes_on(
    unpublished: Path, tmp_path: Path
) -> None:
    counted = Crash()
    move(shutil.copytree(unpublished, tmp_path / "s"), tmp_path / "t", counted)
    expected = public_files(tmp_path / "t")
    assert counted.calls > 8
    for nth in range(1, counted.calls + 1):
        for persists in (False, True):
            with case(f"change {nth}, persists: {persists}"):
                folder = tmp_path / f"{nth}{persists}"
                source = shutil.copytree(unpublished, folder / "source")
                target = folder / "target"
                with pytest.raises(OSError, match="injected"):
                    move(source, target, Crash(nth, persists))
                assert not (serves(source) and serves(target))
                if not serves(target):
                    assert Arrived(ORIGIN, 700, 600) == move(source, target)
                assert (False, True) == (serves(source), serves(target))
                assert expected == public_files(target)
                shutil.rmtree(folder)


def test_a_log_goes_back_to_a_place_where_it_was(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    move(source, target)
    become_a_log(target, source)
    for it in (source, target):
        (it / "contradictions").unlink()
    with running(target) as log:
        log.submitting.pool.put(entries(700, 900)).result(60)
    assert Arrived(ORIGIN, 900, 900) == move(target, source)
    assert (True, False) == (serves(source), serves(target))
    verdict = check(source, tree_only=True)
    assert (900, 900) == (verdict.published_size, verdict.signed_size)


def _is_another_log(source: Path, target: Path) -> None:
    with running(target) as log:
        log.submitting.pool.put(entries(0, 5)).result(60)


def _is_a_log_of_this_key(source: Path, target: Path) -> None:
    shutil.copytree(source / "keys", target / "keys")
    with running(target) as log:
        log.submitting.pool.put(entries(0, 5)).result(60)


def _has_another_history(source: Path, target: Path) -> None:
    _is_a_log_of_this_key(source, target)
    with running(target) as log:
        log.submitting.pool.put(entries(1_000, 1_005)).result(60)
    FolderMoved(target / "moved").put(is_set=True)


def _is_longer(source: Path, target: Path) -> None:
    move(shutil.copytree(source, source.with_name("copy")), target)
    become_a_log(target, source)
    (target / "contradictions").unlink()
    with running(target) as log:
        log.submitting.pool.put(entries(700, 800)).result(60)
    FolderMoved(target / "moved").put(is_set=True)


def _has_taken_it(source: Path, target: Path) -> None:
    move(source, target)


def _was_of_another_key(source: Path, target: Path) -> None:
    _is_another_log(source, target)
    FolderMoved(target / "moved").put(is_set=True)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_is_another_log, "holds a log"),
        (_is_a_log_of_this_key, "holds a log"),
        (_has_another_history, "another history"),
        (_is_longer, "a longer log"),
        (_has_taken_it, "has moved already"),
        (_was_of_another_key, "another log"),
    ],
)
def test_a_target_that_is_not_this_log_is_refused(
    source: Path, tmp_path: Path, change: Callable[[Path, Path], None], why: str
) -> None:
    target = tmp_path / "target"
    change(source, target)
    before, served = public_files(target), serves(source)
    with pytest.raises(RejectedError, match=why):
        move(source, target)
    assert before == public_files(target)
    assert served == serves(source)


def _bundle_damaged(root: Path) -> None:
    flip(root / "public/tile/entries/001", 40)


def _batch_gone(root: Path) -> None:
    in_journal(root, "DELETE FROM batches WHERE start = 650")


def _checkpoint_damaged(root: Path) -> None:
    flip(root / "public/checkpoint", 30)


@pytest.mark.parametrize("damage", [_bundle_damaged, _batch_gone, _checkpoint_damaged])
def test_a_damaged_log_is_not_moved(
    source: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    target = tmp_path / "target"
    damage(source)
    with pytest.raises(CorruptError):
        move(source, target)
    assert (True, False) == (serves(source), serves(target))
    assert {} == public_files(target)


def test_a_place_that_a_log_has_left_is_not_served(
    source: Path, tmp_path: Path
) -> None:
    move(source, tmp_path / "target")
    with pytest.raises(RejectedError, match="this log has moved"):
        open_log(settings(source))


def test_a_journal_that_does_not_give_back_what_was_committed_is_found(
    source: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    keys = read_log_keys(FolderLayout(source))
    with side(source, Crash()) as here, side(target, Crash()) as there:
        moving = Moving(keys, here, there)
        moving.copy(lambda done, total: None)
        in_journal(
            target,
            "CREATE TRIGGER loses AFTER INSERT ON batches BEGIN "
            "DELETE FROM batches; END",
        )
        with pytest.raises(CorruptError, match="does not give back"):
            moving.finish()
    assert (False, False) == (serves(source), serves(target))


class RefusingBucket(Crashing):
    """Refuses as a bucket does that has other bytes where a tile belongs."""

    def put(self, tiles: object) -> None:
        raise FatalError("the bucket has other bytes")


def test_other_bytes_where_a_tile_belongs_are_another_log(
    source: Path, tmp_path: Path
) -> None:
    keys = read_log_keys(FolderLayout(source))
    with side(source, Crash()) as here, side(tmp_path / "t", Crash()) as there:
        target = there._replace(objects=RefusingBucket(there.objects, Crash()))
        with pytest.raises(RejectedError, match="another log: the bucket has other"):
            Moving(keys, here, target).copy(lambda done, total: None)
    assert serves(source)
