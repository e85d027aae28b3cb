"""Conditions on what a document says: what it must be, and what it must not show.

A condition is judged of the kinds of predicate that it is for, and of no other; a
document of another kind never meets it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tlog.rules.packages import (
    Package,
    find_denied,
    find_licensed,
    read_cyclonedx,
    read_spdx,
)
from tlog.rules.ruleset import Conditions
from tlog.rules.scans import Excuse, read_scan, remaining
from tlog.rules.summaries import read_summary
from tlog.rules.types import kind_of
from tlogverify.attestation.members import required_text
from tlogverify.attestation.statement import Statement
from tlogverify.errors import FormatError

_SHOWN: Final = 3
_SBOM: Final[Mapping[str, Callable[[Mapping[str, object]], tuple[Package, ...]]]] = {
    "cyclonedx": read_cyclonedx,
    "spdx": read_spdx,
}


def unjudgeable(conditions: Conditions, predicate_type: str) -> list[str]:
    """Return the conditions that are not for predicates of this type."""
    kind = kind_of(predicate_type)
    asked = {
        "no_vulnerability_above": (conditions.no_vulnerability_above, {"scan"}),
        "packages_denied": (conditions.packages_denied, {*_SBOM}),
        "licenses_denied": (conditions.licenses_denied, {*_SBOM}),
        "tests": (conditions.tests, {"tests"}),
        "verifier": (conditions.verifier, {"summary"}),
    }
    return [
        name for name, (value, kinds) in asked.items() if value and kind not in kinds
    ]


def is_judged(conditions: Conditions) -> bool:
    """Tell whether any condition is asked."""
    return conditions != Conditions()


def why_not_of(conditions: Conditions, statement: Statement) -> str:
    """Return why a document is none that the conditions are about; "" if it is.

    Raises FormatError if it cannot be read.
    """
    if wrong := unjudgeable(conditions, statement.predicate_type):
        return f"{wrong[0]} is not judged of {statement.predicate_type:.200}"
    if not conditions.verifier:
        return ""
    summary = read_summary(statement.predicate)
    if summary.verifier != conditions.verifier:
        return f"the summary is by another verifier: {summary.verifier:.200}"
    if summary.policy != conditions.policy_digest:
        return f"the summary is of other rules: sha256:{summary.policy:.64}"
    return ""


def why_forbidden(
    conditions: Conditions, statement: Statement, excuses: Sequence[Excuse]
) -> str:
    """Return what a document shows that must not be; "" for nothing of the kind.

    Raises FormatError if it cannot be read.
    """
    predicate = statement.predicate
    if conditions.verifier and not read_summary(predicate).is_passed:
        return "the summary is FAILED"
    if level := conditions.no_vulnerability_above:
        left = remaining(read_scan(predicate), excuses)
        worse = [it for it in left if it.is_above(level)]
        if worse:
            shown = [f"{it.name:.64} ({it.severity})" for it in worse[:_SHOWN]]
            return f"above {level}: {_listed(shown, len(worse))}"
    if conditions.tests:
        return _why_untested(predicate)
    if conditions.packages_denied or conditions.licenses_denied:
        packages = _SBOM[kind_of(statement.predicate_type)](predicate)
        denied = find_denied(packages, conditions.packages_denied)
        if denied:
            return f"denied packages: {_named(denied)}"
        licensed = find_licensed(packages, conditions.licenses_denied)
        if licensed:
            return f"denied licences: {_named(licensed)}"
    return ""


def _why_untested(predicate: Mapping[str, object]) -> str:
    result = required_text("a test result", predicate, "result")
    if result not in {"PASSED", "WARNED", "FAILED"}:
        raise FormatError("a test result is PASSED, WARNED or FAILED", result)
    failed = predicate.get("failedTests") or []
    if not isinstance(failed, list):
        raise FormatError("failedTests are an array", failed)
    if result != "PASSED":
        return f"the tests have {result}"
    return f"{len(failed)} tests have failed" if failed else ""


def _named(packages: Sequence[Package]) -> str:
    return _listed([f"{it.shown:.99}" for it in packages[:_SHOWN]], len(packages))


def _listed(shown: Sequence[str], count: int) -> str:
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
