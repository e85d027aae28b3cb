"""The judge once more, written from the documents: slowly, by loops and plain words.

It shares no code with the judge, and is told of a document what its author knows.
"""

from dataclasses import dataclass
from datetime import date

SKEW_S = 300
DAY_S = 86_400


@dataclass(frozen=True)
class KeyTerms:
    """What the rules say of a key; last_day: POSIX days, None for no end."""

    last_day: int | None = None
    revoked_from: int | None = None

    def toml(self) -> str:
        """Return the lines of its table."""
        lines = ""
        if self.last_day is not None:
            day = date.fromordinal(date(1970, 1, 1).toordinal() + self.last_day)
            lines += f"not_after = {day.isoformat()}\n"
        if self.revoked_from is not None:
            lines += f"revoked_from = {self.revoked_from}\n"
        return lines


@dataclass(frozen=True)
class Ask:
    """One requirement; kind: scan, tests or plain; max_days: None for any age."""

    kind: str
    signers: tuple[str, ...]
    threshold: int
    max_days: int | None
    clock: str
    takes_vex: bool


@dataclass(frozen=True)
class Told:
    """One document; bad: it shows what must not be; of_it: it is of the artifact."""

    kind: str
    signers: tuple[str, ...]
    index: int
    seen_s: int
    claimed_s: int | None
    bad: bool
    of_it: bool


@dataclass(frozen=True)
class Pass:
    """An exception for the artifact; last_day: POSIX days."""

    last_day: int
    only_first: bool


def signer_counts(terms: KeyTerms, paper: Told, now_s: int) -> bool:
    """Whether a key's signature of a document counts."""
    if terms.last_day is not None:
        end_s = (terms.last_day + 1) * DAY_S
        if now_s >= end_s and paper.seen_s >= end_s:
            return False
    return terms.revoked_from is None or paper.index < terms.revoked_from


def is_fresh(ask: Ask, paper: Told, now_s: int) -> bool:
    """Whether a document is new enough."""
    if ask.max_days is None:
        return True
    if ask.clock == "claimed":
        if paper.claimed_s is None:
            return False
        time_s = paper.claimed_s
    else:
        time_s = paper.seen_s
        if paper.claimed_s is not None and paper.claimed_s < time_s:
            time_s = paper.claimed_s
    return time_s - SKEW_S <= now_s <= time_s + ask.max_days * DAY_S


def is_allowed(
    keys: dict[str, KeyTerms],
    asks: list[Ask],
    papers: list[Told],
    passes: list[Pass],
    now_s: int,
) -> bool:
    """Whether the artifact may pass."""
    for number, ask in enumerate(asks):
        if is_met(keys, ask, papers, now_s):
            continue
        excused = False
        for one in passes:
            is_over = now_s >= (one.last_day + 1) * DAY_S
            if not is_over and (number == 0 or not one.only_first):
                excused = True
        if not excused:
            return False
    return True


def is_met(keys: dict[str, KeyTerms], ask: Ask, papers: list[Told], now_s: int) -> bool:
    """Whether documents meet a requirement."""
    excused = ask.kind == "scan" and has_vex(keys, ask, papers, now_s)
    passing: list[tuple[Told, set[str]]] = []
    failing: list[tuple[Told, set[str]]] = []
    for paper in papers:
        if paper.kind != ask.kind or not paper.of_it or not is_fresh(ask, paper, now_s):
            continue
        names = counted(keys, ask.signers, paper, now_s)
        if names:
            is_bad = paper.bad and ask.kind != "plain" and not excused
            (failing if is_bad else passing).append((paper, names))
    for paper, names in failing:
        if not is_superseded(paper, names, passing + failing):
            return False
    signers: set[str] = set()
    for _, names in passing:
        signers |= names
    return len(signers) >= ask.threshold


def has_vex(
    keys: dict[str, KeyTerms], ask: Ask, papers: list[Told], now_s: int
) -> bool:
    """Whether carol, whose word the rules take, says that it is harmless."""
    for paper in papers:
        is_taken = paper.kind == "vex" and ask.takes_vex and paper.of_it
        if is_taken and counted(keys, ("carol",), paper, now_s):
            return True
    return False


def counted(
    keys: dict[str, KeyTerms], named: tuple[str, ...], paper: Told, now_s: int
) -> set[str]:
    """Return who of those named has signed, and counts."""
    names = set()
    for name in paper.signers:
        if name in named and signer_counts(keys[name], paper, now_s):
            names.add(name)
    return names


def is_superseded(
    paper: Told, names: set[str], others: list[tuple[Told, set[str]]]
) -> bool:
    """Whether all who signed a document have signed a newer one."""
    for other, signers in others:
        if other.claimed_s is None or paper.claimed_s is None:
            continue
        if names <= signers and other.claimed_s > paper.claimed_s:
            return True
    return False
