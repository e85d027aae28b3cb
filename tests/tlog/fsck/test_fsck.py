"""One damaged place at a time: fsck names it, and rebuild mends what is derived."""

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock
from rocksdict import Options, Rdict

from tests.support.folders import (
    INSERT_BATCH,
    SIZE,
    check,
    entry,
    flip,
    grow_log,
    in_journal,
)
from tlog.errors import CorruptError, RejectedError
from tlog.fsck.check import Verdict
from tlog.log.rebuilding import rebuild_log
from tlog.log.storage.index import Index
from tlogverify.kinds import digest_key


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 600 entries, grown in two starts."""
    folder = tmp_path_factory.mktemp("whole") / "log"
    grow_log(folder, 0, 300)
    grow_log(folder, 300, SIZE)
    return folder


@pytest.fixture
def log_folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of that log, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "log"))


def test_a_whole_log_is_whole(log_folder: Path) -> None:
    expected = Verdict("fsck.example/log", SIZE, SIZE, SIZE)
    assert expected == check(log_folder)
    assert Verdict("fsck.example/log", SIZE, SIZE, None) == check(
        log_folder, tree_only=True
    )


def test_fsck_changes_no_public_byte(log_folder: Path) -> None:
    files = sorted(path for path in log_folder.rglob("*") if path.is_file())
    public = [path for path in files if "public" in path.parts]
    before = [path.read_bytes() for path in public]
    check(log_folder)
    assert before == [path.read_bytes() for path in public]


def test_names_that_a_crash_left_above_the_index_are_no_damage(
    log_folder: Path,
) -> None:
    index = Rdict(str(log_folder / "index"), Options(raw_mode=True))
    names = index.get_column_family("names")
    names[digest_key(bytes(32)) + SIZE.to_bytes(6, "big")] = b""
    names.close()
    index.close()
    assert SIZE == check(log_folder).indexed_size


def test_an_index_of_an_earlier_format_is_told_as_that(log_folder: Path) -> None:
    index = Rdict(str(log_folder / "index"), Options(raw_mode=True))
    index[b"\xff"] = bytes(8)
    index.close()
    with pytest.raises(CorruptError, match="is of an earlier format: start the log"):
        check(log_folder)


def _unknown_file(folder: Path) -> None:
    (folder / "public/tile/0/notes.txt").write_text("x")


def _tile_beyond(folder: Path) -> None:
    shutil.copy(folder / "public/tile/0/000", folder / "public/tile/0/003")


def _old_width_changed(folder: Path) -> None:
    partials = folder / "public/tile/0/002.p"
    (partials / "5").write_bytes(bytes(5 * 32))


def _other_head_size(folder: Path) -> None:
    in_journal(folder, "UPDATE head SET size = 599")


def _no_head(folder: Path) -> None:
    in_journal(folder, "DELETE FROM head")


def _batch_of_wrong_entries(folder: Path) -> None:
    bundle = len(entry(0)).to_bytes(2, "big") + entry(0)
    in_journal(folder, INSERT_BATCH, 1, 2, bundle)


def _batch_beyond_the_head(folder: Path) -> None:
    bundle = len(entry(9)).to_bytes(2, "big") + entry(9)
    in_journal(folder, INSERT_BATCH, 600, 601, bundle)


def _batch_behind_a_gap(folder: Path) -> None:
    bundle = len(entry(9)).to_bytes(2, "big") + entry(9)
    in_journal(folder, INSERT_BATCH, 601, 602, bundle)


def _batch_that_is_no_bundle(folder: Path) -> None:
    in_journal(folder, INSERT_BATCH, 600, 601, b"\x00")


def _batch_of_text(folder: Path) -> None:
    in_journal(folder, INSERT_BATCH, 600, 601, "text")


def _head_of_text(folder: Path) -> None:
    in_journal(folder, "UPDATE head SET note = 'text'")


def _index_of_more(folder: Path) -> None:
    index = Index(folder / "index")
    index.add([bytes(32)], [[digest_key(bytes(32))]])
    index.close()


def _index_of_a_name_among_the_leaves(folder: Path) -> None:
    index = Rdict(str(folder / "index"), Options(raw_mode=True))
    name = next(iter(index.get_column_family("names").keys()))
    index[name] = b""
    index.close()


def _index_without_all(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    index = Index(folder / "index")
    index.add([sha256(b"\x00" + entry(0)).digest()], [[digest_key(bytes(32))]])
    index.close()


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda it: flip(it / "public/tile/0/001", 77), "public/tile/0/001"),
        (lambda it: flip(it / "public/tile/0/002.p/88", 0), "public/tile/0/002.p/88"),
        (lambda it: flip(it / "public/tile/1/000.p/2", 40), "public/tile/1/000.p/2"),
        (lambda it: (it / "public/tile/1/000.p/2").unlink(), "public/tile/1/000.p/2"),
        (lambda it: flip(it / "public/tile/entries/000", 0), "public/tile/entries/000"),
        (
            lambda it: flip(it / "public/tile/entries/001", 90),
            "public/tile/entries/001",
        ),
        (
            lambda it: (it / "public/tile/entries/001").unlink(),
            "public/tile/entries/001",
        ),
        (lambda it: flip(it / "public/checkpoint", -30), "public/checkpoint"),
        (lambda it: (it / "public/checkpoint").unlink(), "public/checkpoint"),
        (_unknown_file, "public/tile/0/notes.txt"),
        (_tile_beyond, "public/tile/0/003"),
        (_old_width_changed, "public/tile/0/002.p/5"),
        (lambda it: (it / "journal.db").unlink(), "journal.db"),
        (lambda it: flip(it / "journal.db", 3), "journal.db: head"),
        (_other_head_size, "journal.db: head"),
        (_no_head, "journal.db"),
        (_batch_of_wrong_entries, "journal.db: batch 1"),
        (_batch_beyond_the_head, "journal.db: head"),
        (_batch_behind_a_gap, "journal.db: batch 601"),
        (_batch_that_is_no_bundle, "journal.db: batch 600"),
        (_batch_of_text, "journal.db: batch 600"),
        (_head_of_text, "journal.db: head"),
        (_index_of_more, "index"),
        (_index_without_all, "index"),
        (_index_of_a_name_among_the_leaves, "index"),
        (lambda it: shutil.rmtree(it / "index"), "index"),
        (lambda it: (it / "log.vkey").write_text("x\n"), "log.vkey"),
        (lambda it: (it / "log.vkey").write_text(""), "log.vkey"),
        (lambda it: (it / "format").write_text("one\n"), "format"),
    ],
)
def test_the_damaged_place_is_named(
    log_folder: Path, damage: Callable[[Path], None], where: str
) -> None:
    damage(log_folder)
    with pytest.raises(CorruptError) as caught:
        check(log_folder)
    assert where == caught.value.where


def test_a_journal_behind_the_checkpoint_is_found(whole: Path, tmp_path: Path) -> None:
    older = tmp_path / "log"
    grow_log(older, 0, 300)
    shutil.rmtree(older / "public")
    shutil.copytree(whole / "public", older / "public")
    shutil.copy(whole / "log.vkey", older / "log.vkey")
    with pytest.raises(CorruptError) as caught:
        check(older)
    assert "journal.db: head" == caught.value.where


def test_a_folder_in_use_is_refused(log_folder: Path) -> None:
    with FileLock(log_folder / "lock"), pytest.raises(RejectedError) as caught:
        check(log_folder)
    told = f"another process holds {log_folder}; stop it first"
    assert told == str(caught.value)


def test_a_newer_format_is_refused(log_folder: Path) -> None:
    (log_folder / "format").write_text("2\n")
    with pytest.raises(RejectedError) as caught:
        check(log_folder)
    assert f"{log_folder} has the newer format 2" == str(caught.value)


@pytest.mark.parametrize("run", [check, lambda it: rebuild_log(it, lambda a, b: None)])
def test_a_folder_without_a_log_is_refused(
    tmp_path: Path, run: Callable[[Path], object]
) -> None:
    with pytest.raises(RejectedError) as caught:
        run(tmp_path)
    assert f"{tmp_path} is not a log's folder" == str(caught.value)


def test_rebuild_writes_the_same_tiles_and_index(log_folder: Path, whole: Path) -> None:
    shutil.rmtree(log_folder / "public/tile/0")
    shutil.rmtree(log_folder / "public/tile/1")
    shutil.rmtree(log_folder / "index")
    rebuild_log(log_folder, lambda done, total: None)
    assert SIZE == check(log_folder).indexed_size
    for name in ("0/000", "0/001", "0/002.p/88", "1/000.p/2"):
        before = (whole / "public/tile" / name).read_bytes()
        assert before == (log_folder / "public/tile" / name).read_bytes()


def test_rebuild_writes_nothing_from_damaged_bundles(log_folder: Path) -> None:
    flip(log_folder / "public/tile/entries/001", 90)
    tile = (log_folder / "public/tile/0/001").read_bytes()
    with pytest.raises(CorruptError):
        rebuild_log(log_folder, lambda done, total: None)
    assert tile == (log_folder / "public/tile/0/001").read_bytes()
