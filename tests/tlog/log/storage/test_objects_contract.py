"""What all objects do, whichever adapter they are in.

Each test is run by each adapter; `tests.tlog.log.storage.adapters` has them.
"""

import pytest

from tests.tlog.log.storage.adapters import Stores, note
from tlogverify.tiles import ENTRIES, Tile

FULL, PART = Tile(0, 1), Tile(0, 1, 7)
BUNDLE = Tile(ENTRIES, 1_234_067, 3)
TILES = {FULL: b"full", PART: b"part", BUNDLE: b"bundle"}


def test_what_was_put_is_read_after_a_restart_in_any_number(stores: Stores) -> None:
    stores.open().put(TILES)
    again = stores.open()
    assert [*TILES.values()] == [again.read(tile) for tile in TILES]
    assert [b"bundle", b"full"] == again.read_many([BUNDLE, FULL])
    assert [] == again.read_many([])


def test_what_is_not_there_is_not_found(stores: Stores) -> None:
    objects = stores.open()
    objects.put({FULL: b"full"})
    with pytest.raises(FileNotFoundError):
        objects.read(PART)
    with pytest.raises(FileNotFoundError):
        objects.read_many([FULL, PART])
    assert objects.checkpoint() is None
    assert objects.stored_head() is None


def test_what_is_there_may_be_put_again(stores: Stores) -> None:
    """A publication that failed half-way is made again as a whole."""
    objects = stores.open()
    objects.put({FULL: b"full"})
    objects.put(TILES)
    stores.open().put(TILES)
    assert [*TILES.values()] == [objects.read(tile) for tile in TILES]


def test_heads_are_replaced_and_each_is_its_own(stores: Stores) -> None:
    objects = stores.open()
    for size in (1, 2):
        objects.replace_checkpoint(note(size))
        objects.replace_stored(note(size + 5))
    again = stores.open()
    assert (note(2), note(7)) == (again.checkpoint(), again.stored_head())
    again.replace_checkpoint(note(3))
    assert note(3) == again.checkpoint()


def test_incomplete_tiles_go_when_the_full_one_is_there(stores: Stores) -> None:
    objects, other = stores.open(), Tile(0, 2, 7)
    objects.put({PART: b"part", Tile(0, 1, 9): b"p", other: b"other"})
    objects.put({FULL: b"full"})
    objects.drop_partials([FULL, other, Tile(3, 3)])
    assert [b"full", b"other"] == objects.read_many([FULL, other])
    for gone in (PART, Tile(0, 1, 9)):
        with pytest.raises(FileNotFoundError):
            objects.read(gone)
    objects.put({PART: b"part"})
    assert b"part" == objects.read(PART)


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("persists", [False, True])
def test_a_write_that_fails_leaves_whole_tiles_and_can_be_made_again(
    stores: Stores, nth: int, persists: bool
) -> None:
    objects = stores.open()
    stores.break_write(nth, persists=persists)
    with pytest.raises(OSError):  # noqa: PT011 - each store has words of its own
        objects.put(TILES)
    for tile, content in TILES.items():
        try:
            found = objects.read(tile)
        except FileNotFoundError:
            continue
        assert content == found
    objects.put(TILES)
    assert [*TILES.values()] == objects.read_many([*TILES])


@pytest.mark.parametrize("persists", [False, True])
def test_a_checkpoint_whose_answer_is_lost_is_the_old_or_the_new_one(
    stores: Stores, persists: bool
) -> None:
    objects = stores.open()
    objects.replace_checkpoint(note(4))
    stores.break_write(1, persists=persists)
    with pytest.raises(OSError):  # noqa: PT011 - each store has words of its own
        objects.replace_checkpoint(note(5))
    assert (note(5) if persists else note(4)) == stores.open().checkpoint()
    objects.replace_checkpoint(note(5))
    assert note(5) == stores.open().checkpoint()
