"""What a front end reads of a log: its heads, tiles and index."""

import asyncio
from http import HTTPStatus
from typing import Final

from tlog.log.merkle.snapshot import Snapshot
from tlog.log.nodes.link import NotReachedError
from tlog.log.proofs.reader import Stored
from tlog.log.publishing.heads import NotCosignedError
from tlog.log.workers.board import Reader
from tlog.log.workers.leading import Leader
from tlogverify.tiles import Tile

_LOOK_S: Final = 0.01


class PostedHeads:
    """Shows what the process that writes has posted.

    shows_at_once: a head is shown as it is signed, without witnesses.
    """

    def __init__(self, reader: Reader, *, shows_at_once: bool) -> None:
        self._reader = reader
        self._shows_at_once = shows_at_once
        self._is_ending = False

    @property
    def signed(self) -> Snapshot:
        """The newest signed head."""
        return self._reader.stand.signed

    @property
    def shown(self) -> Snapshot:
        """The newest head that readers are given; NotCosignedError before the first."""
        shown = self._reader.stand.shown
        if shown is None:
            raise NotCosignedError("no head is cosigned yet")
        return shown

    @property
    def readable(self) -> Snapshot:
        """The signed head; of a contradicted log what is shown, since it may be a fork.

        NotCosignedError if nothing is.
        """
        return self.signed if self._reader.stand.is_open else self.shown

    async def wait_for(
        self, size: int, signed: Snapshot, timeout_s: float
    ) -> Snapshot | None:
        """Return a shown head of at least `size`; None if it takes too long."""
        if self._shows_at_once:
            return signed
        loop = asyncio.get_running_loop()
        end_s = loop.time() + timeout_s
        while True:
            stand = self._reader.stand
            shown = stand.shown
            if shown is not None and stand.is_cosigned and shown.size >= size:
                return shown
            if self._is_ending or not stand.is_open or loop.time() >= end_s:
                return None
            await asyncio.sleep(_LOOK_S)

    def start(self) -> None:
        """There is nothing to do."""

    def wake(self) -> None:
        """There is nothing to do."""

    def end_waiting(self) -> None:
        """Let all that wait for a head go without: the front end is stopping."""
        self._is_ending = True

    async def close(self) -> None:
        """There is nothing to end."""


class LedTiles:
    """Full tiles: from the folder, and those that are not there yet from who writes."""

    def __init__(self, files: Stored, leader: Leader) -> None:
        self._files = files
        self._leader = leader

    def read(self, tile: Tile) -> bytes:
        """Return a tile's bytes; as `tlog.log.proofs.reader.Stored`."""
        try:
            return self._files.read(tile)
        except FileNotFoundError:
            pass
        try:
            return self._leader.ask("GET", f"/{tile.path}")
        except NotReachedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            # It may have been written meanwhile; if not, it is missing.
            return self._files.read(tile)

    def read_now(self, tile: Tile, limit_bytes: int) -> bytes | None:
        """Return a tile's bytes if the folder has it and that waits for nothing."""
        return self._files.read_now(tile, limit_bytes)

    def get(self, tile: Tile) -> bytes | None:
        """Return None: what no folder has is asked for."""
        return None


class LedIndex:
    """The search index, which the process that writes has open."""

    def __init__(self, reader: Reader, leader: Leader) -> None:
        self._reader = reader
        self._leader = leader

    @property
    def complete_to(self) -> int:
        """The size up to which every entry can be found."""
        return self._reader.stand.complete_to

    def search(self, key: bytes, start: int, limit: int) -> list[int]:
        """Return up to `limit` indexes of entries that `key` finds, from `start`."""
        return self._leader.search(key, start, limit)
