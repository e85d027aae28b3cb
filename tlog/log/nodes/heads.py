"""The heads that a node follows, for its doors."""

import asyncio
from contextlib import suppress
from typing import NamedTuple

from tlog.log.merkle.snapshot import Snapshot
from tlog.log.nodes.following import Following
from tlog.log.publishing.heads import NotCosignedError


class _Waiter(NamedTuple):
    size: int
    head: asyncio.Future[Snapshot]


class FollowedHeads:
    """Shows what the writer shows.

    is_shown_at_once: a head is shown as it is signed, without witnesses.
    """

    def __init__(self, following: Following, *, is_shown_at_once: bool) -> None:
        self._following = following
        self._is_shown_at_once = is_shown_at_once
        self._waiters: list[_Waiter] = []
        self._is_ending = False

    @property
    def signed(self) -> Snapshot:
        """The newest head that the writer has told."""
        return self._following.signed

    @property
    def shown(self) -> Snapshot:
        """The newest head that it shows; NotCosignedError before the first."""
        shown = self._following.shown
        if not shown.note:
            raise NotCosignedError("no head is cosigned yet")
        return shown

    @property
    def readable(self) -> Snapshot:
        """The newest head that the writer has told."""
        return self._following.signed

    async def wait_for(
        self, size: int, signed: Snapshot, timeout_s: float
    ) -> Snapshot | None:
        """Return a shown head of at least `size`; None if it takes too long."""
        if self._is_shown_at_once:
            return signed
        shown = self._following.shown
        if shown.note and shown.size >= size:
            return shown
        if self._is_ending:
            return None
        waiter = _Waiter(size, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        with suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(timeout_s):
                return await waiter.head
        self._waiters = [it for it in self._waiters if it is not waiter]
        return None

    def start(self) -> None:
        """There is nothing to do."""

    def wake(self) -> None:
        """Take note that there is a newer head."""
        shown = self._following.shown
        for waiter in self._waiters:
            if shown.note and shown.size >= waiter.size and not waiter.head.done():
                waiter.head.set_result(shown)
        self._waiters = [it for it in self._waiters if not it.head.done()]

    def end_waiting(self) -> None:
        """Let all that wait go without."""
        self._is_ending = True
        for waiter in self._waiters:
            waiter.head.cancel()
        self._waiters.clear()

    async def close(self) -> None:
        """There is nothing to end."""
