"""Group commit: all moves that came while the last ones were committed, at once."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from tlog.errors import BusyError
from tlog.lifeline import Lifeline
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.state import KnownHead, Move
from tlogverify.errors import TlogError


class Moves(Protocol):
    """Where moves become durable."""

    def commit(self, moves: Sequence[Move]) -> None:
        """Store all of `moves`, or no move of them."""
        ...


class GroupCommit:
    """Commits moves of different origins together, on one other thread at a time.

    heads: what the state holds.  known: the newest head by origin, each durable.
    lifeline: fails if a commit's outcome is unknown; nothing is committed afterwards.
    """

    def __init__(
        self,
        state: Moves,
        heads: dict[str, KnownHead],
        metrics: WitnessMetrics,
        lifeline: Lifeline,
    ) -> None:
        self._state = state
        self.known = heads
        self._metrics = metrics
        self._lifeline = lifeline
        self._waiting: list[tuple[Move, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    async def commit(self, move: Move) -> None:
        """Wait until `move` is durable.

        Raises BusyError if it was not stored, FatalError if that is not known.
        """
        if self._lifeline.failure is not None:
            raise self._lifeline.failure
        if self._is_closed:
            raise BusyError("the witness is stopping")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((move, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def close(self) -> None:
        """Wait for the commits that are under way, and take no more.

        A turn goes on when its client has gone: it must not commit to a closed state.
        """
        self._is_closed = True
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, []
            outcome = await self._store([move for move, _ in some])
            for move, done in some:
                if outcome is None:
                    self.known[move.origin] = move.new
                    done.set_result(None)
                else:
                    done.set_exception(outcome)
        self._task = None

    async def _store(self, moves: list[Move]) -> TlogError | None:
        """Commit moves; return why they are not known to be stored, if they are not."""
        if self._lifeline.failure is not None:
            return self._lifeline.failure
        with self._lifeline.guarding("witness"):
            try:
                with self._metrics.commit_seconds.time():
                    await asyncio.to_thread(self._state.commit, moves)
            except BusyError as error:
                return error
            self._metrics.commit_heads.observe(len(moves))
        return self._lifeline.failure
