"""Which of the log's hash tiles were found damaged, and which are compared next."""

from collections.abc import Iterable
from typing import Final

from tlog.monitor.database import StateDatabase
from tlog.monitor.tree import TilePlace
from tlogverify.tiles import Tile

_MAX_DAMAGED: Final = 1_000


class ComparedTiles:
    """The record of one state; of damaged tiles it keeps a thousand at most."""

    def __init__(self, database: StateDatabase) -> None:
        self._database = database

    def next_place(self) -> TilePlace:
        """Return where the next sample begins."""
        rows = self._database.rows("SELECT level, tile_index FROM next_tile")
        return TilePlace(*rows[0]) if rows else TilePlace(0, 0)

    def damaged(self) -> list[TilePlace]:
        """Return the tiles that differed when they were compared last, in order."""
        sql = "SELECT level, tile_index FROM damaged_tiles ORDER BY level, tile_index"
        return [TilePlace(*row) for row in self._database.rows(sql)]

    def note(
        self, whole: Iterable[Tile], damaged: Iterable[Tile], following: TilePlace
    ) -> None:
        """Keep what a comparison found; following: where the next sample begins."""
        with self._database.transaction():
            for tile in whole:
                self._database.execute(
                    "DELETE FROM damaged_tiles WHERE level = ? AND tile_index = ?",
                    tile.level,
                    tile.index,
                )
            for tile in damaged:
                self._database.execute(
                    "INSERT OR IGNORE INTO damaged_tiles SELECT ?, ? "
                    "WHERE (SELECT count(*) FROM damaged_tiles) < ?",
                    tile.level,
                    tile.index,
                    _MAX_DAMAGED,
                )
            self._database.execute("DELETE FROM next_tile")
            self._database.execute("INSERT INTO next_tile VALUES (?, ?)", *following)
