"""Two files differ: fsck says which is damaged, and rebuild which bundle is."""

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import get_args

import pytest

from tests.docs.documents import DOCS, cells, section
from tests.support.folders import (
    INSERT_BATCH,
    SIZE,
    check,
    entry,
    flip,
    grow_log,
    in_journal,
)
from tlog.cli.command import parse, run
from tlog.errors import CorruptError
from tlog.fsck.damage import DamageError, Kind
from tlog.log.rebuilding import rebuild_log

BUNDLE, TILE = "public/tile/entries/001", "public/tile/0/001"
EDGE_BUNDLE, EDGE_TILE = "public/tile/entries/002.p/88", "public/tile/0/002.p/88"
UPPER = "public/tile/1/000.p/2"
LARGE = 65_900

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of 600 entries."""
    folder = tmp_path_factory.mktemp("whole") / "log"
    grow_log(folder, 0, 300)
    grow_log(folder, 300, SIZE)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of one full tile of level 1, and some more."""
    folder = tmp_path_factory.mktemp("large") / "log"
    grow_log(folder, 0, LARGE)
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the log of 600 entries."""
    return Path(shutil.copytree(whole, tmp_path / "log"))


def flipped(*names: str) -> Damage:
    """Turn over a bit in the middle of each file, and in no entry's length."""

    def damage(folder: Path) -> None:
        for name in names:
            flip(folder / name, (folder / name).stat().st_size // 2 + 9)

    return damage


def cut(name: str) -> Damage:
    """Take the last byte from a file."""
    return lambda it: (it / name).write_bytes((it / name).read_bytes()[:-1])


def missing(name: str) -> Damage:
    """Remove a file or folder."""

    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return damage


def forged(folder: Path) -> None:
    """Change an entry, and its tile with it: the two agree."""
    flipped(BUNDLE)(folder)
    content = (folder / BUNDLE).read_bytes()
    hashes = b""
    while content:
        end = 2 + int.from_bytes(content[:2], "big")
        hashes += sha256(b"\x00" + content[2:end]).digest()
        content = content[end:]
    assert len(hashes) == 256 * 32
    (folder / TILE).write_bytes(hashes)


def all_of(*damages: Damage) -> Damage:
    """Damage in several ways at once."""

    def damage(folder: Path) -> None:
        for it in damages:
            it(folder)

    return damage


@pytest.mark.parametrize(
    ("damage", "kind", "where"),
    [
        (flipped(BUNDLE), "bundle", BUNDLE),
        (cut(BUNDLE), "bundle", BUNDLE),
        (missing(BUNDLE), "bundle", BUNDLE),
        (flipped(EDGE_BUNDLE), "bundle", EDGE_BUNDLE),
        (cut(EDGE_BUNDLE), "bundle", EDGE_BUNDLE),
        (missing(EDGE_BUNDLE), "bundle", EDGE_BUNDLE),
        (flipped(TILE), "tile", TILE),
        (cut(TILE), "tile", TILE),
        (missing(TILE), "tile", TILE),
        (flipped(EDGE_TILE), "tile", EDGE_TILE),
        (cut(EDGE_TILE), "tile", EDGE_TILE),
        (missing(EDGE_TILE), "tile", EDGE_TILE),
        (flipped(UPPER), "tile", UPPER),
        (cut(UPPER), "tile", UPPER),
        (missing(UPPER), "tile", UPPER),
        (flipped(TILE, UPPER), "tile", TILE),
        (flipped(BUNDLE, UPPER), "bundle", BUNDLE),
        (flipped(BUNDLE, EDGE_TILE), "bundle", BUNDLE),
        (flipped(BUNDLE, TILE), "bundle-and-tile", BUNDLE),
        (all_of(missing(BUNDLE), missing(TILE)), "bundle-and-tile", BUNDLE),
        (all_of(missing(BUNDLE), flipped(TILE)), "bundle-and-tile", BUNDLE),
        (flipped(EDGE_BUNDLE, EDGE_TILE), "bundle-and-tile", EDGE_BUNDLE),
        (forged, "bundle-and-tile", BUNDLE),
        (flipped(BUNDLE, EDGE_BUNDLE, EDGE_TILE), "bundle-or-tile", TILE),
        (
            all_of(missing(BUNDLE), flipped(EDGE_BUNDLE, EDGE_TILE)),
            "bundle",
            BUNDLE,
        ),
        (all_of(missing(TILE), flipped(EDGE_BUNDLE, EDGE_TILE)), "tile", TILE),
        (all_of(forged, flipped(UPPER)), "tile", UPPER),
    ],
)
def test_the_head_decides_what_is_damaged(
    folder: Path, damage: Damage, kind: str, where: str
) -> None:
    damage(folder)
    with pytest.raises(DamageError) as caught:
        check(folder)
    assert (kind, where) == (caught.value.kind, caught.value.where)


@pytest.mark.parametrize(
    ("damage", "kind", "where"),
    [
        (flipped("public/tile/1/000"), "tile", "public/tile/1/000"),
        (missing("public/tile/1/000"), "tile", "public/tile/1/000"),
        (flipped("public/tile/2/000.p/1"), "tile", "public/tile/2/000.p/1"),
        (flipped(TILE), "tile", TILE),
        (flipped(BUNDLE), "bundle", BUNDLE),
        (flipped(BUNDLE, "public/tile/1/000"), "bundle", BUNDLE),
        (flipped(TILE, "public/tile/1/000"), "tile", TILE),
        (flipped(BUNDLE, "public/tile/2/000.p/1"), "bundle", BUNDLE),
        (flipped(TILE, "public/tile/2/000.p/1"), "tile", TILE),
        (flipped(BUNDLE, "public/tile/1/001.p/1"), "bundle", BUNDLE),
        (forged, "bundle-and-tile", BUNDLE),
    ],
)
def test_the_head_decides_through_three_levels(
    large: Path, tmp_path: Path, damage: Damage, kind: str, where: str
) -> None:
    folder = tmp_path / "log"
    shutil.copytree(large, folder)
    damage(folder)
    with pytest.raises(DamageError) as caught:
        check(folder, tree_only=True)
    assert (kind, where) == (caught.value.kind, caught.value.where)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder with their bytes, but for the database's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("journal.db")
    }


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (flipped(BUNDLE), BUNDLE),
        (cut(BUNDLE), BUNDLE),
        (missing(BUNDLE), BUNDLE),
        (flipped(EDGE_BUNDLE), EDGE_BUNDLE),
        (all_of(flipped(BUNDLE), missing("public/tile/0")), BUNDLE),
        (all_of(flipped(BUNDLE), missing("public/tile/1")), BUNDLE),
        (all_of(flipped(EDGE_BUNDLE), missing("public/tile/1")), EDGE_BUNDLE),
        (forged, BUNDLE),
    ],
)
def test_rebuild_names_the_damaged_bundle_and_changes_nothing(
    folder: Path,
    damage: Damage,
    where: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(folder)
    before = contents(folder)
    assert 1 == run(parse(["rebuild", str(folder)]))
    assert capsys.readouterr().err.startswith(f"tlog rebuild: {where}: ")
    assert before == contents(folder)


def test_rebuild_says_so_if_nothing_tells_which_bundle_is_damaged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    all_of(flipped(BUNDLE), missing("public/tile/0"), missing("public/tile/1"))(folder)
    assert 1 == run(parse(["rebuild", str(folder)]))
    told = "tlog rebuild: the bundles: do not lead to the public checkpoint\n"
    assert told == capsys.readouterr().err


def left_in_journal(folder: Path, start: int, end: int) -> None:
    """Put a batch back into the journal, as it is there until the next commit."""
    entries = [entry(number) for number in range(start, end)]
    encoded = b"".join(len(it).to_bytes(2, "big") + it for it in entries)
    in_journal(folder, INSERT_BATCH, start, end, encoded)


@pytest.mark.parametrize(
    "damage", [flipped(EDGE_BUNDLE), cut(EDGE_BUNDLE), missing(EDGE_BUNDLE)]
)
def test_rebuild_takes_a_damaged_bundle_from_the_journal(
    folder: Path, whole: Path, damage: Damage
) -> None:
    left_in_journal(folder, 300, SIZE)
    damage(folder)
    all_of(missing("public/tile/0"), missing("public/tile/1"))(folder)
    mended = rebuild_log(folder, lambda done, total: None).mended
    assert [EDGE_BUNDLE] == [f"public/{bundle.path}" for bundle in mended]
    assert (whole / EDGE_BUNDLE).read_bytes() == (folder / EDGE_BUNDLE).read_bytes()
    check(folder)


@pytest.mark.parametrize("journal", ["in part", "wrong", "no database"])
def test_rebuild_takes_nothing_from_a_journal_that_does_not_hold_it(
    folder: Path, journal: str
) -> None:
    if journal == "in part":
        left_in_journal(folder, 300, 511)
    elif journal == "wrong":
        in_journal(folder, INSERT_BATCH, 256, 512, b"\x00\x00" * 256)
    else:
        (folder / "journal.db").write_bytes(b"no database at all" * 100)
    flipped(BUNDLE)(folder)
    before = contents(folder)
    with pytest.raises(CorruptError):
        rebuild_log(folder, lambda done, total: None)
    assert before == contents(folder)


def test_a_damaged_journal_does_not_keep_rebuild_from_mending_tiles(
    folder: Path,
) -> None:
    (folder / "journal.db").write_bytes(b"no database at all" * 100)
    flipped(TILE)(folder)
    assert [] == rebuild_log(folder, lambda done, total: None).mended


def test_every_kind_of_damage_has_its_cure() -> None:
    table = cells(section(DOCS / "operations.md", "What fsck finds, and its cure"))
    kinds = {row[0].strip("`") for row in table if row[0].startswith("`")}
    assert set(get_args(Kind)) == kinds
