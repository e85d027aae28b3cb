"""Documents of one artifact, logged and cosigned, and rules over them.

Nothing here calls the code under test: what is signed and logged comes from
`tests.tlogverify`, and predicates are written by hand.
"""

import base64
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.tlogverify.actors import LOG, OTHER_LOG, TIME_S, WITNESS, note
from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    BUILDER,
    MALLORY,
    SLSA,
    SOURCE,
    Attestation,
    Signer,
    provenance,
)
from tests.tlogverify.documents import ARTIFACT_SHA256, POLICY, Story
from tlog.rules import Attested, RuleSet, Trust, Verdict, decide, parse_rules
from tlogverify.policy import Policy

VULNS = "https://in-toto.io/attestation/vulns/v0.2"
VEX = "https://openvex.dev/ns/v0.2.0"
CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document/v2.3"
TESTS = "https://in-toto.io/attestation/test-result/v0.1"
VSA = "https://slsa.dev/verification_summary/v1"
CAROL = Signer("carol", is_p256=True)
SIGNERS = {"alice": ALICE, "bob": BOB, "carol": CAROL}
DAY = 86_400
NOW = TIME_S + DAY
OTHER_SHA256 = "ab" * 32


@dataclass(frozen=True)
class Paper:
    """One document; time_s: 0 for a checkpoint that no witness has signed."""

    predicate_type: str = SLSA
    predicate: object = None
    signers: tuple[Signer, ...] = (ALICE,)
    index: int = 3
    time_s: int = TIME_S
    subject: str = ARTIFACT_SHA256.hex()
    name: str = ""

    @property
    def attestation(self) -> Attestation:
        """The envelope, and the entry that names it and the artifact."""
        return Attestation(
            signers=self.signers,
            predicate_type=self.predicate_type,
            predicate=self.predicate,
            subjects=({"name": "a", "digest": {"sha256": self.subject}},),
            logged_as=(("subject", [{"sha256": self.subject}]),),
        )

    @property
    def proof(self) -> bytes:
        """The proof file, with the witness's time."""
        entry = self.attestation.record
        story = Story(entry, self.index)
        lines = [LOG.line(story.head)]
        lines += [WITNESS.line(story.head, self.time_s)] if self.time_s else []
        path = b"".join(base64.b64encode(it) + b"\n" for it in story.path)
        return b"".join(
            (
                b"c2sp.org/tlog-proof@v1\nextra " + base64.b64encode(entry),
                b"\nindex %d\n" % self.index,
                path + b"\n",
                note(story.head, *lines),
            )
        )

    @property
    def document(self) -> Attested:
        """What the judge is handed."""
        name = self.name or self.predicate_type.rpartition("/")[2]
        return Attested(name, self.attestation.envelope, self.proof)

    def but(self, **changes: Any) -> "Paper":
        """Return this document with something else in it."""
        return replace(self, **changes)


def scan(*found: tuple[str, object], finished: str = "") -> dict[str, object]:
    """Return a scan; found: ids and scores."""
    result = [
        {"id": name, "severity": [{"method": "nvd", "score": score}]}
        for name, score in found
    ]
    times = {"metadata": {"scanFinishedOn": finished}} if finished else {}
    return {"scanner": {"uri": "pkg:a/scanner", "result": result}, **times}


def vex(
    name: str, status: str, *, at: str = "2026-01-01T00:00:00Z", **more: Any
) -> dict[str, Any]:
    """Return a VEX document of one statement; more: its other members."""
    statement = {"vulnerability": {"name": name}, "status": status, **more}
    if status == "not_affected":
        statement |= {"justification": "component_not_present"}
    return {"@context": VEX, "timestamp": at, "statements": [statement]}


def summary(rules_digest: str, **changes: object) -> dict[str, object]:
    """Return a verification summary with all that SLSA requires."""
    return {
        "verifier": {"id": "https://verifier.example"},
        "timeVerified": "2026-09-21T00:00:00Z",
        "resourceUri": "urn:a",
        "policy": {"uri": "RULES.toml", "digest": {"sha256": rules_digest}},
        "verificationResult": "PASSED",
        "verifiedLevels": ["SLSA_BUILD_LEVEL_UNEVALUATED"],
        **changes,
    }


def write_keys(folder: Path) -> Path:
    """Write the keys' files, and return the folder."""
    for name, signer in {**SIGNERS, "mallory": MALLORY}.items():
        (folder / f"{name}.pub").write_bytes(signer.pem)
    return folder


def keys(**more: str) -> str:
    """Return the tables of the three keys; more: lines of one of them."""
    return "".join(
        f'[[keys]]\nname = "{name}"\nfile = "{name}.pub"\n{more.get(name, "")}\n'
        for name in SIGNERS
    )


def block(predicate_type: str, *signers: str, lines: str = "", name: str = "") -> str:
    """Return one requirement."""
    named = f'name = "{name}"\n' if name else ""
    return (
        f'[[require]]\n{named}predicate_types = ["{predicate_type}"]\n'
        f"signers = {json.dumps(signers)}\n{lines}\n"
    )


BUILD = block(
    SLSA,
    "alice",
    lines=f'builders = ["{BUILDER}"]\nsources = ["{SOURCE}"]',
    name="build",
)


def decided(
    folder: Path,
    text: str,
    *papers: Paper,
    now_s: int = NOW,
    trust: Trust | None = None,
) -> Verdict:
    """Judge the artifact by rules and documents."""
    rules: RuleSet = parse_rules(text.encode(), folder)
    documents = [it.document for it in papers]
    return decide(ARTIFACT_SHA256, documents, rules, trust or Trust(POLICY), now_s)


def built(**changes: Any) -> Paper:
    """Return provenance; changes: of its parts."""
    return Paper(predicate=provenance()).but(**changes)


def at(time_s: int) -> str:
    """Return a time in UTC, as RFC 3339 spells it."""
    return datetime.fromtimestamp(time_s, UTC).isoformat().replace("+00:00", "Z")


def claiming(time_s: int) -> Paper:
    """Return a clean scan that says when it was made."""
    return CLEAN.but(predicate=scan(finished=at(time_s)))


def trust_for(paper: Paper) -> Trust:
    """Return a policy that asks for the witness where the document has it."""
    return Trust(POLICY if paper.time_s else UNWITNESSED)


UNWITNESSED = Policy.parse(b"log " + LOG.vkey + b"\nquorum none\n")
TWO_LOGS = Policy.parse(
    b"log " + LOG.vkey + b"\nlog " + OTHER_LOG.vkey + b"\nquorum none\n"
)
CLEAN = Paper(VULNS, scan(("CVE-1", "medium")), (BOB,))
SCANNED = block(VULNS, "bob", lines='no_vulnerability_above = "high"', name="scan")
FRESH = block(VULNS, "bob", lines='max_age = "7d"\nclock = "witness"', name="scan")
WAIVED = """
[[exception]]
digest = "sha256:%s"
reason = "the scanner is down"
until = %s
approved_by = "duty@example.org"
"""
ENDED = keys(alice=f"not_after = {at(TIME_S)}") + BUILD
