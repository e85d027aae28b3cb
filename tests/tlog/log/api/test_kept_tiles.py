"""What is kept of full tiles: the last ones, and never more bytes than allowed."""

from tlog.http.respond import Content
from tlog.log.api.kept_tiles import KeptTiles
from tlogverify.tiles import Tile

LIMIT = 1_000


def content(size: int) -> Content:
    return Content.of(bytes(size))


def test_a_tile_and_its_packed_form_are_two() -> None:
    kept = KeptTiles(LIMIT)
    kept.put((Tile(0, 1), False), content(10))
    assert content(10) == kept.get((Tile(0, 1), False))
    assert kept.get((Tile(0, 1), True)) is None
    assert kept.get((Tile(0, 2), False)) is None


def test_the_one_that_was_not_asked_for_longest_makes_room() -> None:
    kept = KeptTiles(LIMIT)
    places = [(Tile(0, nth), False) for nth in range(4)]
    for place in places[:3]:
        kept.put(place, content(300))
    assert kept.get(places[0]) is not None
    kept.put(places[3], content(300))
    found = [kept.get(place) is not None for place in places]
    assert [True, False, True, True] == found


def test_one_that_is_put_twice_counts_once() -> None:
    kept = KeptTiles(LIMIT)
    for _ in range(10):
        kept.put((Tile(0, 1), False), content(900))
    kept.put((Tile(0, 2), False), content(100))
    assert kept.get((Tile(0, 1), False)) is not None
    assert kept.get((Tile(0, 2), False)) is not None


def test_one_that_is_larger_than_all_room_is_not_kept() -> None:
    kept = KeptTiles(LIMIT)
    kept.put((Tile(0, 1), False), content(LIMIT + 1))
    assert kept.get((Tile(0, 1), False)) is None
    kept.put((Tile(0, 2), False), content(LIMIT))
    assert kept.get((Tile(0, 2), False)) is not None
