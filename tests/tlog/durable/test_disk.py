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
