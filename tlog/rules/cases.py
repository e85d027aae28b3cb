"""Cases that lie beside rules: documents, and the verdict that they must have.

RULES.toml  policy  [trusted_root.json]
CASE/expected.toml
CASE/*.intoto.jsonl  CASE/*.tlog-proof  CASE/*.sigstore.json

artifact = "sha256:<64 hex>"        or the name of a file in the folder
now = 2026-05-01T12:00:00Z          the time that it is judged at
allowed = false
reasons = ["<part of a reason>"]    left out: any; each must stand in one
exceptions = 0                      left out: any number that are used
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.rules.folders import read_documents
from tlog.rules.judging import judge
from tlog.rules.moments import read_end
from tlog.rules.opening import Trust, open_documents
from tlog.rules.ruleset import RuleSet
from tlog.rules.verdicts import Verdict
from tlogverify.attestation.rules import read_texts, require_known
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.toml import parse_toml

EXPECTED: Final = "expected.toml"
MAX_CASES: Final = 4_096

_MAX_EXPECTED_BYTES: Final = 1 << 16
_NAMES: Final = {"artifact", "now", "allowed", "reasons", "exceptions"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What a case says; exceptions: None for any number."""

    artifact: str
    now_s: int
    is_allowed: bool
    reasons: tuple[str, ...] = ()
    exceptions: int | None = None

    @classmethod
    def parse(cls, text: bytes) -> "Expected":
        """Parse a case's file; raises FormatError."""
        members = parse_toml("a case", text, _MAX_EXPECTED_BYTES)
        require_known("a case", members, _NAMES)
        artifact, allowed = members.get("artifact"), members.get("allowed")
        exceptions = members.get("exceptions")
        if not isinstance(artifact, str) or not artifact or "\0" in artifact:
            raise FormatError("a case names its artifact, a string")
        if not isinstance(allowed, bool):
            raise FormatError("a case is allowed = true or false")
        if exceptions is not None and type(exceptions) is not int:
            raise FormatError("exceptions are a number", exceptions)
        now_s = read_end("now", members.get("now")) - 1
        return cls(artifact, now_s, allowed, read_texts(members, "reasons"), exceptions)

    def why_not(self, verdict: Verdict) -> str:
        """Return why a verdict is not the expected one; "" if it is."""
        if verdict.allowed != self.is_allowed:
            said = "; ".join(verdict.reasons) or "every requirement is met"
            return f"it is {'allowed' if verdict.allowed else 'refused'}: {said}"
        for part in self.reasons:
            if not any(part in it for it in verdict.reasons):
                return f"no reason has {part!r}: {'; '.join(verdict.reasons)}"
        used = len(verdict.exceptions)
        if self.exceptions is not None and used != self.exceptions:
            return f"{used} exceptions were used, not {self.exceptions}"
        return ""


@dataclass(frozen=True, slots=True)
class Tried:
    """A case that was tried; why: why it fails, "" if it passes."""

    case: str
    why: str
    verdict: Verdict | None


def try_cases(folder: Path, rules: RuleSet, trust: Trust) -> Iterator[Tried]:
    """Judge every case of a folder, by name.

    A case whose files cannot be used fails.  Raises FormatError for a folder without
    cases, or with too many.
    """
    cases = sorted(it.parent for it in folder.glob(f"*/{EXPECTED}"))
    if not 0 < len(cases) <= MAX_CASES:
        raise FormatError(
            f"a folder has 1 to {MAX_CASES} cases, each a folder with {EXPECTED}",
            len(cases),
        )
    for case in cases:
        try:
            yield _try_case(case, rules, trust)
        except (FormatError, OSError) as error:
            yield Tried(case.name, f"unusable: {error}", None)


def _try_case(case: Path, rules: RuleSet, trust: Trust) -> Tried:
    text = read_bounded(case / EXPECTED, "a case", _MAX_EXPECTED_BYTES)
    expected = Expected.parse(text)
    artifact: str | Path = expected.artifact
    if not expected.artifact.startswith("sha256:"):
        artifact = case / expected.artifact
    opened = open_documents(artifact, read_documents(case), rules, trust)
    verdict = judge(rules, opened, expected.now_s)
    return Tried(case.name, expected.why_not(verdict), verdict)
