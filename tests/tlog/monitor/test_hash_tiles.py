"""Damaged hash tiles are told, missing ones are not; a sample comes round to all."""

from pathlib import Path

import pytest
from aiohttp import web

from tests.support.monitored import Monitored
from tests.support.static_log import StaticLog, entries_of, tile_path
from tests.tlog.monitor.peers import peer
from tlog.monitor.monitor import Outcome
from tlog.monitor.tree import TilePlace, tiles_from
from tlogverify.tiles import Tile, tiles_of_size

SIZE = 66_000
"""There are 258, 2 and 1 tiles on the levels: samples of 64 come round in five."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> StaticLog:
    log = StaticLog(tmp_path_factory.mktemp("large") / "log")
    log.add(entries_of(0, SIZE))
    log.publish()
    return log


@pytest.fixture
def log(tmp_path: Path) -> StaticLog:
    log = StaticLog(tmp_path / "log")
    log.add(entries_of(0, 700))
    log.publish(600)
    return log


@pytest.fixture
def monitored(tmp_path: Path, log: StaticLog) -> Monitored:
    return Monitored(tmp_path, str(log.folder))


TILES = [("0", 0, 256), ("0", 1, 256), ("0", 2, 88), ("1", 0, 2)]
each_tile = pytest.mark.parametrize(("level", "index", "width"), TILES)


@each_tile
@pytest.mark.parametrize("at", [0, -1])
async def test_one_flipped_bit_of_a_tile_is_told_until_it_is_mended(
    monitored: Monitored, log: StaticLog, level: str, index: int, width: int, at: int
) -> None:
    path = tile_path(level, index, width)
    log.flip(path, at)
    for _ in range(2):
        assert Outcome.ALARM == await monitored.look()
    (alarm,) = monitored.alarms()
    assert ("bad-tile", "log") == (alarm["kind"], alarm["source"])
    assert path in alarm["detail"]
    log.flip(path, at)
    assert Outcome.QUIET == await monitored.look()
    assert ["bad-tile", "recovered"] == monitored.kinds()


@each_tile
@pytest.mark.parametrize("change", ["longer", "shorter", "empty", "a page"])
async def test_what_has_not_the_length_of_a_tile_is_damage(
    monitored: Monitored,
    log: StaticLog,
    level: str,
    index: int,
    width: int,
    change: str,
) -> None:
    path = tile_path(level, index, width)
    whole = (log.folder / path).read_bytes()
    changed = {
        "longer": whole + bytes(1),
        "shorter": whole[:-1],
        "empty": b"",
        "a page": b"<html>",
    }
    log.put(path, changed[change])
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-tile"] == monitored.kinds()


@each_tile
async def test_a_missing_tile_is_not_told_as_damage(
    monitored: Monitored, log: StaticLog, level: str, index: int, width: int
) -> None:
    (log.folder / tile_path(level, index, width)).unlink()
    for tiles in (False, True):
        assert Outcome.QUIET == await monitored.look(tiles=tiles)
    assert [] == monitored.lines


@pytest.mark.parametrize("status", [404, 302, 403])
async def test_tiles_that_do_not_come_are_not_told_as_damage(
    tmp_path: Path, log: StaticLog, status: int
) -> None:
    async def serve(request: web.Request) -> web.Response:
        path = request.match_info["path"]
        if path.startswith(("tile/0", "tile/1")):
            return web.Response(status=status)
        return web.Response(body=(log.folder / path).read_bytes())

    async with peer(serve) as url:
        monitored = Monitored(tmp_path, url)
        for tiles in (False, True):
            assert Outcome.QUIET == await monitored.look(tiles=tiles)
    assert [] == monitored.lines


async def test_a_known_damage_that_does_not_come_is_not_over(
    monitored: Monitored, log: StaticLog
) -> None:
    log.flip(tile_path("0", 1))
    assert Outcome.ALARM == await monitored.look()
    (log.folder / tile_path("0", 1)).unlink()
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-tile"] == monitored.kinds()


async def test_a_partial_tile_is_cut_from_the_full_one(
    monitored: Monitored, log: StaticLog
) -> None:
    """The log has grown and dropped it: what has taken its place is compared."""
    log.add(entries_of(700, 768))
    log.publish()
    log.put("checkpoint", log.note(600))
    (log.folder / tile_path("0", 2, 88)).unlink()
    # A hash behind the verified ones is not compared, and the last of those is.
    log.flip(tile_path("0", 2), 88 * 32)
    assert Outcome.QUIET == await monitored.look()
    log.flip(tile_path("0", 2), 88 * 32 - 1)
    assert Outcome.ALARM == await monitored.look()
    assert ["bad-tile"] == monitored.kinds()


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [("0", 0, 256), ("0", 100, 256), ("0", 257, 208), ("1", 1, 1), ("2", 0, 1)],
)
async def test_any_tile_of_a_large_log_is_compared_in_time(
    tmp_path: Path, large: StaticLog, level: str, index: int, width: int
) -> None:
    """All at once with `tiles`; else in five rounds, and each run goes on."""
    path = tile_path(level, index, width)
    large.flip(path)
    try:
        at_once = Monitored(tmp_path, str(large.folder))
        assert Outcome.ALARM == await at_once.look(tiles=True)
        assert ["bad-tile"] == at_once.kinds()
        (tmp_path / "other").mkdir()
        in_time = Monitored(tmp_path / "other", str(large.folder))
        outcomes = [await in_time.look() for _ in range(5)]
        assert ["bad-tile"] == in_time.kinds()
        assert Outcome.ALARM == outcomes[-1]
    finally:
        large.flip(path)
    assert Outcome.QUIET == await at_once.look()


@pytest.mark.parametrize("count", [1, 3, 64])
def test_a_sample_comes_round_to_every_tile_of_every_size(count: int) -> None:
    for size in (0, 1, 255, 256, 257, 600, 65_535, 65_536, 65_537, 1 << 24):
        tiles = list(tiles_of_size(size)) if size < 1 << 20 else []
        place, come = TilePlace(0, 0), list[Tile]()
        while len(come) < len(tiles):
            sample, place = tiles_from(size, place, count)
            assert len(sample) == min(count, len(tiles)), f"size {size}"
            come += sample
        assert tiles == come[: len(tiles)], f"size {size}"
        assert len(tiles_from(size, TilePlace(2, 5), count)[0]) <= count


@pytest.mark.parametrize("size", [1, 600, 70_000])
def test_a_place_that_a_smaller_tree_has_not_is_gone_on_from(size: int) -> None:
    sample, _ = tiles_from(size, TilePlace(7, 99), 1)
    assert sample[0] in set(tiles_of_size(size))
