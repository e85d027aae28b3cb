"""The cures that operations.md has for a damaged folder, each run on one."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, Block, blocks
from tests.docs.workplace import Workplace
from tests.support.folders import (
    INSERT_BATCH,
    SIZE,
    check,
    entry,
    flip,
    grow_log,
    in_journal,
)
from tests.support.static_files import served_folder
from tlog.fsck.damage import DamageError

BUNDLE = "public/tile/entries/001"
CHECKPOINT = "public/checkpoint"
MIRROR = "https://mirror.example.org"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 600 entries."""
    folder = tmp_path_factory.mktemp("whole") / "log"
    grow_log(folder, 0, SIZE)
    return folder


@pytest.fixture(scope="module")
def mirror(whole: Path) -> Iterator[str]:
    """Serve the files of the whole log."""
    with served_folder(whole / "public") as url:
        yield url


@pytest.fixture
def place(whole: Path, mirror: str, tmp_path: Path) -> Iterator[Workplace]:
    """Return a folder with a log, its backup, and a mirror of it."""
    place = Workplace(tmp_path)
    shutil.copytree(whole, place.folder / "my-log")
    shutil.copytree(whole, place.folder / "my-copy")
    place.replaced[MIRROR] = mirror
    yield place
    place.end()


def cures() -> list[Block]:
    """Return the blocks of operations.md that are run here."""
    return [
        block
        for block in blocks(DOCS / "operations.md")
        if block.marker.startswith("not run: tests/docs/test_cures.py")
    ]


def cure(*words: str) -> Block:
    """Return the one cure whose commands hold all these words."""
    (found,) = (it for it in cures() if all(word in it.text for word in words))
    return found


def flip_bundle(folder: Path) -> None:
    flip(folder / BUNDLE, 90)


def remove_bundle(folder: Path) -> None:
    (folder / BUNDLE).unlink()


def flip_what_the_journal_holds(folder: Path) -> None:
    flip(folder / "public/tile/entries/002.p/88", 90)
    encoded = b"".join(
        len(it).to_bytes(2, "big") + it for it in map(entry, range(500, SIZE))
    )
    in_journal(folder, INSERT_BATCH, 500, SIZE, encoded)


def change_older_width(folder: Path) -> None:
    (folder / "public/tile/0/002.p/5").write_bytes(bytes(5 * 32))


def flip_checkpoint(folder: Path) -> None:
    flip(folder / CHECKPOINT, -30)


def remove_checkpoint(folder: Path) -> None:
    (folder / CHECKPOINT).unlink()


CURES: list[tuple[str, Callable[[Path], None], Block]] = [
    ("bundle", flip_bundle, cure("curl", BUNDLE)),
    ("bundle", remove_bundle, cure("curl", BUNDLE)),
    ("bundle", flip_bundle, cure("my-copy")),
    ("bundle", flip_what_the_journal_holds, cure("tlog rebuild")),
    (
        "tile",
        lambda it: flip(it / "public/tile/0/001", 9),
        cure("tlog rebuild"),
    ),
    (
        "tile",
        lambda it: shutil.rmtree(it / "public/tile/1"),
        cure("tlog rebuild"),
    ),
    ("index", lambda it: shutil.rmtree(it / "index"), cure("tlog rebuild")),
    ("leftover", change_older_width, cure("leftover")),
    ("head", flip_checkpoint, cure("curl", CHECKPOINT)),
    ("head", remove_checkpoint, cure("sqlite3")),
    ("head", flip_checkpoint, cure("sqlite3")),
]


@pytest.mark.parametrize(("kind", "damage", "block"), CURES)
def test_a_cure_of_the_document_makes_a_damaged_folder_whole(
    place: Workplace, kind: str, damage: Callable[[Path], None], block: Block
) -> None:
    folder = place.folder / "my-log"
    damage(folder)
    with pytest.raises(DamageError) as caught:
        check(folder)
    assert kind == caught.value.kind
    place.run(block)
    check(folder)


def test_every_cure_is_run() -> None:
    assert {it.line for it in cures()} == {block.line for _, _, block in CURES}


def test_a_bundle_and_its_tile_are_mended_one_after_the_other(place: Workplace) -> None:
    folder = place.folder / "my-log"
    flip_bundle(folder)
    flip(folder / "public/tile/0/001", 9)
    with pytest.raises(DamageError) as caught:
        check(folder)
    assert "bundle-and-tile" == caught.value.kind
    shutil.copy(place.folder / "my-copy" / BUNDLE, folder / BUNDLE)
    place.run(cure("tlog rebuild"))
    check(folder)


def test_a_start_writes_the_public_keys_anew(place: Workplace) -> None:
    folder = place.folder / "my-log"
    (folder / "log.vkey").write_text("x\n")
    with pytest.raises(DamageError) as caught:
        check(folder)
    assert "keys" == caught.value.kind
    place.serve("tlog serve --data my-log")
    assert 0 == place.stop()
    check(folder)
