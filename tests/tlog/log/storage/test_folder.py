"""The layout of a folder and the version of its format."""

from pathlib import Path

import pytest

from tlog.errors import CorruptError, RejectedError
from tlog.log.storage.folder import FORMAT_VERSION, LogFolder


def test_a_new_folder_is_made_with_its_format(tmp_path: Path) -> None:
    with LogFolder(tmp_path / "a" / "log") as folder:
        layout = folder.layout
        assert folder.is_locked
        assert f"{FORMAT_VERSION}\n" == layout.format_file.read_text()
        assert 0o700 == layout.keys.stat().st_mode & 0o777
        assert layout.public.is_dir()
        assert layout.temporary.is_dir()
    assert not folder.is_locked


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "format").write_text(f"{FORMAT_VERSION + 1}\n")
    told = rf"says {FORMAT_VERSION + 1}; .* install a newer tlog-server"
    with pytest.raises(RejectedError, match=told):
        LogFolder(tmp_path)
    assert f"{FORMAT_VERSION + 1}\n" == (tmp_path / "format").read_text()


@pytest.mark.parametrize("content", [b"one\n", b"-1\n", b"1.0\n", b"\xff\n", b"1 2\n"])
def test_a_format_that_is_no_number_is_corrupt(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "format").write_bytes(content)
    with pytest.raises(CorruptError, match="not a number"):
        LogFolder(tmp_path)


def test_a_journal_without_a_format_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    with pytest.raises(CorruptError, match="the format version is missing"):
        LogFolder(tmp_path)


def test_a_refused_folder_can_be_taken_once_it_is_repaired(tmp_path: Path) -> None:
    (tmp_path / "format").write_bytes(b"one\n")
    with pytest.raises(CorruptError):
        LogFolder(tmp_path)
    (tmp_path / "format").write_bytes(b"1\n")
    with LogFolder(tmp_path) as folder:
        assert folder.is_locked


def test_leftovers_of_a_crash_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "000").write_bytes(b"half a ti")
    with LogFolder(tmp_path) as folder:
        assert [] == list(folder.layout.temporary.iterdir())


@pytest.mark.parametrize("mark", ["witness.vkey", "monitor.db"])
def test_the_folder_of_another_role_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    with pytest.raises(RejectedError, match="is the folder of a"):
        LogFolder(tmp_path)
    assert [mark] == [it.name for it in tmp_path.iterdir()]
