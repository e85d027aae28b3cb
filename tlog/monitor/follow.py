"""From the verified head to a larger one: every new entry is read and hashed.

Nothing is believed before the root comes out.  Then the cursor moves once, together
with what the watches found on the way.
"""

from contextlib import aclosing

from tlog.monitor.heads import SeenHead
from tlog.monitor.matching import Matcher
from tlog.monitor.reading import AlarmOfHit
from tlog.monitor.run import UnverifiedRun
from tlog.monitor.source import Source
from tlog.monitor.state import State
from tlog.monitor.surroundings import Surroundings
from tlog.monitor.threads import finish
from tlog.monitor.verdict import (
    SplitViewError,
    compare,
    convict,
    require_extension,
)
from tlog.monitor.window import Window
from tlogverify.errors import FormatError
from tlogverify.tiles import TILE_WIDTH


class Follower:
    """Moves the cursor of one state along one log."""

    def __init__(
        self, source: Source, state: State, surroundings: Surroundings
    ) -> None:
        self._source = source
        self._state = state
        self._clock = surroundings.clock
        self._metrics = surroundings.metrics
        self._on_read = surroundings.on_read

    async def follow(
        self, origin: str, head: SeenHead, matcher: Matcher, alarm_of: AlarmOfHit
    ) -> None:
        """Prove a signed head, and move the cursor to it if it is larger.

        Raises SplitViewError or BadLogError if it is not proven, SourceError if the
        entries did not come.  The cursor stays where it was then.
        """
        cursor = self._state.cursor()
        verified = cursor.head
        if head.size <= verified.size:
            await finish(_compare, head, self._state)
            if head.size == verified.size and head.note != verified.note:
                # Other keys or witnesses signed it: proofs are made for today's policy.
                await finish(self._state.reading.renew, head)
            if verified.note != b"":
                return
        elif head.size < cursor.bundles * TILE_WIDTH:
            # The stored run is of a head that is larger than this one.
            await finish(self._state.drop_run)
        run = UnverifiedRun(self._state, head, matcher)
        if head.size > verified.size and not await self._is_proven(run):
            await convict(head, verified, self._source)
        await finish(run.accept, origin, self._clock.now_s(), alarm_of)

    async def _is_proven(self, run: UnverifiedRun) -> bool:
        """Read a run to its head; return whether the head's root comes out of it.

        Raises SplitViewError if it does, and the verified head is not of that tree.
        """
        try:
            await self._read(run)
        except FormatError:
            # What came before the broken bundle stays in the run.
            return False
        try:
            if await finish(_leads_to_head, run, self._state):
                return True
        except SplitViewError:
            await finish(self._state.drop_run)
            raise
        await finish(self._state.drop_run)
        return False

    async def _read(self, run: UnverifiedRun) -> None:
        """Read, hash and store all bundles up to a run's head."""
        size = run.head.size
        window = Window(self._source, run.next_bundle, size)
        try:
            async with aclosing(window.chunks()) as chunks:
                async for chunk in chunks:
                    await finish(run.take, chunk)
                    self._metrics.entries_behind.set(size - run.size)
                    self._on_read(run.size, size)
        finally:
            # A reading that stops halfway is counted too: the next one goes on there.
            await finish(run.count)


def _leads_to_head(run: UnverifiedRun, state: State) -> bool:
    head, tree = run.head, run.tree()
    if tree.root(head.size) != head.root:
        return False
    require_extension(head, state.cursor().head, tree)
    return True


def _compare(head: SeenHead, state: State) -> None:
    compare(head, state.cursor().head, state.tree())
