"""A decision: sources in the order of their cost, the judge, and one deadline.

Questions on one artifact that come while it is judged wait for the same verdict.  When
the deadline comes, who waits is answered that nothing was decided; the judging goes on
within the patience of its sources and fills the cache, so that who asks again is
answered at once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from tlog import tracing
from tlog.clock import Clock
from tlog.gate.beliefs import Belief, Beliefs
from tlog.gate.cache import Key, VerdictCache
from tlog.gate.decisions import Decision, Reason, decision_of
from tlog.gate.folders import DocumentFolder
from tlog.gate.metrics import GateMetrics
from tlog.gate.sources import Asked, Source
from tlog.log_lines import log_event
from tlog.rules import (
    Document,
    OpenedArtifact,
    Verdict,
    judge,
    open_documents,
)
from tlogverify.errors import TlogError

_OF_PATIENCE: Final = 0.8
"""The rest is for the way of question and answer."""

_TROUBLE: Final = (TlogError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Bounds:
    """checks: artifacts that are judged at once.

    asks_all: sources are asked even where those before have let it through.
    """

    deadline_s: float
    checks: int
    asks_all: bool


class Watched(NamedTuple):
    """By what a decider judges, and where it counts."""

    clock: Clock
    metrics: GateMetrics


class Decider:
    """Decides by what is believed now; sources: the cheapest first.

    folder: whose change makes verdicts old, or None.
    """

    def __init__(
        self,
        beliefs: Beliefs,
        sources: Sequence[Source],
        cache: VerdictCache,
        *,
        folder: DocumentFolder | None,
        bounds: Bounds,
        watched: Watched,
    ) -> None:
        self._beliefs = beliefs
        self._sources = sources
        self._cache = cache
        self._folder = folder
        self._bounds = bounds
        self._under_way: dict[tuple[Key, int | None], asyncio.Task[Decision]] = {}
        self._clock, self._metrics = watched
        self._metrics.cached.set_function(lambda: len(cache))
        self._metrics.under_way.set_function(lambda: len(self._under_way))

    def deadline(self, patience_s: float | None = None) -> float:
        """Return when a question that comes now is answered, by the loop's time.

        patience_s: how long who asks waits, if that is known; an answer comes before.
        """
        wait_s = self._bounds.deadline_s
        if patience_s is not None:
            wait_s = min(wait_s, patience_s * _OF_PATIENCE)
        return asyncio.get_running_loop().time() + wait_s

    async def decide(
        self, asked: Asked, environment: str, deadline: float | None
    ) -> Decision:
        """Return a decision by the deadline; None waits for the sources alone."""
        if not tracing.is_told():
            return await self._decide(asked, environment, deadline)
        with tracing.span("decide", _told_of(asked, environment)) as noted:
            decision = await self._decide(asked, environment, deadline)
            noted.update(_told_after(decision))
        return decision

    async def _decide(
        self, asked: Asked, environment: str, deadline: float | None
    ) -> Decision:
        try:
            async with asyncio.timeout_at(deadline):
                belief = await self._beliefs.of(environment)
        except TimeoutError:
            why = "the rules are being read again"
            return _undecided(asked, Reason.DEADLINE, why)
        if belief is None:
            return Decision(
                asked.subject,
                "refused",
                Reason.NO_RULES,
                f"there are no rules for the environment {environment}",
                asked.sha256,
            )
        key = self._key(asked, belief)
        generation = await self._generation_by(deadline)
        kept = None if generation is None else self._cache.get(key, generation)
        if kept is not None:
            self._metrics.cache_hits.inc()
            return replace(kept, subject=asked.subject, is_cached=True)
        # A verdict on what the folder was before is not waited for.
        turn = (key, generation)
        task = self._under_way.get(turn)
        if task is None:
            if len(self._under_way) >= self._bounds.checks:
                return _undecided(asked, Reason.BUSY, "too much is being judged now")
            task = asyncio.create_task(self._judge(key, belief, asked))
            self._under_way[turn] = task
            task.add_done_callback(lambda _: self._under_way.pop(turn, None))
        try:
            async with asyncio.timeout_at(deadline):
                # Who stops to wait must not end it for others.
                decision = await asyncio.shield(task)
        except TimeoutError:
            why = "no source answered in the time for it"
            return _undecided(asked, Reason.DEADLINE, why)
        return replace(decision, subject=asked.subject)

    def _key(self, asked: Asked, belief: Belief) -> Key:
        # Another registry may have other documents of the same image.
        is_by_place = any(it.is_by_place for it in self._sources)
        reference = asked.reference if is_by_place else ""
        rules, trust = belief.rules.sha256, belief.trust_sha256
        return Key(asked.sha256, rules, trust, reference)

    async def close(self) -> None:
        """End what is under way."""
        tasks = [*self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _generation_by(self, deadline: float | None) -> int | None:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._generation()
        except _TROUBLE:
            # The source will say so.
            return None

    async def _generation(self) -> int:
        if self._folder is None:
            return 0
        known = self._folder.settled()
        if known is not None:
            return known
        return await asyncio.to_thread(self._folder.generation)

    async def _judge(self, key: Key, belief: Belief, asked: Asked) -> Decision:
        finding = _Finding(belief, asked, self._clock)
        troubles: list[str] = []
        is_local = True
        try:
            # Before anything is read: what comes later makes the verdict old.
            generation = await self._generation()
        except _TROUBLE:
            # The source will say so; nothing is kept under this number.
            generation = -1
        for source in self._sources:
            # That a log has nothing is an answer too, and may be another one soon.
            is_local = is_local and source.is_local
            try:
                found = await source.find(asked)
            except _TROUBLE as error:
                self._metrics.source_failures.labels(source.name).inc()
                troubles.append(f"the {source.name} could not be asked")
                log_event(
                    "a source did not answer",
                    level="warning",
                    source=source.name,
                    error=type(error).__name__,
                )
                continue
            if found.left_out:
                troubles.append(found.left_out)
            await asyncio.to_thread(finding.add, found.documents)
            if finding.verdict.allowed and not self._bounds.asks_all:
                break
        if self._bounds.asks_all and troubles and finding.verdict.allowed:
            decision = _undecided(asked, Reason.SOURCE, "; ".join(troubles))
        else:
            decision = decision_of(
                asked.subject, finding.verdict, finding.opened, troubles
            )
        self._cache.put(key, decision, generation, is_local=is_local)
        return decision


class _Finding:
    """All that was found of one artifact, and the verdict on it."""

    def __init__(self, belief: Belief, asked: Asked, clock: Clock) -> None:
        self._belief = belief
        self._clock = clock
        self._digest = f"sha256:{asked.sha256.hex()}"
        self.opened = OpenedArtifact(asked.sha256, (), ())
        self.verdict: Verdict = judge(belief.rules, self.opened, clock.now_s())

    def add(self, documents: Sequence[Document]) -> None:
        """Open documents and judge all that there are by now."""
        # All of a source at once: an SBOM may be the first, and what refers to it the
        # last of them.
        more = open_documents(
            self._digest,
            documents,
            self._belief.rules,
            self._belief.trust,
            most=len(documents),
        )
        # A document that is found twice stays twice: its entries may differ, and the
        # judge counts signers.
        self.opened = OpenedArtifact(
            self.opened.sha256,
            self.opened.opened + more.opened,
            self.opened.unopened + more.unopened,
        )
        now_s = self._clock.now_s()
        self.verdict = judge(self._belief.rules, self.opened, now_s)


def _told_of(asked: Asked, environment: str) -> tracing.Attributes:
    told: dict[str, tracing.Value] = {
        "artifact.hash": f"sha256:{asked.sha256.hex()}",
        "tlog.environment": environment,
    }
    if asked.reference:
        image = asked.reference.removeprefix("oci://")
        told["container.image.name"] = image.partition("@")[0]
        told["container.image.repo_digests"] = [image]
    return told


def _told_after(decision: Decision) -> tracing.Attributes:
    told = {"tlog.outcome": decision.outcome, "tlog.reason": decision.reason.value}
    if decision.places:
        first = decision.places[0]
        told["artifact.attestation.id"] = f"{first.origin}#{first.index}"
    return told


def _undecided(asked: Asked, reason: Reason, words: str) -> Decision:
    return Decision(asked.subject, "undecided", reason, words, asked.sha256)
