"""A verdict told: lines for people, values for JSON, a statement for others."""

from collections.abc import Iterator, Mapping
from typing import Final

from tlog.rules.moments import show_time
from tlog.rules.ruleset import Exemption
from tlog.rules.summaries import Summarized, make_summary
from tlog.rules.verdicts import Finding, Outcome, Verdict

MAX_SHOWN: Final = 20
"""Documents of one requirement that people are told of; others are counted."""


def describe(verdict: Verdict) -> dict[str, object]:
    """Return a verdict as values for JSON; times are POSIX seconds."""
    return {
        "allowed": verdict.allowed,
        "sha256": verdict.sha256.hex(),
        "rules": verdict.rules_sha256.hex(),
        "reasons": list(verdict.reasons),
        "requirements": [_describe_outcome(it) for it in verdict.outcomes],
        "exceptions": [
            {"requirement": it.requirement, **_describe_exemption(it.exemption)}
            for it in verdict.exceptions
        ],
        "not_counted": [
            {"document": it.document, "why": it.why} for it in verdict.unopened
        ],
        "not_judged": list(verdict.unjudged),
        "time": verdict.now_s,
        "expires": verdict.expires_s,
    }


def summarize(verdict: Verdict) -> str:
    """Return the verdict as words behind an artifact's name."""
    if not verdict.allowed:
        line = "; ".join(verdict.reasons)
        if verdict.unopened:
            first, more = verdict.unopened[0], len(verdict.unopened) - 1
            line += f"; not counted: {first.document}: {first.why}"
            line += f", and {more} more" if more else ""
        return line
    met = sum(it.is_met for it in verdict.outcomes)
    line = f"{met} of {len(verdict.outcomes)} requirements met"
    if excused := verdict.exceptions:
        line += f", {len(excused)} by exception: " + "; ".join(
            f"{it.requirement}: {_exemption_line(it.exemption)}" for it in excused
        )
    if verdict.expires_s is not None:
        line += f"; may change at {show_time(verdict.expires_s)}"
    if verdict.unjudged:
        line += f"; not judged: {', '.join(verdict.unjudged)}"
    return line


def explain(verdict: Verdict) -> Iterator[str]:
    """Return lines that say of each requirement what was found, and of the rest why."""
    for outcome in verdict.outcomes:
        met = "met" if outcome.is_met else f"not met: {outcome.why}"
        yield (
            f"{outcome.requirement}: {met} ({len(outcome.signers)} of "
            f"{outcome.threshold} signers)"
        )
        if outcome.excused is not None:
            yield f"  excused: {_exemption_line(outcome.excused)}"
        for ended in outcome.ended:
            yield f"  an exception has ended: {_exemption_line(ended)}"
        if not outcome.findings:
            yield "  no document of its predicate types was found"
        for finding in outcome.findings[:MAX_SHOWN]:
            yield f"  {_finding_line(finding)}"
        if more := len(outcome.findings) - MAX_SHOWN:
            yield from [f"  and {more} more documents"] if more > 0 else []
    for unopened in verdict.unopened[:MAX_SHOWN]:
        yield f"not counted: {unopened.document}: {unopened.why}"
    if (more := len(verdict.unopened) - MAX_SHOWN) > 0:
        yield f"not counted: {more} more documents"


def summary_of(verdict: Verdict, whose: Summarized) -> dict[str, object]:
    """Return the predicate of a verification summary of a verdict."""
    inputs: Mapping[str, bytes] = {
        finding.document: finding.sha256
        for outcome in verdict.outcomes
        for finding in outcome.findings
        if finding.counts
    }
    return make_summary(
        whose,
        verdict.rules_sha256,
        [*inputs.items()],
        is_passed=verdict.allowed,
        now_s=verdict.now_s,
    )


def _describe_outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "requirement": outcome.requirement,
        "met": outcome.is_met,
        "excused": outcome.excused is not None,
        "why": outcome.why,
        "threshold": outcome.threshold,
        "signers": list(outcome.signers),
        "findings": [
            {
                "document": it.document,
                "sha256": it.sha256.hex(),
                "predicate_type": it.predicate_type,
                "signers": list(it.signers),
                "counts": it.counts,
                "why": it.why,
                "claimed_time": it.claimed_s,
            }
            for it in outcome.findings
        ],
        "ended_exceptions": [_describe_exemption(it) for it in outcome.ended],
    }


def _describe_exemption(exemption: Exemption) -> dict[str, object]:
    digest = exemption.digest
    return {
        "digest": None if digest is None else digest.hex(),
        "source": exemption.source or None,
        "reason": exemption.reason,
        "approved_by": exemption.approved_by,
        "ends": exemption.end_s,
    }


def _exemption_line(exemption: Exemption) -> str:
    about = exemption.source or f"sha256:{(exemption.digest or b'').hex()}"
    return (
        f"{exemption.reason:.200} (approved by {exemption.approved_by:.99}, until "
        f"{show_time(exemption.end_s - 1)}, for {about:.200})"
    )


def _finding_line(finding: Finding) -> str:
    signed = f", signed by {', '.join(finding.signers)}" if finding.signers else ""
    claimed = ""
    if finding.claimed_s is not None:
        claimed = f", by its own word of {show_time(finding.claimed_s)}"
    counts = "counts" if finding.counts else f"does not count: {finding.why}"
    return (
        f"{finding.document} ({finding.predicate_type:.99}{signed}{claimed}) {counts}"
    )
