"""Group commit: all moves that came while the last ones were committed, at once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from tlog.errors import BusyError, FatalError
from tlog.log_lines import log_event
from tlog.metrics import WitnessMetrics
from tlog.witness.state import KnownHead, Move
from tlogverify.errors import TlogError


class Moves(Protocol):
    """Where moves become durable."""

    def commit(self, moves: Sequence[Move]) -> None:
        """Store all of `moves`, or none."""
        ...


class GroupCommit:
    """Commits moves of different origins together, on one other thread at a time.

    heads: what the state holds.  known: the newest head by origin, each durable.
    on_stop: called when a commit's outcome is unknown; nothing is committed after that.
    failure: that fatal error, if there was one.
    """

    def __init__(
        self, state: Moves, heads: dict[str, KnownHead], metrics: WitnessMetrics
    ) -> None:
        self._state = state
        self.known = heads
        self._metrics = metrics
        self._waiting: list[tuple[Move, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False
        self.on_stop: Callable[[], object] = lambda: None
        self.failure: FatalError | None = None

    async def commit(self, move: Move) -> None:
        """Wait until `move` is durable.

        Raises BusyError if it was not stored, FatalError if that is not known.
        """
        if self.failure is not None:
            raise self.failure
        if self._is_closed:
            raise BusyError("the witness is stopping")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((move, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def close(self) -> None:
        """Wait for what is under way, and take no more.

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
        if self.failure is not None:
            return self.failure
        try:
            with self._metrics.commit_seconds.time():
                await asyncio.to_thread(self._state.commit, moves)
        except FatalError as error:
            self._fail(error)
            return error
        except TlogError as error:
            return error
        except Exception as error:  # noqa: BLE001 - the top of this task: it ends here
            failure = FatalError(f"a commit failed: {error!r}")
            self._fail(failure)
            return failure
        self._metrics.commit_heads.observe(len(moves))
        return None

    def _fail(self, error: FatalError) -> None:
        self.failure = error
        log_event("witness stopped", level="error", error=str(error))
        self.on_stop()
