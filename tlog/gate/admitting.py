"""An AdmissionReview to its answer: its images, and what a mode makes of verdicts.

    enforce       a Pod with an image that is not allowed is refused
    warn          it is let through, with warnings
    audit         it is let through at once, and judged behind the answer
    break-glass   it is let through because the API server's RBAC said so, on record

Nothing is changed in any object.  Templates are never refused: their Pods are.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from tlog.errors import BusyError
from tlog.gate.answering import Admitted, annotations_of, line_of, warning_of, worst
from tlog.gate.breaking import Spool, Use
from tlog.gate.decisions import Decision, Outcome, Reason
from tlog.gate.images import ImageName, parse_image
from tlog.gate.opening import OpenGate
from tlog.gate.reviews import REASON_ANNOTATION, Review
from tlog.gate.settings import Mode, parse_namespaces
from tlog.gate.sources import Asked
from tlog.log_lines import log_event
from tlog.rules.moments import show_time
from tlogverify.errors import FormatError, TlogError

_SHOWN: int = 8
"""Warnings of one review; more images are counted."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What holds for one review."""

    mode: Mode
    environment: str


class Admission:
    """Answers reviews for one gate."""

    def __init__(self, gate: OpenGate) -> None:
        self._gate = gate
        self._namespaces = parse_namespaces(gate.settings.namespaces)

    async def admit(
        self, review: Review, mode: Mode, patience_s: float | None = None
    ) -> Admitted:
        """Answer a review that came by the path of `mode`.

        patience_s: how long the API server waits, if it says so.
        """
        deadline = self._gate.decider.deadline(patience_s)
        rule = self._rule(review, mode)
        if not review.is_judged:
            return self._passed(review, rule, Reason.NOT_JUDGED)
        try:
            images = self._images(review)
        except FormatError as error:
            decision = Decision(
                review.kind, "refused", Reason.UNREADABLE, f"it cannot be read: {error}"
            )
            self._count([decision], rule)
            return self._answer(review, rule, [decision])
        if not images:
            return self._passed(review, rule, Reason.UNCHANGED)
        if rule.mode == "audit":
            return self._audit(review, rule, images)
        decisions = await self._decide(images, rule, deadline)
        self._count(decisions, rule)
        return self._answer(review, rule, decisions)

    async def break_glass(
        self, review: Review, patience_s: float | None = None
    ) -> Admitted:
        """Answer a review whose user may use break-glass, as the API server found."""
        deadline = self._gate.decider.deadline(patience_s)
        rule = _Rule("enforce", self._gate.settings.environment)
        if not review.is_judged or (review.is_known and not review.is_pod):
            return self._passed(review, rule, Reason.NOT_JUDGED)
        try:
            images = self._images(review)
            if not images:
                # Whoever has the right changes other things of Pods too.
                return self._passed(review, rule, Reason.UNCHANGED)
        except FormatError:
            # What is let through without a verdict need not be understood.
            images = ()
        spool = self._gate.spool
        if not review.is_pod:
            kept = (Reason.UNREADABLE, "it is for Pods alone")
        elif not review.why_break_glass():
            kept = (Reason.NO_REASON, f"say why: the annotation {REASON_ANNOTATION}")
        elif spool is None:
            kept = (
                Reason.BREAK_GLASS,
                "this gate has no folder to record it in: --spool",
            )
        elif review.is_dry_run:
            words = "a dry run: nothing was recorded"
            return self._glass_broken(review, images, words, ())
        else:
            return await self._break(spool, review, images, deadline)
        return self._glass_kept(review, *kept)

    async def _break(
        self, spool: Spool, review: Review, images: Sequence[str], deadline: float
    ) -> Admitted:
        settings, why = self._gate.settings, review.why_break_glass()
        now_s = self._gate.clock.now_s()
        expires_s = now_s + settings.break_glass_s
        use = Use(
            uid=review.uid,
            user=review.user,
            namespace=review.namespace,
            name=review.name,
            reason=why,
            images=tuple(images),
            sha256s=_digests(images),
            when_s=now_s,
            expires_s=expires_s,
        )
        try:
            path = await spool.keep(use)
        except (BusyError, OSError) as error:
            log_event(
                "break-glass not recorded", level="error", error=type(error).__name__
            )
            words = "it cannot be recorded here now"
            return self._glass_kept(review, Reason.BREAK_GLASS, words)
        index = None
        submitting = asyncio.create_task(spool.submit(path))
        self._gate.hold(submitting)
        try:
            async with asyncio.timeout_at(deadline):
                # Who is answered meanwhile must not leave it half done.
                index = await asyncio.shield(submitting)
        except TimeoutError:
            pass
        use_of = {"user": review.user, "namespace": review.namespace, "reason": why}
        if index is None:
            log_event("break-glass used", level="error", entry=None, **use_of)
        else:
            log_event("break-glass used", level="warning", entry=index, **use_of)
        if index is None and settings.break_glass_unlogged == "deny":
            submitting.cancel()
            await spool.forget(path)
            words = "the log did not take the record of it"
            return self._glass_kept(review, Reason.BREAK_GLASS, words)
        on_record = f"entry {index}" if index is not None else "logged later"
        until = show_time(expires_s)
        entry = "" if index is None else str(index)
        extra = (("expires", until), ("use", path.stem), ("entry", entry))
        return self._glass_broken(review, images, f"{on_record}, until {until}", extra)

    def _glass_broken(
        self,
        review: Review,
        images: Sequence[str],
        words: str,
        extra: tuple[tuple[str, str], ...],
    ) -> Admitted:
        subject = images[0] if images else review.kind
        decision = Decision(subject, "allowed", Reason.BREAK_GLASS, words)
        self._tell(decision, "break-glass", self._gate.settings.environment)
        warning = f"break-glass: not verified: {words}"
        annotations = (
            *annotations_of([decision]),
            ("why", review.why_break_glass()),
            ("user", review.user),
            *extra,
        )
        return Admitted(review.uid, True, "", (warning,), annotations)

    def _glass_kept(self, review: Review, reason: Reason, words: str) -> Admitted:
        decision = Decision(review.kind, "refused", reason, f"break-glass: {words}")
        self._tell(decision, "break-glass", self._gate.settings.environment)
        return Admitted(
            review.uid,
            False,
            line_of(decision),
            annotations=annotations_of([decision]),
        )

    def _rule(self, review: Review, mode: Mode) -> _Rule:
        usual = self._gate.settings.environment
        override = self._namespaces.get(review.namespace)
        if override is None:
            return _Rule(mode, usual)
        return _Rule(override.mode, override.environment or usual)

    def _images(self, review: Review) -> tuple[str, ...]:
        if not review.is_known:
            raise FormatError("neither a Pod nor a template of Pods", review.kind)
        return review.images()

    async def _decide(
        self, images: Sequence[str], rule: _Rule, deadline: float | None
    ) -> list[Decision]:
        with self._gate.metrics.seconds.time():
            return list(
                await asyncio.gather(
                    *(self._decide_one(it, rule.environment, deadline) for it in images)
                )
            )

    async def _decide_one(
        self, text: str, environment: str, deadline: float | None
    ) -> Decision:
        try:
            image = parse_image(text)
        except FormatError as error:
            return Decision(text, "refused", Reason.UNREADABLE, str(error))
        if image.sha256 is None:
            return await self._decide_tag(image, environment, deadline)
        asked = Asked(text, image.sha256, image.reference)
        return await self._gate.decider.decide(asked, environment, deadline)

    async def _decide_tag(
        self, image: ImageName, environment: str, deadline: float | None
    ) -> Decision:
        registry = self._gate.registry
        if registry is None or not self._gate.settings.resolve:
            words = "it is not named by its digest: use NAME@sha256:HEX"
            return Decision(image.text, "refused", Reason.NO_DIGEST, words)
        try:
            async with asyncio.timeout_at(deadline):
                sha256 = await registry.resolve(image.reference)
        except (TlogError, OSError, TimeoutError) as error:
            self._gate.metrics.source_failures.labels("registry").inc()
            why = str(error) or "no answer in the time for it"
            words = f"its digest is not known: {why}"
            return Decision(image.text, "undecided", Reason.SOURCE, words)
        reference = replace(image, sha256=sha256).reference
        asked = Asked(image.text, sha256, reference)
        found = await self._gate.decider.decide(asked, environment, deadline)
        # A tag may lead elsewhere before the image is pulled: it is only told.
        words = f"its tag led to sha256:{sha256.hex()}: {found.words}"
        return replace(found, words=words)

    def _audit(self, review: Review, rule: _Rule, images: Sequence[str]) -> Admitted:
        is_begun = self._gate.later(self._look_later(review, rule, images))
        reason = Reason.LATER if is_begun else Reason.BUSY
        waiting = [Decision(it, "undecided", reason, "judged later") for it in images]
        if not is_begun:
            self._count(waiting, rule)
        return Admitted(review.uid, True, annotations=annotations_of(waiting))

    async def _look_later(
        self, review: Review, rule: _Rule, images: Sequence[str]
    ) -> None:
        decisions = await self._decide(images, rule, None)
        self._count(decisions, rule)
        for it in decisions:
            log_event(
                "audited",
                image=it.subject,
                namespace=review.namespace,
                outcome=it.outcome,
                reason=it.reason.value,
                why=it.words,
            )

    def _answer(
        self, review: Review, rule: _Rule, decisions: Sequence[Decision]
    ) -> Admitted:
        annotations = annotations_of(decisions)
        bad = [it for it in decisions if not self._lets_through(it)]
        # What is undecided is told even where it is let through: nobody may take it
        # for a verdict.
        lines = [warning_of(it) for it in decisions if it.outcome != "allowed"]
        if not bad or rule.mode != "enforce" or not (review.is_pod or _is_odd(review)):
            return Admitted(review.uid, True, "", _warnings(lines), annotations)
        first = worst(bad)
        log_event(
            "refused",
            image=first.subject,
            namespace=review.namespace,
            reason=first.reason.value,
            why=first.words,
        )
        more = f" (and {len(bad) - 1} more images)" if len(bad) > 1 else ""
        return Admitted(
            review.uid, False, f"{line_of(first)}{more}", annotations=annotations
        )

    def _lets_through(self, decision: Decision) -> bool:
        if decision.outcome == "undecided":
            return self._gate.settings.undecided == "allow"
        return decision.outcome == "allowed"

    def _passed(self, review: Review, rule: _Rule, reason: Reason) -> Admitted:
        decision = Decision(review.kind, "allowed", reason, "nothing to judge")
        self._tell(decision, rule.mode, rule.environment)
        return Admitted(
            review.uid,
            True,
            annotations=(("verdict", "not judged"), ("reason", reason.value)),
        )

    def _count(self, decisions: Sequence[Decision], rule: _Rule) -> None:
        for it in decisions:
            self._tell(it, rule.mode, rule.environment)

    def _tell(
        self,
        decision: Decision,
        mode: Mode | Literal["break-glass"],
        environment: str,
    ) -> None:
        outcome: Outcome = decision.outcome
        self._gate.metrics.decisions.labels(
            outcome, decision.reason.value, environment, mode
        ).inc()


def _is_odd(review: Review) -> bool:
    return not review.is_known


def _warnings(lines: Sequence[str]) -> tuple[str, ...]:
    more = len(lines) - _SHOWN
    told = [*lines[:_SHOWN], *([f"and {more} more images"] if more > 0 else [])]
    return tuple(told)


def _digests(images: Sequence[str]) -> tuple[bytes, ...]:
    found = []
    for it in images:
        try:
            found.append(parse_image(it).sha256)
        except FormatError:
            continue
    return tuple(it for it in found if it is not None)
