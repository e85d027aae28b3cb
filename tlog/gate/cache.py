"""Verdicts that need not be made again, by artifact, rules and trust.

    allowed, folders were asked alone    until rules or a folder change, or it expires
    allowed, others were asked too       the same, and at most so many seconds
    refused                              seconds: who attests now need not wait
    undecided                            never

The least used go first where there is no room.  Time is handed in.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from tlog.clock import Clock
from tlog.gate.decisions import Decision


class Key(NamedTuple):
    """rules, trust: SHA-256 of all that the verdict rests on beside documents.

    reference: where a registry was asked for some, else "".
    """

    sha256: bytes
    rules: bytes
    trust: bytes
    reference: str = ""


@dataclass(frozen=True, slots=True)
class _Kept:
    decision: Decision
    generation: int
    made_s: int
    until_monotonic_s: float | None


class VerdictCache:
    """At most so many verdicts; allowed_s where a network was asked, refused_s."""

    def __init__(
        self, clock: Clock, *, most: int, allowed_s: int, refused_s: int
    ) -> None:
        self._clock = clock
        self._most = most
        self._allowed_s = allowed_s
        self._refused_s = refused_s
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Key, generation: int) -> Decision | None:
        """Return what holds still; generation: of the folders' content."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if not self._holds(kept, generation):
            del self._kept[key]
            return None
        self._kept.move_to_end(key)
        return kept.decision

    def put(
        self, key: Key, decision: Decision, generation: int, *, is_local: bool
    ) -> None:
        """Keep a decision as long as it may live.

        generation: of the folders before their documents were read.  is_local: nothing
        was asked of a network, not even what it does not have.
        """
        if decision.outcome == "undecided" or self._most == 0:
            return
        life_s: int | None = self._refused_s
        if decision.outcome == "allowed":
            life_s = None if is_local else self._allowed_s
        now = self._clock.monotonic_s()
        until = None if life_s is None else now + life_s
        self._kept[key] = _Kept(decision, generation, self._clock.now_s(), until)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def _holds(self, kept: _Kept, generation: int) -> bool:
        now_s, expires_s = self._clock.now_s(), kept.decision.expires_s
        # Before it was made, another verdict may hold: the clock was set back.
        is_time = kept.made_s <= now_s and (expires_s is None or now_s < expires_s)
        until = kept.until_monotonic_s
        is_young = until is None or self._clock.monotonic_s() < until
        return kept.generation == generation and is_time and is_young
