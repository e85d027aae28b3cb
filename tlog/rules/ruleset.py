"""What rules say, as values: signers, requirements, exceptions.

    keys, identities    who may sign, each under a name
    requirements        all of them must hold, each by documents of the same artifact
    exceptions          who has let through what for how long, and why

Nothing is read here; `tlog.rules.reading` does that, and these constructors check.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tlog.rules.types import SEVERITIES, VSA_TYPE
from tlogverify.attestation.rules import StatementRules
from tlogverify.attestation.signers import SignerKey
from tlogverify.errors import FormatError

MAX_SIGNERS: Final = 64
MAX_REQUIREMENTS: Final = 32
MAX_EXCEPTIONS: Final = 256
CLOCKS: Final = ("witness", "tsa", "claimed")


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A key that may sign.

    builders: those that it may speak for; None: those of the requirement.
    end_s: the first second in which it no longer counts, or None.
    revoked_from: from this index on nothing that it signed counts, or None;
    revoked_log: the origin of the log that the index is of, "" for the only one.
    """

    name: str
    key: SignerKey
    builders: tuple[str, ...] | None = None
    end_s: int | None = None
    revoked_from: int | None = None
    revoked_log: str = ""


@dataclass(frozen=True, slots=True)
class NamedIdentity:
    """Whom a certificate may name, and by whose word; both as they are spelled.

    is_prefix: whatever starts with `identity` is meant.
    """

    name: str
    issuer: str
    identity: str
    is_prefix: bool = False
    builders: tuple[str, ...] | None = None

    def names(self, identity: str, issuer: str) -> bool:
        """Tell whether this is who a certificate names."""
        if issuer != self.issuer:
            return False
        if self.is_prefix:
            return identity.startswith(self.identity)
        return identity == self.identity

    def overlaps(self, other: "NamedIdentity") -> bool:
        """Tell whether one certificate could be of both."""
        return self.names(other.identity, other.issuer) or other.names(
            self.identity, self.issuer
        )


Signer = NamedKey | NamedIdentity


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a predicate must say; "" and () where nothing is asked.

    no_vulnerability_above: a name of `SEVERITIES`.  vex_signers: by names.
    policy_digest: of the rules that a summary names, 64 hex digits.
    """

    no_vulnerability_above: str = ""
    vex_signers: tuple[str, ...] = ()
    packages_denied: tuple[str, ...] = ()
    licenses_denied: tuple[str, ...] = ()
    tests: str = ""
    verifier: str = ""
    policy_digest: str = ""

    def __post_init__(self) -> None:
        level = self.no_vulnerability_above
        if level and level not in SEVERITIES:
            raise FormatError(
                f"no_vulnerability_above is one of {', '.join(SEVERITIES)}", level
            )
        if self.vex_signers and not level:
            raise FormatError("vex_signers go with no_vulnerability_above")
        if self.tests not in {"", "passed"}:
            raise FormatError('tests are "passed"', self.tests)
        if bool(self.verifier) != bool(self.policy_digest):
            raise FormatError("verifier and policy_digest go together")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement(StatementRules):
    """One block: who must say what of the artifact, and how lately.

    signers: names of keys and identities.  threshold: how many of them must sign.
    max_age_s, clock: None and "" where age is not asked.
    """

    name: str
    signers: tuple[str, ...]
    threshold: int = 1
    builders: tuple[str, ...] = ()
    max_age_s: int | None = None
    clock: str = ""
    conditions: Conditions = Conditions()

    def __post_init__(  # type: ignore[explicit-override]  # typing: from 3.12
        self,
    ) -> None:
        # A slotted dataclass is another class than the one that `super()` closes over.
        StatementRules.__post_init__(self)
        if not self.signers or len(set(self.signers)) < len(self.signers):
            raise FormatError(f"{self.name}: signers are different names, at least one")
        if not 0 < self.threshold <= len(self.signers):
            raise FormatError(
                f"{self.name}: threshold is 1 to the number of signers", self.threshold
            )
        if (self.max_age_s is None) != (not self.clock):
            raise FormatError(f"{self.name}: max_age and clock go together")
        if self.clock and self.clock not in CLOCKS:
            raise FormatError(f"clock is one of {', '.join(CLOCKS)}", self.clock)
        if (VSA_TYPE in self.predicate_types) != bool(self.conditions.verifier):
            raise FormatError(
                f"{self.name}: rules for {VSA_TYPE} name verifier and policy_digest, "
                "and other rules do not"
            )
        if self.conditions.verifier and len(self.predicate_types) > 1:
            raise FormatError(
                "rules for verification summaries name no other predicate type"
            )


@dataclass(frozen=True, slots=True)
class Exemption:
    """One [[exception]]: an artifact, or all that is built from a source.

    digest: the artifact's SHA-256, or None.  source: "" for none.
    end_s: the first second in which it no longer holds.
    requirements: the names of those that need not hold; () for all.
    """

    reason: str
    approved_by: str
    end_s: int
    digest: bytes | None = None
    source: str = ""
    requirements: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.digest is None) == (not self.source):
            raise FormatError("an exception has either a digest or a source")

    def covers(self, requirement: str) -> bool:
        """Tell whether a requirement of this name need not hold."""
        return not self.requirements or requirement in self.requirements


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All that one file of rules says.

    sha256: of the file and of every key that it names, in their order.
    """

    keys: tuple[NamedKey, ...]
    identities: tuple[NamedIdentity, ...]
    requirements: tuple[Requirement, ...]
    exceptions: tuple[Exemption, ...]
    sha256: bytes

    def __post_init__(self) -> None:
        signers = self.signers
        if not 0 < len(signers) <= MAX_SIGNERS:
            raise FormatError(
                f"rules have 1 to {MAX_SIGNERS} keys and identities, each by a name of "
                "its own"
            )
        if len({it.key.spki for it in self.keys}) < len(self.keys):
            # One key under two names would count twice.
            raise FormatError("rules have each key once")
        names = [it.name for it in self.requirements]
        if not 0 < len(names) <= MAX_REQUIREMENTS:
            raise FormatError(f"rules have 1 to {MAX_REQUIREMENTS} [[require]]")
        if len(set(names)) < len(names):
            raise FormatError("every [[require]] has a name of its own")
        for requirement in self.requirements:
            self._require_signers(requirement, signers)
        if len(self.exceptions) > MAX_EXCEPTIONS:
            raise FormatError(f"rules have at most {MAX_EXCEPTIONS} [[exception]]")
        asked = {it for exemption in self.exceptions for it in exemption.requirements}
        if unknown := sorted(asked - set(names)):
            raise FormatError("an exception is from a [[require]] here", unknown[0])

    def _require_signers(
        self, requirement: Requirement, signers: Mapping[str, Signer]
    ) -> None:
        for name in (*requirement.signers, *requirement.conditions.vex_signers):
            if name not in signers:
                raise FormatError(
                    f"{requirement.name}: there is no key and no identity of the name",
                    name,
                )
        named = [signers[it] for it in requirement.signers]
        if requirement.is_of_builds:
            requirement.require_builders([builders_of(it, requirement) for it in named])
        elif requirement.builders:
            requirement.require_builders([requirement.builders])
        identities = [it for it in named if isinstance(it, NamedIdentity)]
        for position, one in enumerate(identities):
            # One certificate must not count twice.
            if any(map(one.overlaps, identities[:position])):
                raise FormatError(
                    f"{requirement.name}: two identities cover each other", one.name
                )

    @property
    def signers(self) -> dict[str, Signer]:
        """Who may sign, by name; empty if two have one name."""
        named: Sequence[Signer] = (*self.keys, *self.identities)
        by_name = {it.name: it for it in named}
        return by_name if len(by_name) == len(named) else {}


def builders_of(signer: Signer, requirement: Requirement) -> tuple[str, ...]:
    """Return the builders that a signer may speak for in a requirement."""
    return requirement.builders if signer.builders is None else signer.builders
