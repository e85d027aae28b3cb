"""What operators and their tools may know of a log: its facts, and what holds of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tlog.log.cosigning.collector import Witnessing
from tlog.log.cosigning.guard import Judged
from tlog.log.publishing.heads import Heads
from tlogverify.keys import VerifierKey


class Identity(Protocol):
    """Which log it is, for those who verify it; it may change while a node follows."""

    @property
    def origin(self) -> str:
        """Return the log's name."""
        ...

    @property
    def keys(self) -> Sequence[VerifierKey]:
        """Return the keys that sign its heads now."""
        ...

    @property
    def policy(self) -> str:
        """Return the text of a policy."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """The face of a log for those that run it.

    claims: must all hold for submissions to be taken; each is asked anew.  doors:
    whether each door takes entries, by its name.  guard: what witnesses have said.
    watched: returns them, and None for a log without any.  facts: what a node of
    several says of itself beside.  refresh: awaited before facts or metrics are told,
    where other processes have a part in them.
    """

    identity: Identity
    heads: Heads
    claims: Mapping[str, Callable[[], bool]]
    doors: Mapping[str, bool]
    guard: Judged
    watched: Callable[[], Witnessing | None]
    facts: Callable[[], Mapping[str, object]] | None = None
    refresh: Callable[[], Awaitable[None]] | None = None

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.identity.origin

    @property
    def keys(self) -> Sequence[VerifierKey]:
        """The keys that sign its heads now."""
        return self.identity.keys

    @property
    def policy(self) -> str:
        """The text of a policy for those who verify."""
        return self.identity.policy

    @property
    def witnessing(self) -> Witnessing | None:
        """The witnesses; None for a log without any."""
        return self.watched()
