"""Retention: how long a document is kept, and where; the rules in a file.

    [[keep]]                             the first rule that fits decides
    predicate_type = "https://slsa.dev/provenance/v1"     left out: any
    environment = "release"                               left out: any, and none
    keep = "7y"                          or "forever"
    cold_after = "90d"                   left out: it stays in the first tier

    [[hold]]                             a legal hold: nothing of it goes
    digest = "sha256:<64 hex>"
    reason = "case 17"

A time is a number and d, w, m or y: days, 7, 31 or 366 of them, so that a year is never
shorter than the calendar's.  A document that several entries name, or that was stored
for several environments, is kept for the longest of its times.  What no rule fits is
kept for ever, and so are dispositions.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal, NamedTuple

from tlog.documents.facts import Facts, require_environment
from tlog.documents.tombstones import DISPOSITION_TYPE, parse_digest
from tlogverify.errors import FormatError
from tlogverify.toml import parse_toml

MAX_RULES_BYTES: Final = 1 << 20

Action = Literal["keep", "cold", "expire", "hold"]
"""What the rules say of a document now."""

_DAY_S: Final = 86_400
_DAYS: Final = {"d": 1, "w": 7, "m": 31, "y": 366}
_TIME: Final = re.compile(r"([1-9][0-9]{0,5})([dwmy])")
_FOREVER: Final = 1 << 62
_KEEP: Final = frozenset({"predicate_type", "environment", "keep", "cold_after"})
_HOLD: Final = frozenset({"digest", "reason"})


class Rule(NamedTuple):
    """One rule; None fits all.  keep_s, cold_after_s: ages in seconds."""

    predicate_type: str | None
    environment: str | None
    keep_s: int
    cold_after_s: int

    def fits(self, predicate_type: str, environment: str) -> bool:
        """Whether this rule is for such a document; "" is none."""
        return self.predicate_type in (None, predicate_type) and (
            self.environment in (None, environment)
        )


class Verdict(NamedTuple):
    """What is to be done with a document, and why in words."""

    action: Action
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one file, in order; holds: reasons by digest."""

    rules: tuple[Rule, ...]
    holds: Mapping[bytes, str]

    def judge(
        self, digest: bytes, facts: Facts | None, *, is_cold: bool, now_s: int
    ) -> Verdict:
        """Return what is to be done with a document; facts: None if none are known."""
        if digest in self.holds:
            return Verdict("hold", self.holds[digest])
        if facts is None:
            return Verdict("keep", "nothing is known of it")
        types = {predicate_type for _, predicate_type in facts.named} or {""}
        if DISPOSITION_TYPE in types:
            return Verdict("keep", "it says what became of others")
        pairs = list(product(types, facts.environments or ("",)))
        found = [self._rule(*pair) for pair in pairs]
        keep_s = max(it.keep_s for it in found)
        cold_after_s = max(it.cold_after_s for it in found)
        age_s = now_s - facts.stored_s
        age = f"{age_s // _DAY_S} days old"
        if age_s >= keep_s:
            return Verdict("expire", f"{age}, kept for {keep_s // _DAY_S} days")
        if age_s >= cold_after_s and not is_cold:
            return Verdict("cold", f"{age}, cold after {cold_after_s // _DAY_S} days")
        return Verdict("keep", age)

    def _rule(self, predicate_type: str, environment: str) -> Rule:
        fitting = (it for it in self.rules if it.fits(predicate_type, environment))
        return next(fitting, Rule(None, None, _FOREVER, _FOREVER))


def parse_rules(name: str, text: bytes) -> Rules:
    """Parse a file of rules; FormatError names the first that is broken.

    name: of the file, for errors.
    """
    document = parse_toml(name, text, MAX_RULES_BYTES)
    if unknown := sorted(document.keys() - {"keep", "hold"}):
        raise FormatError(f"{name} has [[keep]] and [[hold]] alone", unknown[0])
    rules = [
        _rule(f"{name}: [[keep]] {number}", it)
        for number, it in enumerate(_tables(name, document, "keep"), 1)
    ]
    holds: dict[bytes, str] = {}
    for number, it in enumerate(_tables(name, document, "hold"), 1):
        rule = f"{name}: [[hold]] {number}"
        members = _members(rule, it, _HOLD)
        holds[parse_digest(members.get("digest"))] = _text(rule, members, "reason")
    return Rules(tuple(rules), holds)


def parse_time_span(rule: str, text: str) -> int:
    """Return a time such as 90d in seconds; raises FormatError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise FormatError(f"{rule} is a number and d, w, m or y", text)
    return int(match[1]) * _DAYS[match[2]] * _DAY_S


def _rule(rule: str, value: object) -> Rule:
    members = _members(rule, value, _KEEP)
    keep = _text(rule, members, "keep")
    keep_s = _FOREVER if keep == "forever" else parse_time_span(f"{rule}: keep", keep)
    cold_after_s = _FOREVER
    if "cold_after" in members:
        cold = _text(rule, members, "cold_after")
        cold_after_s = parse_time_span(f"{rule}: cold_after", cold)
    wanted = None
    if "predicate_type" in members:
        wanted = _text(rule, members, "predicate_type")
    environment = None
    if "environment" in members:
        environment = require_environment(_text(rule, members, "environment"))
    return Rule(wanted, environment, keep_s, cold_after_s)


def _tables(name: str, document: Mapping[str, object], key: str) -> list[object]:
    tables = document.get(key, [])
    if not isinstance(tables, list):
        raise FormatError(f"{name} has [[{key}]] in two brackets", tables)
    return tables


def _members(rule: str, value: object, known: frozenset[str]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FormatError(f"{rule} is a table", value)
    if unknown := sorted(value.keys() - known):
        raise FormatError(f"{rule} has an unknown member", unknown[0])
    return value


def _text(rule: str, members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise FormatError(f"{rule} needs {name}, a text", value)
    return value
