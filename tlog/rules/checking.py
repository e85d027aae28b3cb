"""What rules can never do, or no longer do: told before a deploy hangs on it."""

from collections.abc import Iterator

from tlog.rules.conditions import unjudgeable
from tlog.rules.moments import show_time
from tlog.rules.ruleset import NamedKey, Requirement, RuleSet, Signer


def find_faults(rules: RuleSet, now_s: int) -> list[str]:
    """Return one line for each thing that cannot hold; now_s: POSIX seconds."""
    faults: list[str] = []
    for requirement in rules.requirements:
        faults += (
            f"{requirement.name}: {it}" for it in _faults(rules, requirement, now_s)
        )
    faults += _key_faults(rules, now_s)
    has_provenance = any(it.is_of_builds for it in rules.requirements)
    for exemption in rules.exceptions:
        shown = exemption.source or f"sha256:{(exemption.digest or b'').hex()}"
        if exemption.end_s <= now_s:
            ended = show_time(exemption.end_s - 1)
            faults.append(f"the exception for {shown} has ended at {ended}")
        if exemption.source and not has_provenance:
            faults.append(
                f"the exception for {shown} never holds: no block asks for provenance, "
                "and nothing else proves a source"
            )
    return faults


def _faults(rules: RuleSet, requirement: Requirement, now_s: int) -> Iterator[str]:
    for kind in requirement.predicate_types:
        for name in unjudgeable(requirement.conditions, kind):
            yield f"{name} is not judged of {kind}: such a document never meets it"
    signers = [rules.signers[it] for it in requirement.signers]
    able = [it for it in signers if _is_able(it, now_s)]
    if len(able) < requirement.threshold:
        yield (
            f"{requirement.threshold} must sign, and {len(able)} of its signers still "
            "count for what is signed now"
        )
    stamped = [it for it in signers if not isinstance(it, NamedKey)]
    if requirement.clock == "tsa" and len(stamped) < requirement.threshold:
        yield (
            "timestamps are verified of bundles with certificates alone, and fewer "
            f"than {requirement.threshold} of its signers are identities"
        )


def _is_able(signer: Signer, now_s: int) -> bool:
    if not isinstance(signer, NamedKey):
        return True
    is_ended = signer.end_s is not None and signer.end_s <= now_s
    return not is_ended and signer.revoked_from is None


def _key_faults(rules: RuleSet, now_s: int) -> Iterator[str]:
    asked = {
        name
        for it in rules.requirements
        for name in (*it.signers, *it.conditions.vex_signers)
    }
    for name, signer in rules.signers.items():
        if name not in asked:
            yield f"no block names {name}"
        if isinstance(signer, NamedKey):
            if signer.end_s is not None and signer.end_s <= now_s:
                ended = show_time(signer.end_s - 1)
                yield (
                    f"the key {name} has ended at {ended}: what a witness saw before "
                    "still counts"
                )
            if signer.revoked_from == 0:
                yield f"the key {name} is revoked from the first entry on"
