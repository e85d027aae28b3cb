"""Files that are there whole, or as they were before; their modes, and the folders'."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.folders import write_all_whole, write_whole


def test_files_are_written_and_no_draft_is_left(tmp_path: Path) -> None:
    files = {tmp_path / name: name.encode() for name in ("a", "b", "c")}
    write_all_whole(files)
    assert files == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("folder", ["a", "c"])
def test_a_file_that_cannot_be_written_is_named_and_all_stay(
    tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / "b").write_text("old")
    with pytest.raises(OSError, match=f"{tmp_path / folder}") as refused:
        write_all_whole({tmp_path / name: b"new" for name in ("a", "b", "c")})
    assert errno.EISDIR == refused.value.errno
    assert {"b", folder} == {path.name for path in tmp_path.iterdir()}
    assert "old" == (tmp_path / "b").read_text()


def test_a_folder_that_is_not_there_is_named_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as refused:
        write_whole(path, b"new")
    assert str(path) == refused.value.filename


@pytest.mark.parametrize("mode", [0o600, 0o664])
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, b"new")
    assert (mode, b"new") == (path.stat().st_mode & 0o777, path.read_bytes())


def test_a_link_at_the_name_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("another's")
    (tmp_path / ".file.new").symlink_to(other)
    write_whole(tmp_path / "file", b"new")
    assert "another's" == other.read_text()


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Let this process have a umask for one test."""
    umask: int = request.param
    before = os.umask(umask)
    yield umask
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_umask_decides_on_a_new_file_of_a_person(
    tmp_path: Path, umask: int
) -> None:
    write_whole(tmp_path / "file", b"new")
    assert 0o666 & ~umask == mode(tmp_path / "file")


@pytest.mark.parametrize("wanted", [0o600, 0o644])
def test_the_umask_does_not_decide_where_a_mode_is_given(
    tmp_path: Path, umask: int, wanted: int
) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"old")
    write_all_whole({tmp_path / "new": b"new", old: b"new"}, mode=wanted)
    assert {wanted} == {mode(tmp_path / "new"), mode(old)}


def test_a_durable_folder_can_be_read_whatever_the_umask(
    tmp_path: Path, umask: int
) -> None:
    public, drafts = tmp_path / "public", tmp_path / "drafts"
    public.mkdir()
    drafts.mkdir()
    # An attempt that was killed has left a folder before it had its mode.
    (public / "tile").mkdir(mode=0o700)
    (drafts / "000").touch(mode=0o600)
    DurableFolder(public, drafts, SystemDisk()).put({public / "tile/0/000": b"new"})
    assert {0o755} == {mode(public / "tile"), mode(public / "tile/0")}
    assert 0o644 == mode(public / "tile/0/000")
