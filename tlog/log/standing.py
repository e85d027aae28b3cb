"""What operators and their tools may know of a log: its facts, and what holds of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from tlog.log.cosigning.collector import Witnessing
from tlog.log.cosigning.guard import WriteGuard
from tlog.log.publishing.heads import Heads
from tlogverify.keys import VerifierKey


@dataclass(frozen=True, slots=True)
class Standing:
    """The face of a log for those that run it.

    keys: of its heads.  policy: the text of a policy for those who verify.  claims:
    must all hold for submissions to be taken; each is asked anew.  doors: whether each
    door takes entries, by its name.  witnessing: None for a log without witnesses.
    facts: what a node of several says of itself beside.  refresh: awaited before facts
    or metrics are told, where other processes have a part in them.
    """

    origin: str
    keys: Sequence[VerifierKey]
    policy: str
    heads: Heads
    claims: Mapping[str, Callable[[], bool]]
    doors: Mapping[str, bool]
    guard: WriteGuard
    witnessing: Witnessing | None
    facts: Callable[[], Mapping[str, object]] | None = None
    refresh: Callable[[], Awaitable[None]] | None = None
