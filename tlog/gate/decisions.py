"""What was decided of one artifact, and why: of a closed set of reasons.  PURE."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from tlog.rules import OpenedArtifact, Verdict
from tlog.rules.telling import summarize

Outcome = Literal["allowed", "refused", "undecided"]


class Reason(Enum):
    """Why, for metrics and annotations; the values are stable."""

    MET = "met"
    EXCEPTION = "exception"
    BREAK_GLASS = "break-glass"
    UNCHANGED = "unchanged"
    NOT_JUDGED = "not-judged"
    LATER = "later"
    NO_ENTRY = "no-entry"
    NOT_MET = "not-met"
    NO_DIGEST = "no-digest"
    UNREADABLE = "unreadable"
    NO_RULES = "no-rules"
    NO_REASON = "no-reason"
    DEADLINE = "deadline"
    SOURCE = "source"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the entry of a document that counts stands."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision; `undecided` says nothing of the artifact.

    subject: the image or digest as it was asked for.  words: for people.  expires_s:
    POSIX seconds, or None.  verdict: None where nothing was judged.
    """

    subject: str
    outcome: Outcome
    reason: Reason
    words: str
    sha256: bytes | None = None
    rules_sha256: bytes | None = None
    places: tuple[Place, ...] = ()
    expires_s: int | None = None
    verdict: Verdict | None = None
    is_cached: bool = False


def decision_of(
    subject: str,
    verdict: Verdict,
    opened: OpenedArtifact,
    troubles: Sequence[str],
) -> Decision:
    """Return what a verdict decides.

    troubles: of sources that could not be asked; without them it might be another one,
    unless a document shows what the rules deny.
    """
    words = summarize(verdict)
    if verdict.allowed:
        outcome: Outcome = "allowed"
        reason = Reason.EXCEPTION if verdict.exceptions else Reason.MET
    elif troubles and not _is_forbidden(verdict):
        outcome, reason = "undecided", Reason.SOURCE
        words = f"{'; '.join(troubles)}; without it: {words}"
    else:
        outcome = "refused"
        reason = Reason.NOT_MET if opened.opened else Reason.NO_ENTRY
    counted = {
        finding.sha256
        for it in verdict.outcomes
        for finding in it.findings
        if finding.counts
    }
    places = dict.fromkeys(
        Place(it.place.origin, it.place.index)
        for it in opened.opened
        if it.sha256 in counted
    )
    return Decision(
        subject,
        outcome,
        reason,
        words,
        verdict.sha256,
        verdict.rules_sha256,
        tuple(places),
        verdict.expires_s,
        verdict,
    )


def _is_forbidden(verdict: Verdict) -> bool:
    return any(
        finding.forbids
        for it in verdict.outcomes
        if not it.is_met and it.excused is None
        for finding in it.findings
    )
