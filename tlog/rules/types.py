"""Predicate types that conditions are judged of, and where each tells its time.

Source: in-toto attestation, `spec/predicates/`; CycloneDX 1.6; SPDX 2.3; OpenVEX 0.2.0;
SLSA v1.0, provenance and verification summary.
"""

import re
from collections.abc import Mapping
from typing import Final

from tlog.rules.moments import parse_time
from tlogverify.attestation.members import object_member, optional_text
from tlogverify.attestation.slsa import PROVENANCE_TYPE

VSA_TYPE: Final = "https://slsa.dev/verification_summary/v1"
TESTS_TYPE: Final = "https://in-toto.io/attestation/test-result/v0.1"

_VULNS: Final = re.compile(r"https://in-toto\.io/attestation/vulns(?:/v0\.[12])?")
_VEX: Final = re.compile(r"https://openvex\.dev/ns(?:/v0\.2\.0)?")
_CYCLONEDX: Final = re.compile(r"https://cyclonedx\.org/bom(?:/v?1\.[2-7])?")
_SPDX: Final = re.compile(r"https://spdx\.dev/Document(?:/v2\.[23])?")

SEVERITIES: Final = ("none", "low", "medium", "high", "critical")
"""Severities, the mildest first."""

_TIMES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "provenance": (
        ("runDetails", "metadata", "finishedOn"),
        ("runDetails", "metadata", "startedOn"),
    ),
    "scan": (("metadata", "scanFinishedOn"),),
    "cyclonedx": (("metadata", "timestamp"),),
    "spdx": (("creationInfo", "created"),),
    "vex": (("timestamp",),),
    "summary": (("timeVerified",),),
}


def kind_of(predicate_type: str) -> str:
    """Return what a predicate type is for here; "" for one that nobody judges.

    Of these: provenance, scan, vex, cyclonedx, spdx, tests, summary.
    """
    exact = {PROVENANCE_TYPE: "provenance", VSA_TYPE: "summary", TESTS_TYPE: "tests"}
    if predicate_type in exact:
        return exact[predicate_type]
    forms = {"scan": _VULNS, "vex": _VEX, "cyclonedx": _CYCLONEDX, "spdx": _SPDX}
    return next((it for it in forms if forms[it].fullmatch(predicate_type)), "")


def claimed_time(predicate_type: str, predicate: Mapping[str, object]) -> int | None:
    """Return when a document says that it was made; None if it does not say.

    Raises FormatError for what is no time.
    """
    for path in _TIMES.get(kind_of(predicate_type), ()):
        members = predicate
        for name in path[:-1]:
            members = object_member("a predicate", members, name)
        if text := optional_text("a predicate", members, path[-1]):
            return parse_time(path[-1], text)
    return None
