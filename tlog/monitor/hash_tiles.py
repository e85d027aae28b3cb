"""The log's hash tiles, held against those that the stored entries lead to.

A monitor computes its tree from the entries and believes no tile.  Others read tiles,
and a damaged one gives them proofs that fail.  So each round compares some tiles, one
after the other and around again, or all of them where that is asked for.

Tiles that were found damaged are compared in every round until they are right again.  A
tile that does not come is passed over: what is missing is not told as damage.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Final

from tlog.log_lines import log_event
from tlog.monitor.alarms import BAD_TILE, Alarms
from tlog.monitor.source import Source
from tlog.monitor.state import State
from tlog.monitor.stored import StoredTree
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.threads import finish
from tlog.monitor.tree import TilePlace, tile_at, tiles_from
from tlog.monitor.web import MissingError, SourceError
from tlogverify.errors import FormatError
from tlogverify.tiles import Tile, tiles_of_size

_SAMPLE_TILES: Final = 64
_TILES_AT_A_TIME: Final = 64


class TileComparison:
    """Compares hash tiles of one log in each round; is_whole: all, not a sample."""

    def __init__(
        self,
        source: Source,
        state: State,
        alarms: Alarms,
        surroundings: Surroundings,
        *,
        is_whole: bool,
    ) -> None:
        self._source = source
        self._state = state
        self._alarms = alarms
        self._metrics = surroundings.metrics
        self._is_whole = is_whole

    async def compare(self) -> None:
        """Compare tiles of the verified head, and raise or end the alarm of them.

        It stops early where the log does not answer at all.
        """
        size, compared = self._state.cursor().head.size, self._state.compared
        if self._is_whole:
            wanted, following = tiles_of_size(size), compared.next_place()
        else:
            sample, following = tiles_from(size, compared.next_place(), _SAMPLE_TILES)
            wanted = iter([*self._damaged(size), *sample])
        while some := list(islice(wanted, _TILES_AT_A_TIME)):
            if not await self._compare(some, following):
                break
        self._judge(size)

    async def _compare(self, wanted: list[Tile], following: TilePlace) -> bool:
        """Compare some tiles; return whether the log answers."""
        answers = await asyncio.gather(*map(self._fetch, wanted))
        found = {
            tile: answer
            for tile, answer in zip(wanted, answers, strict=True)
            if isinstance(answer, bytes)
        }
        damaged = await finish(_differing, self._state.tree(), found)
        known = self._state.compared.damaged()
        for tile in damaged:
            if TilePlace(tile.level, tile.index) not in known:
                log_event("hash tile differs", level="error", tile=tile.path)
        whole = found.keys() - damaged
        await finish(self._state.compared.note, whole, damaged, following)
        self._metrics.compared_tiles.inc(len(found))
        return any(isinstance(it, bytes | MissingError) for it in answers)

    async def _fetch(self, tile: Tile) -> bytes | SourceError:
        """Return the bytes that stand in a tile's place, or why none came."""
        try:
            (answer,) = await self._source.tiles([tile])
        except FormatError:
            # Something came that is too long for a tile, for example: no tile has it.
            return b""
        except SourceError as error:
            log_event("hash tile not read", level="debug", error=str(error))
            return error
        return answer

    def _damaged(self, size: int) -> Iterator[Tile]:
        places = self._state.compared.damaged()[:_SAMPLE_TILES]
        return (tile_at(size, *place) for place in places)

    def _judge(self, size: int) -> None:
        damaged = self._state.compared.damaged()
        if not damaged:
            self._alarms.end(BAD_TILE)
            return
        first, more = tile_at(size, *damaged[0]), len(damaged) - 1
        others = f", nor are {more} others" if more else ""
        self._alarms.begin(
            BAD_TILE, f"{first.path} is not what the entries lead to{others}"
        )


def _differing(tree: StoredTree, found: dict[Tile, bytes]) -> set[Tile]:
    return {tile for tile, answer in found.items() if answer != tree.tile(tile)}
