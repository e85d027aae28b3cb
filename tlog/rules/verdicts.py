"""A verdict on one artifact by rules: what was found, what was missing, and why.

Nothing is decided here.  `tlog.rules.judging` makes verdicts, and others show them.
"""

from dataclasses import dataclass

from tlog.rules.opening import Unopened
from tlog.rules.ruleset import Exemption


@dataclass(frozen=True, slots=True)
class Finding:
    """What one document is to one requirement.

    sha256: of the document.  signers: the names that count by it.  why: why it does not
    count; "" if it does.  forbids: it shows what the requirement denies, so that no
    other document can make up for it.  claimed_s: when it says that it was made.
    """

    document: str
    sha256: bytes
    predicate_type: str
    signers: tuple[str, ...]
    why: str = ""
    forbids: bool = False
    claimed_s: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it speaks for the artifact."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Excused:
    """An exception that was needed: without it the artifact were not allowed."""

    requirement: str
    exemption: Exemption


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one requirement.

    signers: the different ones that count, of `threshold` that must.
    why: why it does not hold; "" if it does.  excused: by which exception it need not.
    ended: exceptions that would have covered it, and have ended.
    """

    requirement: str
    threshold: int
    signers: tuple[str, ...]
    findings: tuple[Finding, ...]
    why: str = ""
    excused: Exemption | None = None
    ended: tuple[Exemption, ...] = ()

    @property
    def is_met(self) -> bool:
        """Whether documents meet it, without any exception."""
        return not self.why


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether rules allow an artifact; a value, and no reason to trust it later.

    sha256: the artifact's.  rules_sha256: of the rules, with their keys.
    unopened: documents that counted for nothing.  unjudged: what nobody looked at.
    now_s: when it was made.  expires_s: the first second in which time alone could
    change it, or None; until then the same documents give the same verdict.
    """

    sha256: bytes
    rules_sha256: bytes
    outcomes: tuple[Outcome, ...]
    unopened: tuple[Unopened, ...]
    unjudged: tuple[str, ...]
    now_s: int
    expires_s: int | None

    @property
    def allowed(self) -> bool:
        """Whether every requirement is met, or an exception covers it."""
        return all(it.is_met or it.excused is not None for it in self.outcomes)

    @property
    def exceptions(self) -> tuple[Excused, ...]:
        """The exceptions that were needed, by requirement."""
        return tuple(
            Excused(it.requirement, it.excused)
            for it in self.outcomes
            if it.excused is not None
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not allowed, one line each; () if it is."""
        return tuple(
            f"{it.requirement}: {it.why}"
            for it in self.outcomes
            if not it.is_met and it.excused is None
        )
