from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tests.tlogverify.strategies import near_misses, thorough
from tlogverify.errors import FormatError
from tlogverify.lines import MAX_SIZE
from tlogverify.tiles import (
    ENTRIES,
    Tile,
    bundles_of_size,
    parse_tile,
    tiles_of_size,
)

PATHS = [
    (Tile(0, 0), "tile/0/000"),
    (Tile(0, 999), "tile/0/999"),
    (Tile(0, 1000), "tile/0/x001/000"),
    (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
    (Tile(2, 123_456_789), "tile/2/x123/x456/789"),
    (Tile(63, 67, 8), "tile/63/067.p/8"),
    (Tile(0, 273, 112), "tile/0/273.p/112"),
    (Tile(0, 0, 255), "tile/0/000.p/255"),
    (Tile(ENTRIES, 0), "tile/entries/000"),
    (Tile(ENTRIES, 1_234_067, 1), "tile/entries/x001/x234/067.p/1"),
    (Tile(0, MAX_SIZE), "tile/0/x009/x223/x372/x036/x854/x775/807"),
]
NOT_PATHS = [
    "",
    "tile/0",
    "tile/0/",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/1000",
    "tile/0/x000/001",
    "tile/0/x001/x002",
    "tile/0/001/002",
    "tile/0/x1/000",
    "tile/0/X001/000",
    "tile/00/000",
    "tile/01/000",
    "tile/64/000",
    "tile/99/000",
    "tile/100/000",
    "tile/-1/000",
    "tile/+0/000",
    "tile/ 0/000",
    "tile/٣/000",
    "tile/0/٠٠٠",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/999",
    "tile/0/000.p/1000",
    "tile/0/000.p/-1",
    "tile/0/000.p/8/",
    "tile/0/000.P/8",
    "tile/0/000/",
    "/tile/0/000",
    "Tile/0/000",
    "tile//000",
    "tile/0/000\n",
    "tile/0/000 ",
    "tile/0/../000",
    "tile/0/%30%30%30",
    "tile/entries",
    "tile/entries/",
    "tile/Entries/000",
    "tile/data/000",
    "tile/entries/0",
    "tile/entries/000.p/256",
    "tile/0/x009/x223/x372/x036/x854/x775/808",
    "tile/0/x999/x999/x999/x999/x999/x999/999",
    "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_a_tile_has_its_path(tile: Tile, path: str) -> None:
    assert path == tile.path
    assert tile == parse_tile(path)


@in_one_test("path", NOT_PATHS)
def test_another_spelling_of_a_path_is_refused(path: str) -> None:
    with pytest.raises(FormatError):
        parse_tile(path)


def test_a_tile_with_256_hashes_is_full() -> None:
    assert Tile(0, 5).is_full
    assert not Tile(0, 5, 255).is_full
    assert Tile(1, 5, 3).full == Tile(1, 5)


def test_a_tree_of_70_000_leaves_has_three_levels() -> None:
    expected = [Tile(0, index) for index in range(273)]
    expected += [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert expected == list(tiles_of_size(70_000))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (255, [Tile(0, 0, 255)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        (257, [Tile(0, 0), Tile(0, 1, 1), Tile(1, 0, 1)]),
    ],
)
def test_a_small_tree_has_these_tiles(size: int, expected: list[Tile]) -> None:
    assert expected == list(tiles_of_size(size))


@pytest.mark.parametrize(
    "size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537]
)
def test_the_hashes_of_a_level_are_its_whole_subtrees(size: int) -> None:
    tiles = list(tiles_of_size(size))
    for level in range(4):
        hashes = sum(tile.width for tile in tiles if tile.level == level)
        assert size // 256**level == hashes


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, [Tile(ENTRIES, 0, 1)]),
        (256, [Tile(ENTRIES, 0)]),
        (600, [Tile(ENTRIES, 0), Tile(ENTRIES, 1), Tile(ENTRIES, 2, 88)]),
    ],
)
def test_a_tree_has_a_bundle_beside_each_leaf_tile(
    size: int, expected: list[Tile]
) -> None:
    assert expected == list(bundles_of_size(size))


def test_the_tiles_of_no_tree_end() -> None:
    with pytest.raises(ValueError, match="size"):
        list(islice(tiles_of_size(-1), 100))


@thorough
@given(st.sampled_from(PATHS).flatmap(lambda pair: near_misses(pair[1].encode())))
def test_whatever_parses_prints_as_it_was(path: bytes) -> None:
    text = path.decode("latin-1")
    try:
        tile = parse_tile(text)
    except FormatError:
        return
    assert text == tile.path
    assert 1 <= tile.width <= 256


@thorough
@given(st.integers(ENTRIES, 63), st.integers(0, MAX_SIZE), st.integers(1, 256))
def test_whatever_prints_parses(level: int, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tile == parse_tile(tile.path)
