"""Verification summaries (VSA): a verdict as a statement, and that of another verifier.

    {"verifier":{"id":"<URI>","version":{"tlog":"<version>"}},
     "timeVerified":"<RFC 3339>","resourceUri":"<URI>",
     "policy":{"uri":"<URI>","digest":{"sha256":"<hex>"}},
     "inputAttestations":[{"uri":"<name>","digest":{"sha256":"<hex>"}},...],
     "verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_UNEVALUATED"],
     "slsaVersion":"1.0"}

No level of SLSA is judged here, and none is claimed.  The policy's digest is that of
the rules with all keys that they name, as `tlog rules check` tells it.

Source: SLSA v1.0 and v1.1, "Verification Summary Attestation (VSA)".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tlog.rules.moments import parse_time, show_time
from tlogverify.attestation.members import object_member, required_text
from tlogverify.errors import FormatError

UNEVALUATED: Final = "SLSA_BUILD_LEVEL_UNEVALUATED"
_RULE: Final = "a verification summary"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a verifier says that it has found.

    policy: SHA-256 of its rules, 64 hex digits; "" where another hash is named.
    """

    verifier: str
    time_s: int
    resource: str
    policy: str
    is_passed: bool


def read_summary(predicate: Mapping[str, object]) -> Summary:
    """Read a predicate; FormatError unless all that SLSA requires is there."""
    verifier = object_member(_RULE, predicate, "verifier")
    policy = object_member(_RULE, predicate, "policy")
    digest = object_member("a policy", policy, "digest")
    result = required_text(_RULE, predicate, "verificationResult")
    if result not in {"PASSED", "FAILED"}:
        raise FormatError(f"{_RULE} is PASSED or FAILED", result)
    levels = predicate.get("verifiedLevels")
    if not isinstance(levels, list):
        raise FormatError(f"{_RULE} has verifiedLevels, an array", levels)
    sha256 = digest.get("sha256")
    return Summary(
        required_text("a verifier", verifier, "id"),
        parse_time("timeVerified", required_text(_RULE, predicate, "timeVerified")),
        required_text(_RULE, predicate, "resourceUri"),
        sha256 if isinstance(sha256, str) else "",
        result == "PASSED" and "FAILED" not in levels,
    )


@dataclass(frozen=True, slots=True)
class Summarized:
    """Who has verified, and what was asked.

    resource: the URI by which the artifact was asked for.  policy: of the rules; ""
    if they have no place.
    """

    verifier: str
    version: str
    resource: str
    policy: str


def make_summary(
    whose: Summarized,
    rules_sha256: bytes,
    inputs: Sequence[tuple[str, bytes]],
    *,
    is_passed: bool,
    now_s: int,
) -> dict[str, object]:
    """Return the predicate of a verdict; inputs: names and SHA-256 of documents."""
    policy: dict[str, object] = {"uri": whose.policy} if whose.policy else {}
    return {
        "verifier": {"id": whose.verifier, "version": {"tlog": whose.version}},
        "timeVerified": show_time(now_s),
        "resourceUri": whose.resource,
        "policy": policy | {"digest": {"sha256": rules_sha256.hex()}},
        "inputAttestations": [
            {"uri": name, "digest": {"sha256": sha256.hex()}} for name, sha256 in inputs
        ],
        "verificationResult": "PASSED" if is_passed else "FAILED",
        "verifiedLevels": [UNEVALUATED if is_passed else "FAILED"],
        "slsaVersion": "1.0",
    }
