"""The judge: rules, opened documents and the time, and a verdict from them alone.

    1  who signed is named by the requirement, and may sign    `tlog.rules.terms`
    2  builder, source and parameters are the expected ones    SLSA, by the verifier
    3  the document is what the conditions are about, and fresh
    4  it shows nothing that the conditions deny

Different signers of a requirement are counted over all documents that pass.  What one
document of a named signer shows is not outvoted by another signer's: a document that
fails step 4 refuses the requirement, unless its signers have made a newer one, by their
own word.

Nothing is read here and no clock asked; the same input gives the same verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tlog.rules.conditions import is_judged, why_forbidden, why_not_of
from tlog.rules.opening import Opened, OpenedArtifact
from tlog.rules.ruleset import (
    Exemption,
    Requirement,
    RuleSet,
    builders_of,
)
from tlog.rules.scans import Excuse, read_vex
from tlog.rules.terms import turning_points, why_not_signer, why_too_old
from tlog.rules.types import claimed_time, kind_of
from tlog.rules.verdicts import Finding, Outcome, Verdict
from tlogverify.attestation.rules import StatementRules
from tlogverify.attestation.slsa import PROVENANCE_TYPE, read_provenance
from tlogverify.attestation.verify import verify_build
from tlogverify.errors import FormatError, VerificationError


def judge(rules: RuleSet, artifact: OpenedArtifact, now_s: int) -> Verdict:
    """Judge an artifact; now_s: POSIX seconds.

    Raises nothing: what a document has wrong with it makes it count for nothing.
    """
    outcomes = [
        _Judging(rules, it, artifact, now_s).outcome() for it in rules.requirements
    ]
    sources = _proven_sources(rules, artifact, outcomes)
    excused = tuple(
        it if it.is_met else _excuse(rules, it, artifact.sha256, sources, now_s)
        for it in outcomes
    )
    later = [it for it in _turning_points(rules, artifact) if it > now_s]
    return Verdict(
        artifact.sha256,
        rules.sha256,
        excused,
        artifact.unopened,
        _unjudged(rules, artifact, excused),
        now_s,
        min(later, default=None),
    )


@dataclass(frozen=True, slots=True)
class _Judging:
    """One requirement, and all that it is judged by."""

    rules: RuleSet
    requirement: Requirement
    artifact: OpenedArtifact
    now_s: int

    def outcome(self) -> Outcome:
        requirement = self.requirement
        excuses, notes = self._excuses()
        findings = _without_superseded(
            [
                self._finding(it, excuses)
                for it in self.artifact.opened
                if it.statement.predicate_type in requirement.predicate_types
            ]
        )
        counted = {name for it in findings if it.counts for name in it.signers}
        signers = tuple(it for it in requirement.signers if it in counted)
        return Outcome(
            requirement.name,
            requirement.threshold,
            signers,
            (*findings, *notes),
            self._why(findings, len(signers)),
        )

    def _why(self, findings: Sequence[Finding], count: int) -> str:
        forbidding = [it for it in findings if it.forbids]
        if forbidding:
            return f"{forbidding[0].document}: {forbidding[0].why}"
        if count >= self.requirement.threshold:
            return ""
        wanted = self.requirement.predicate_types[0]
        if not findings:
            return f"nobody whom the rules name has attested {wanted:.200} of it"
        refused = [f"{it.document}: {it.why}" for it in findings if not it.counts]
        said = f"{count} of its signers count, {self.requirement.threshold} must"
        return f"{said}; {refused[0]}" if refused else said

    def _finding(self, document: Opened, excuses: Sequence[Excuse]) -> Finding:
        statement = document.statement
        finding = Finding(
            document.document, document.sha256, statement.predicate_type, ()
        )
        try:
            signers, why = self._signers(document)
            finding = replace(finding, signers=signers)
            claimed_s = claimed_time(statement.predicate_type, statement.predicate)
            finding = replace(finding, claimed_s=claimed_s)
            why = why or self._why_not(document, claimed_s)
            if why:
                return replace(finding, signers=(), why=why)
            why = why_forbidden(self.requirement.conditions, statement, excuses)
        except VerificationError as error:
            return replace(finding, signers=(), why=str(error))
        except FormatError as error:
            # Its signer is named: what cannot be read may be what must not be.
            forbids = bool(finding.signers) and is_judged(self.requirement.conditions)
            return replace(finding, why=str(error), forbids=forbids)
        return replace(finding, why=why, forbids=bool(why))

    def _why_not(self, document: Opened, claimed_s: int | None) -> str:
        requirement = self.requirement
        if requirement.is_of_builds:
            verify_build(read_provenance(document.statement.predicate), requirement)
        return why_not_of(requirement.conditions, document.statement) or why_too_old(
            requirement, document, claimed_s, self.now_s
        )

    def _signers(self, document: Opened) -> tuple[tuple[str, ...], str]:
        """Return the names that count, and if there are none, why."""
        named = [it for it in document.signers if it in self.requirement.signers]
        if not named:
            return (), f"signed by {', '.join(document.signers)}, who is not named here"
        signers, whys = self.rules.signers, []
        counted = []
        for name in named:
            why = why_not_signer(signers[name], document, self.now_s)
            if not why and self.requirement.is_of_builds:
                why = self._why_not_builder(name, document)
            if why:
                whys.append(why)
            else:
                counted.append(name)
        return tuple(counted), "" if counted else whys[0]

    def _why_not_builder(self, name: str, document: Opened) -> str:
        builder = read_provenance(document.statement.predicate).builder
        allowed = builders_of(self.rules.signers[name], self.requirement)
        return (
            "" if builder in allowed else f"the builder is not allowed: {builder:.200}"
        )

    def _excuses(self) -> tuple[list[Excuse], list[Finding]]:
        """Return what VEX documents say that count, and what is to be told of all."""
        if not self.requirement.conditions.no_vulnerability_above:
            return [], []
        excuses: list[Excuse] = []
        notes: list[Finding] = []
        for document in self.artifact.opened:
            if kind_of(document.statement.predicate_type) != "vex":
                continue
            signers, why = self._vex_signers(document)
            if not why:
                try:
                    predicate = document.statement.predicate
                    excuses += read_vex(predicate, self.artifact.sha256)
                except FormatError as error:
                    why = str(error)
            # It lets vulnerabilities pass, and counts towards no threshold.
            kind = document.statement.predicate_type
            notes.append(
                Finding(document.document, document.sha256, kind, signers, why)
            )
        return excuses, notes

    def _vex_signers(self, document: Opened) -> tuple[tuple[str, ...], str]:
        wanted = self.requirement.conditions.vex_signers
        named = [it for it in document.signers if it in wanted]
        if not named:
            who = ", ".join(document.signers)
            return (), f"ignored: the rules do not take VEX by {who} here"
        signers = self.rules.signers
        whys = {it: why_not_signer(signers[it], document, self.now_s) for it in named}
        counted = tuple(it for it, why in whys.items() if not why)
        return counted, "" if counted else f"ignored: {whys[named[0]]}"


def _without_superseded(findings: list[Finding]) -> list[Finding]:
    """Let a finding forbid nothing if all its signers have made a newer document."""
    able = [it for it in findings if it.signers and it.claimed_s is not None]

    def is_superseded(finding: Finding) -> bool:
        made_s = finding.claimed_s
        return made_s is not None and any(
            {*finding.signers} <= {*it.signers} and (it.claimed_s or 0) > made_s
            for it in able
            if it.predicate_type == finding.predicate_type
        )

    return [
        replace(it, forbids=False, why=f"superseded by a newer one; {it.why}")
        if it.forbids and is_superseded(it)
        else it
        for it in findings
    ]


def _proven_sources(
    rules: RuleSet, artifact: OpenedArtifact, outcomes: Sequence[Outcome]
) -> list[str]:
    """Return the sources that documents name which meet a requirement of provenance."""
    counted = {
        finding.sha256
        for requirement, outcome in zip(rules.requirements, outcomes, strict=True)
        if requirement.is_of_builds and outcome.is_met
        for finding in outcome.findings
        if finding.counts
    }
    return [
        uri
        for it in artifact.opened
        if it.sha256 in counted and it.statement.predicate_type == PROVENANCE_TYPE
        for uri in read_provenance(it.statement.predicate).sources
    ]


def _excuse(
    rules: RuleSet, outcome: Outcome, sha256: bytes, sources: list[str], now_s: int
) -> Outcome:
    """Return an outcome with the exception that covers it, if there is one."""
    fitting = [
        it
        for it in rules.exceptions
        if it.covers(outcome.requirement) and _is_about(it, sha256, sources)
    ]
    held = [it for it in fitting if now_s < it.end_s]
    ended = tuple(it for it in fitting if now_s >= it.end_s)
    return replace(outcome, excused=held[0] if held else None, ended=ended)


def _is_about(exemption: Exemption, sha256: bytes, sources: Sequence[str]) -> bool:
    if exemption.digest is not None:
        return exemption.digest == sha256
    exact = StatementRules(
        predicate_types=(PROVENANCE_TYPE,), sources=(exemption.source,)
    )
    return any(map(exact.allows_source, sources))


def _turning_points(rules: RuleSet, artifact: OpenedArtifact) -> list[int]:
    """Return the seconds in which anything that the verdict rests on can change."""
    found = [it.end_s for it in rules.exceptions]
    signed = {name for it in artifact.opened for name in it.signers}
    for signer in rules.keys:
        if signer.name in signed and signer.end_s is not None:
            found.append(signer.end_s)
    for document in artifact.opened:
        try:
            statement = document.statement
            claimed_s = claimed_time(statement.predicate_type, statement.predicate)
        except FormatError:
            continue
        for requirement in rules.requirements:
            if statement.predicate_type in requirement.predicate_types:
                found += turning_points(requirement, document, claimed_s)
    return found


def _unjudged(
    rules: RuleSet, artifact: OpenedArtifact, outcomes: Sequence[Outcome]
) -> tuple[str, ...]:
    """Return what nobody looked at in the documents that count."""
    unjudged: dict[str, None] = {}
    by_digest = {it.sha256: it for it in artifact.opened}
    for requirement, outcome in zip(rules.requirements, outcomes, strict=True):
        for finding in outcome.findings:
            if not finding.counts:
                continue
            document = by_digest[finding.sha256]
            unjudged |= dict.fromkeys(
                f"{it} ({finding.document})" for it in document.place.unjudged
            )
            if requirement.conditions.verifier:
                unjudged[f"resourceUri ({finding.document})"] = None
            elif requirement.is_of_builds:
                if requirement.parameters is None:
                    unjudged[f"parameters ({finding.document})"] = None
            elif not is_judged(requirement.conditions):
                unjudged[f"what is said ({finding.document})"] = None
    return tuple(unjudged)
