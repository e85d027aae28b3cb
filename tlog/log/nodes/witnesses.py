"""The witnesses of a log that a node follows: what the writer knows of them, told on.

No node that follows asks a witness: it would be asked by each of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

from tlog.log.cosigning.collector import Witnessing
from tlog.log.cosigning.guard import Contradiction, Judged
from tlog.log.cosigning.links import LinkState
from tlog.log.nodes.following import Following
from tlog.log.nodes.wire import ToldWitness, ToldWitnesses


class _Seen(NamedTuple):
    name: str
    url: str
    state: LinkState


class FollowedGuard:
    """What the witnesses have said to the writer, as far as it has told."""

    def __init__(self, following: Following) -> None:
        self._following = following

    @property
    def contradictions(self) -> Sequence[Contradiction]:
        """What they have said against the log."""
        told = self._following.witnesses
        return () if told is None else told.contradictions

    @property
    def is_contradicted(self) -> bool:
        """Whether they have said anything against it."""
        return bool(self.contradictions)

    @property
    def is_confirmed(self) -> bool:
        """Whether the writer may write by their word."""
        told = self._following.witnesses
        return told is None or told.is_confirmed


def told_of(witnessing: Witnessing | None, guard: Judged) -> ToldWitnesses | None:
    """Return what a writer tells of its witnesses; None if it has none."""
    if witnessing is None:
        return None
    links = [
        ToldWitness(
            it.name,
            it.url,
            it.state.outcome,
            it.state.known_size,
            it.state.latency_ms,
            it.state.last_success_s,
        )
        for it in witnessing.links
    ]
    said, size = list(guard.contradictions), witnessing.cosigned_size()
    return ToldWitnesses(size, links, said, guard.is_confirmed)


def witnessing_of(told: ToldWitnesses | None) -> Witnessing | None:
    """Return the same for the doors of a node that follows."""
    if told is None:
        return None
    links = [
        _Seen(
            it.name,
            it.url,
            LinkState(it.outcome, it.known_size, it.latency_ms, it.last_success_s),
        )
        for it in told.links
    ]
    return Witnessing(links, lambda: told.cosigned_size)
