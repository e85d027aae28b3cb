"""Folders that do not hold one whole log are refused, each by its own rule."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.opened import entries, running, settings, step, stepping
from tests.tlogverify.refusal import flip
from tlog.errors import CorruptError
from tlog.log.opening import open_log
from tlog.log.storage.index import Index
from tlogverify.bundles import encode_bundle, parse_bundle

PUBLISHED, WAITING = entries(0, 700), entries(700, 1000)

CHECKPOINT = "public/checkpoint"
LEVEL_0_EDGE, LEVEL_1_EDGE = "public/tile/0/002.p/188", "public/tile/1/000.p/2"
OPEN_BUNDLE = "public/tile/entries/002.p/188"
FULL_BUNDLE = "public/tile/entries/001"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 entries are published and 300 more wait in the journal, in two batches."""
    folder = tmp_path_factory.mktemp("recovery")
    with stepping(folder) as log:
        step(log, PUBLISHED)
        log.publisher.publish()
        step(log, WAITING[:100])
        step(log, WAITING[100:])
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    shutil.copytree(made, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path


def execute(folder: Path, sql: str, *values: object) -> None:
    """Change a stopped log's journal."""
    connection = sqlite3.connect(folder / "journal.db")
    with connection:
        connection.execute(sql, values)
    connection.close()


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file's content."""
    path.write_bytes(change(path.read_bytes()))


def refusal(folder: Path) -> str:
    """Open the log; return why it is corrupt."""
    with pytest.raises(CorruptError) as refused, stepping(folder):
        pass
    return str(refused.value)


def test_a_folder_that_is_whole_is_opened(folder: Path) -> None:
    with stepping(folder) as log:
        assert 1000 == log.heads.signed.size
        assert 700 == log.stores.index.complete_to
        log.publisher.publish()
        assert 1000 == log.stores.index.complete_to


def test_what_waits_is_known_after_a_restart(folder: Path) -> None:
    with stepping(folder) as log:
        (receipt,) = step(log, [WAITING[7], PUBLISHED[8], WAITING[299]])
    assert (707, 8, 999) == receipt.indexes


FILES: list[tuple[str, Callable[[bytes], bytes], str]] = [
    (CHECKPOINT, lambda it: it[:-3], "the public checkpoint: "),
    (CHECKPOINT, lambda it: flip(it, 500), "the public checkpoint: "),
    (CHECKPOINT, lambda _: b"", "the public checkpoint: "),
    (LEVEL_0_EDGE, lambda it: it[:-32], "the tiles of size 700: "),
    (LEVEL_0_EDGE, lambda it: flip(it, 9), "have another root"),
    (LEVEL_1_EDGE, lambda it: flip(it, 9), "have another root"),
    (LEVEL_1_EDGE, lambda it: it + it, "the tiles of size 700: "),
    (OPEN_BUNDLE, lambda it: it[:-1], "the tiles of size 700: "),
    (OPEN_BUNDLE, lambda it: it + b"\x00", "the tiles of size 700: "),
    (OPEN_BUNDLE, lambda it: flip(it, 400), "the tiles of size 700: "),
]


@pytest.mark.parametrize(("path", "change", "why"), FILES)
def test_a_damaged_right_edge_is_refused(
    folder: Path, path: str, change: Callable[[bytes], bytes], why: str
) -> None:
    rewrite(folder / path, change)
    assert why in refusal(folder)


@pytest.mark.parametrize("path", [LEVEL_0_EDGE, LEVEL_1_EDGE, OPEN_BUNDLE])
def test_a_missing_right_edge_is_refused(folder: Path, path: str) -> None:
    (folder / path).unlink()
    assert "the tiles of size 700: " in refusal(folder)


JOURNALS = [
    ("DELETE FROM head", (), "has no head, but a checkpoint is public"),
    ("UPDATE head SET note = ?", (b"nonsense",), "the journal's head: "),
    ("UPDATE head SET note = 'text'", (), "the journal's head: "),
    ("UPDATE head SET size = 999", (), "the journal"),
    ("DELETE FROM batches WHERE start = 700", (), "does not follow on 700"),
    ("DELETE FROM batches WHERE start = 800", (), "does not lead to its head of 1000"),
    ("DELETE FROM batches", (), "does not lead to its head of 1000"),
    ('UPDATE batches SET "end" = 801 WHERE start = 700', (), "batch at 700: "),
    ('UPDATE batches SET "end" = 799 WHERE start = 700', (), "batch at 700: "),
    ("UPDATE batches SET entries = ? WHERE start = 700", (b"",), "batch at 700: "),
    ("UPDATE batches SET entries = 'text' WHERE start = 700", (), "batch at 700: "),
    ("INSERT INTO batches VALUES (1000, 1000, ?)", (b"",), "batch at 1000: "),
    ("DROP TABLE batches", (), "no such table"),
    ("DROP TABLE head", (), "no such table"),
]


@pytest.mark.parametrize(("sql", "values", "why"), JOURNALS)
def test_a_damaged_journal_is_refused(
    folder: Path, sql: str, values: tuple[object, ...], why: str
) -> None:
    execute(folder, sql, *values)
    assert why in refusal(folder)


def test_a_changed_entry_in_the_journal_is_refused(folder: Path) -> None:
    changed = [flip(WAITING[0], 8 * 60), *WAITING[1:100]]
    sql = "UPDATE batches SET entries = ? WHERE start = 700"
    execute(folder, sql, encode_bundle(changed))
    assert "does not lead to its head" in refusal(folder)


def test_a_journal_that_ends_below_the_public_checkpoint_is_refused(
    tmp_path: Path,
) -> None:
    with stepping(tmp_path) as log:
        step(log, PUBLISHED)
        head = log.stores.journal.head()
        assert head is not None
        step(log, WAITING)
        log.publisher.publish()
    execute(tmp_path, "UPDATE head SET size = ?, note = ?", *head)
    assert "ends below the stored 1000" in refusal(tmp_path)


def test_a_journal_of_another_log_is_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with stepping(other) as log:
        step(log, PUBLISHED)
    shutil.copy(other / "journal.db", folder / "journal.db")
    assert "the journal's head: " in refusal(folder)


def test_a_file_that_is_no_journal_is_refused(folder: Path) -> None:
    (folder / "journal.db").write_bytes(b"no database\n" * 1000)
    assert "file is not a database" in refusal(folder)


def test_a_journal_with_a_damaged_page_is_refused(tmp_path: Path) -> None:
    with stepping(tmp_path / "whole") as log:
        for at in range(0, 400, 20):
            step(log, entries(at, at + 20))
    whole = (tmp_path / "whole" / "journal.db").read_bytes()
    for page in range(4096, len(whole), 4096):
        copied = tmp_path / str(page)
        shutil.copytree(tmp_path / "whole", copied)
        damaged = whole[:page] + bytes(4096) + whole[page + 4096 :]
        (copied / "journal.db").write_bytes(damaged)
        assert refusal(copied)


def test_an_index_ahead_of_the_log_is_refused(folder: Path) -> None:
    index = Index(folder / "index")
    index.add([bytes([it]) * 32 for it in range(250)] * 2, [[]] * 500)
    index.close()
    said = refusal(folder)
    assert "ahead of the log of 1000 entries: it knows of 1200," in said


def test_an_index_that_is_missing_is_written_anew(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    with stepping(folder) as log:
        assert 700 == log.stores.index.complete_to
        (receipt,) = step(log, [*PUBLISHED, *WAITING])
    assert tuple(range(1000)) == receipt.indexes


def test_an_index_that_cannot_be_read_is_written_anew(folder: Path) -> None:
    (folder / "index" / "CURRENT").write_bytes(b"nonsense")
    with stepping(folder) as log:
        (receipt,) = step(log, [*PUBLISHED, *WAITING])
    assert tuple(range(1000)) == receipt.indexes


@pytest.mark.parametrize("bit", [0, 400, 8 * 20_000])
def test_an_index_is_not_written_from_a_damaged_bundle(folder: Path, bit: int) -> None:
    shutil.rmtree(folder / "index")
    rewrite(folder / FULL_BUNDLE, lambda it: flip(it, bit))
    assert "tile/entries/001" in refusal(folder)


def test_an_index_is_not_written_from_a_missing_bundle(folder: Path) -> None:
    shutil.rmtree(folder / "index")
    (folder / FULL_BUNDLE).unlink()
    assert "tile/entries/001" in refusal(folder)


def test_a_damaged_open_bundle_does_not_become_a_full_one(folder: Path) -> None:
    rewrite(folder / OPEN_BUNDLE, lambda it: flip(it, 400))
    try:
        with stepping(folder) as log:
            log.publisher.publish()
    except CorruptError:
        return
    bundle = (folder / "public/tile/entries/002").read_bytes()
    assert PUBLISHED[512:] == parse_bundle(bundle, 256)[:188]


def test_a_refused_folder_is_let_go_of_whole(folder: Path) -> None:
    whole = (folder / CHECKPOINT).read_bytes()
    (folder / CHECKPOINT).write_bytes(b"nonsense")
    kept = folder / "index" / "IDENTITY"
    identity = kept.read_bytes()
    with pytest.raises(CorruptError) as refused:
        open_log(settings(folder))
    (folder / CHECKPOINT).write_bytes(whole)
    with stepping(folder) as log:
        assert 1000 == log.heads.signed.size
    # An index that is still open cannot be opened, and would be made anew.
    assert identity == kept.read_bytes(), refused


def test_a_head_is_signed_again_when_a_key_is_added(folder: Path) -> None:
    with stepping(folder, mldsa44=True) as log:
        assert 2 == len(log.keys)
        assert 4 == log.heads.signed.note.count(b"\n") - 1 - 1
        assert 1000 == log.heads.signed.size
        step(log, entries(2000, 2100))
    with running(folder, mldsa44=True) as log:
        assert 1100 == log.heads.signed.size
    with running(folder) as log:
        assert 1100 == log.heads.signed.size


def test_a_first_start_that_ended_while_it_made_its_key_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise KeyboardInterrupt

    # The file has its name, and not yet a byte.
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", end)
        with pytest.raises(KeyboardInterrupt):
            open_log(settings(tmp_path))
    with stepping(tmp_path) as log:
        assert 0 == log.heads.signed.size
