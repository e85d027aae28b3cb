"""Bundles come in order whatever the order of the answers, and within bounds."""

from collections.abc import Sequence

import pytest

from tests.support.cases import in_one_test
from tlog.monitor.web import SourceError
from tlog.monitor.window import Window
from tlogverify.tiles import Tile


class Scripted:
    """A source that answers at once; failing: the bundle that it does not have."""

    def __init__(self, run: int, parallel: int, size: int, failing: int = -1) -> None:
        self.run = run
        self.parallel = parallel
        self._size = size
        self._failing = failing
        self.asked: list[int] = []

    async def checkpoint(self) -> bytes:
        return b""

    async def tiles(self, wanted: Sequence[Tile]) -> list[bytes]:
        self.asked += [tile.index for tile in wanted]
        if self._failing in {tile.index for tile in wanted}:
            raise SourceError("scripted")
        return [tile.index.to_bytes(4, "big").ljust(self._size) for tile in wanted]


async def take(window: Window, come: list[bytes]) -> None:
    """Put all that comes into a list, as it comes."""
    async for chunk in window.chunks():
        come += chunk


async def read(source: Scripted, count: int) -> tuple[list[int], int]:
    """Take all chunks; return what came, and the most that was asked for ahead."""
    come: list[int] = []
    ahead = 0
    async for chunk in Window(source, 0, 256 * count).chunks():
        ahead = max(ahead, len(source.asked) - len(come))
        come += [int.from_bytes(it[:4], "big") for it in chunk]
    return come, ahead


@in_one_test("count", [0, 1, 2, 63, 64, 65, 1_000])
@in_one_test(("run", "parallel"), [(1, 1), (1, 8), (16, 2), (7, 3)])
async def test_all_come_in_order(count: int, run: int, parallel: int) -> None:
    come, _ = await read(Scripted(run, parallel, 10), count)
    assert list(range(count)) == come


async def test_small_ones_are_asked_for_256_ahead_at_most() -> None:
    _, ahead = await read(Scripted(1, 8, 10), 2_000)
    assert ahead <= 256


async def test_large_ones_are_asked_for_as_memory_allows() -> None:
    """24 MiB wait at most, and the answers under way: 8 of 1 MiB."""
    come, ahead = await read(Scripted(1, 8, 1 << 20), 200)
    assert list(range(200)) == come
    assert ahead <= 24 + 8


@in_one_test("failing", [0, 1, 63, 64, 500, 599])
@in_one_test(("run", "parallel"), [(1, 1), (1, 8), (16, 2)])
async def test_what_came_before_a_failure_is_given(
    failing: int, run: int, parallel: int
) -> None:
    source = Scripted(run, parallel, 10, failing)
    come: list[bytes] = []
    with pytest.raises(SourceError):
        await take(Window(source, 0, 256 * 600), come)
    assert failing // run * run == len(come)
