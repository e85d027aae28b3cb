"""The machine's disk, and a folder whose files are whole and durable."""

import errno
import os
from pathlib import Path

import pytest

from tests.faults.faulty import RecordingDisk
from tlog.durable.disk import DurableFolder, SyncError, SystemDisk


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("public", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path / "public", tmp_path / "tmp"


def test_nothing_to_put_is_nothing_done(folders: tuple[Path, Path]) -> None:
    disk = RecordingDisk()
    DurableFolder(*folders, disk).put({})
    assert [] == disk.calls


def test_a_failed_sync_is_fatal(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(SyncError, match="could not be synced: Input"):
        SystemDisk().write(folders[1] / "file", b"content")
    with pytest.raises(SyncError, match="could not be synced: Input"):
        SystemDisk().sync_folder(folders[0])


def test_a_write_that_the_system_cuts_short_goes_on(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = os.write, []

    def cut_short(fd: int, view: memoryview) -> int:
        written.append(write(fd, view[:5]))
        return written[-1]

    monkeypatch.setattr(os, "write", cut_short)
    SystemDisk().write(folders[1] / "file", b"content of a file")
    assert [5, 5, 5, 2] == written
    assert b"content of a file" == (folders[1] / "file").read_bytes()


class FailingDisk(RecordingDisk):
    """A disk on which the files of some names cannot be written."""

    def __init__(self, failures: dict[str, Exception]) -> None:
        super().__init__()
        self._failures = failures

    def write(self, path: Path, content: bytes) -> None:  # type: ignore[explicit-override]  # typing: from 3.12
        if failure := self._failures.get(content.decode()):
            raise failure
        super().write(path, content)


def many(public: Path) -> dict[Path, bytes]:
    """Return files for several threads; every two of them are namesakes."""
    return {
        public / folder / f"{nth:03}": f"{folder} {nth}".encode()
        for nth in range(40)
        for folder in ("0", "entries")
    }


def test_many_files_are_whole_and_their_folders_are_synced_last(
    folders: tuple[Path, Path],
) -> None:
    disk, files = RecordingDisk(), many(folders[0])
    DurableFolder(*folders, disk).put(files)
    assert files == {path: path.read_bytes() for path in files}
    assert [] == [*folders[1].iterdir()]
    steps = [step for step, _ in disk.calls]
    assert 2 * len(files) == steps.index("sync_folder")
    assert {*files} == {path for step, path in disk.calls if step == "rename"}
    synced = [path for step, path in disk.calls if step == "sync_folder"]
    assert [folders[0], folders[0] / "0", folders[0] / "entries"] == synced


def test_of_many_files_one_that_fails_is_told_and_the_worst_first(
    folders: tuple[Path, Path],
) -> None:
    full, lost = OSError(errno.ENOSPC, "full"), SyncError("lost")
    for failures, expected in (
        ({"0 3": full}, full),
        ({"0 3": lost}, lost),
        ({"0 2": full, "entries 39": lost}, lost),
        ({"0 2": lost, "entries 39": full}, lost),
    ):
        disk = FailingDisk(dict(failures))
        with pytest.raises(type(expected)):
            DurableFolder(*folders, disk).put(many(folders[0]))
        # No name is durable that nobody was told of.
        assert "sync_folder" not in {step for step, _ in disk.calls}
