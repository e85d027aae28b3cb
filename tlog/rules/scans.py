"""Vulnerability scans, and what VEX documents say of what they found.

    {"scanner":{"result":[{"id":"<CVE>",
       "severity":[{"method":"<name>","score":"<word or number>"}]}]}}

A score is a word, or a number of CVSS from 0 to 10.  Of several the highest counts; a
vulnerability without one that is known counts as worse than all.

    {"timestamp":"<RFC 3339>","statements":[{"vulnerability":{"name":"<CVE>"},
       "status":"not_affected","justification":"<word>","timestamp":"<RFC 3339>",
       "products":[{"@id":"<IRI>","hashes":{"sha-256":"<hex>"}}]}]}

The newest statement on a vulnerability counts.  It lets the vulnerability pass if it
says not_affected or fixed, of the very artifact: products that are named, but not by
its SHA-256, and parts of products, are something else.

Source: in-toto attestation, vulns v0.1 and v0.2; OpenVEX 0.2.0; CVSS v3.1, 5.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tlog.rules.moments import parse_time
from tlog.rules.types import SEVERITIES
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    required_text,
)
from tlogverify.errors import FormatError

MAX_RESULTS: Final = 65_536

_WORDS: Final = {
    "negligible": "low",
    "moderate": "medium",
    "important": "high",
    **{it: it for it in SEVERITIES},
}
_NUMBER: Final = re.compile(r"10(?:\.0{1,4})?|[0-9](?:\.[0-9]{1,4})?")
_BANDS: Final = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_STATUS: Final = {"not_affected", "affected", "fixed", "under_investigation"}
_HARMLESS: Final = {"not_affected", "fixed"}


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """What a scan has found; severity: of `SEVERITIES`, or "unknown"."""

    name: str
    severity: str

    def is_above(self, level: str) -> bool:
        """Tell whether it is worse than a level; an unknown one is."""
        if self.severity not in SEVERITIES:
            return True
        return SEVERITIES.index(self.severity) > SEVERITIES.index(level)


@dataclass(frozen=True, slots=True)
class Excuse:
    """One VEX statement of the artifact; names: of the vulnerability, all of them."""

    names: frozenset[str]
    status: str
    time_s: int


def read_scan(predicate: Mapping[str, object]) -> tuple[Vulnerability, ...]:
    """Read what was found; raises FormatError, also where nothing says so."""
    rule = "a scan"
    scanner = object_member(rule, predicate, "scanner")
    return tuple(map(_result, array_member(rule, scanner, "result", MAX_RESULTS)))


def _result(members: Mapping[str, object]) -> Vulnerability:
    # Version 0.1 describes one more level, which its own example does not have.
    if "vulnerability" in members:
        members = object_member("a result", members, "vulnerability")
    name = required_text("a result", members, "id")
    severity = members.get("severity")
    scores = {"severity": [severity] if isinstance(severity, dict) else severity or []}
    found = [
        _severity(it)
        for it in array_member("a result", scores, "severity", MAX_RESULTS)
    ]
    known = [it for it in SEVERITIES if it in found]
    return Vulnerability(name, known[-1] if known else "unknown")


def _severity(members: Mapping[str, object]) -> str:
    score = members.get("score")
    if isinstance(score, int | float) and not isinstance(score, bool):
        score = str(score)
    if not isinstance(score, str):
        return "unknown"
    word = _WORDS.get(score.lower())
    if word is not None:
        return word
    # How likely an exploit is says nothing of what it does.
    method = optional_text("a severity", members, "method").lower()
    if method.startswith("epss") or _NUMBER.fullmatch(score) is None:
        return "unknown"
    return next((band for least, band in _BANDS if float(score) >= least), "none")


def read_vex(predicate: Mapping[str, object], sha256: bytes) -> tuple[Excuse, ...]:
    """Read the statements that are of an artifact; raises FormatError."""
    rule = "a VEX document"
    default = optional_text(rule, predicate, "timestamp")
    found = array_member(rule, predicate, "statements", MAX_RESULTS)
    return tuple(_excuse(it, default) for it in found if _is_of(it, sha256.hex()))


def _excuse(members: Mapping[str, object], default: str) -> Excuse:
    rule = "a VEX statement"
    status = required_text(rule, members, "status")
    if status not in _STATUS:
        raise FormatError(f"{rule} has a status", status)
    reasons = ("justification", "impact_statement")
    if status == "not_affected" and not any(
        optional_text(rule, members, it) for it in reasons
    ):
        raise FormatError(f"{rule} of not_affected says why")
    time_s = parse_time(
        "timestamp", optional_text(rule, members, "timestamp") or default
    )
    vulnerability = members.get("vulnerability")
    if isinstance(vulnerability, str):
        return Excuse(frozenset({vulnerability}), status, time_s)
    named = object_member(rule, members, "vulnerability")
    names = {optional_text(rule, named, "name"), optional_text(rule, named, "@id")}
    aliases = named.get("aliases") or []
    if not isinstance(aliases, list):
        raise FormatError("aliases are an array", aliases)
    names |= {it for it in aliases if isinstance(it, str)}
    return Excuse(frozenset(names - {""}), status, time_s)


def _is_of(members: Mapping[str, object], digits: str) -> bool:
    products = members.get("products")
    if products is None:
        # The statement around the document names the artifact, and nothing else does.
        return True
    if not isinstance(products, list) or len(products) > MAX_RESULTS:
        raise FormatError(f"products are an array of at most {MAX_RESULTS}", products)
    return any(_is_product(it, digits) for it in products)


def _is_product(product: object, digits: str) -> bool:
    if isinstance(product, str):
        return _names_digest(product, digits)
    if not isinstance(product, dict):
        raise FormatError("a product is a JSON object", product)
    if product.get("subcomponents"):
        return False
    hashes = object_member("a product", product, "hashes")
    identifiers = object_member("a product", product, "identifiers")
    texts = [product.get("@id"), *identifiers.values()]
    return hashes.get("sha-256") == digits or any(
        _names_digest(it, digits) for it in texts if isinstance(it, str)
    )


def _names_digest(text: str, digits: str) -> bool:
    """Tell whether a package URL is of this digest: pkg:oci/app@sha256%3A<hex>."""
    return re.search(rf"@sha256(?::|%3[Aa]){digits}(?![0-9A-Za-z])", text) is not None


def remaining(
    found: Iterable[Vulnerability], excuses: Iterable[Excuse]
) -> tuple[Vulnerability, ...]:
    """Return the vulnerabilities that no VEX statement lets pass."""
    by_name: dict[str, tuple[int, bool]] = {}
    for excuse in excuses:
        for name in excuse.names:
            time_s, is_harmless = by_name.get(name, (excuse.time_s, True))
            says = excuse.status in _HARMLESS
            if excuse.time_s > time_s:
                by_name[name] = (excuse.time_s, says)
            elif excuse.time_s == time_s:
                by_name[name] = (time_s, is_harmless and says)
    return tuple(it for it in found if not by_name.get(it.name, (0, False))[1])
