"""Files in their place, in an order that a crash cannot break."""

import errno
from pathlib import Path

import pytest

from tests.faults.faulty import Fault, FaultyDisk, FullDisk, RecordingDisk
from tlog.durable.disk import SystemDisk
from tlog.log.storage.objects_folder import FolderObjects
from tlog.log.storage.sizes import folder_bytes
from tlogverify.tiles import ENTRIES, Tile

FULL, PART = Tile(0, 1), Tile(0, 1, 7)
BUNDLE = Tile(ENTRIES, 1_234_067, 3)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("public", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path / "public", tmp_path / "tmp"


def test_a_tile_has_the_path_that_c2sp_gives_it(folders: tuple[Path, Path]) -> None:
    objects = FolderObjects(*folders, SystemDisk())
    objects.put({FULL: b"full", PART: b"part", BUNDLE: b"bundle"})
    public, temporary = folders
    assert b"full" == (public / "tile/0/001").read_bytes()
    assert b"part" == (public / "tile/0/001.p/7").read_bytes()
    assert b"bundle" == (public / "tile/entries/x001/x234/067.p/3").read_bytes()
    assert [b"full", b"part", b"bundle"] == [
        objects.read(it) for it in (FULL, PART, BUNDLE)
    ]
    assert [] == list(temporary.iterdir())


def test_a_tile_that_is_not_there_is_not_found(folders: tuple[Path, Path]) -> None:
    objects = FolderObjects(*folders, SystemDisk())
    with pytest.raises(FileNotFoundError):
        objects.read(FULL)
    assert objects.checkpoint() is None


def test_a_checkpoint_is_replaced(folders: tuple[Path, Path]) -> None:
    objects = FolderObjects(*folders, SystemDisk())
    for note in (b"one", b"two"):
        objects.replace_checkpoint(note)
        assert note == objects.checkpoint()


def test_incomplete_tiles_go_when_the_full_one_is_there(
    folders: tuple[Path, Path],
) -> None:
    objects = FolderObjects(*folders, SystemDisk())
    other = Tile(0, 2, 7)
    objects.put({FULL: b"full", PART: b"part", Tile(0, 1, 9): b"p", other: b"other"})
    objects.drop_partials([FULL, other, Tile(3, 3)])
    assert b"full" == objects.read(FULL)
    assert b"other" == objects.read(other)
    assert not (folders[0] / PART.path).parent.exists()


def test_each_file_is_written_then_named_and_folders_are_synced_last(
    folders: tuple[Path, Path],
) -> None:
    public, temporary = folders
    disk = RecordingDisk()
    FolderObjects(public, temporary, disk).put({FULL: b"full", PART: b"part"})
    tile = public / "tile"
    assert [
        ("write", temporary / "001"),
        ("rename", tile / "0" / "001"),
        ("write", temporary / "7"),
        ("rename", tile / "0" / "001.p" / "7"),
    ] == disk.calls[:4]
    expected = {public, tile, tile / "0", tile / "0" / "001.p"}
    assert {("sync_folder", folder) for folder in expected} == set(disk.calls[4:])


def test_a_failed_write_leaves_no_name(folders: tuple[Path, Path]) -> None:
    objects = FolderObjects(*folders, FaultyDisk(Fault("write", 2, False)))
    with pytest.raises(OSError, match="injected"):
        objects.put({FULL: b"full", PART: b"part"})
    assert b"full" == objects.read(FULL)
    assert not (folders[0] / PART.path).exists()
    objects.put({FULL: b"full", PART: b"part"})
    assert b"part" == objects.read(PART)


def test_a_full_disk_says_so(folders: tuple[Path, Path]) -> None:
    objects = FolderObjects(*folders, FullDisk())
    with pytest.raises(OSError, match="No space left") as error:
        objects.replace_checkpoint(b"note")
    assert errno.ENOSPC == error.value.errno
    assert objects.checkpoint() is None


def test_a_folder_that_was_dropped_and_comes_back_is_made_durable_again(
    folders: tuple[Path, Path],
) -> None:
    disk = RecordingDisk()
    objects = FolderObjects(*folders, disk)
    objects.put({FULL: b"full", PART: b"part"})
    objects.drop_partials([FULL])
    disk.calls.clear()
    objects.put({PART: b"part"})
    folder = (folders[0] / PART.path).parent
    assert {folder, folder.parent} == disk.synced


def test_each_part_of_a_folder_has_the_bytes_of_its_files(tmp_path: Path) -> None:
    files = {
        "public/tile/entries/000": 7,
        "public/tile/entries/001.p/3": 5,
        "public/tile/0/000": 11,
        "index/a": 13,
        "documents/stored/aa/b": 17,
        "journal.db": 19,
        "journal.db-wal": 23,
        "public/checkpoint": 29,
    }
    for name, size in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    expected = {"entries": 12, "tiles": 11, "index": 13, "documents": 17, "journal": 42}
    assert expected == folder_bytes(tmp_path)
