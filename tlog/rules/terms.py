"""Whether a signature counts at all: its signer's terms, and the document's age.

A cosignature's time says that an entry was there by then, never that it was new.  So it
shows that a signature is old enough for a key that has ended; and for freshness the
document's own time must not say that it is older.  Its own time is the signer's word:
it can make a document too old, and fresh only where the rules take that word.
"""

from collections.abc import Iterator
from typing import Final

from tlog.rules.moments import show_length, show_time
from tlog.rules.opening import Opened
from tlog.rules.ruleset import NamedKey, Requirement, Signer

MAX_SKEW_S: Final = 300
"""How far a clock may be ahead of the caller's."""


def why_not_signer(signer: Signer, document: Opened, now_s: int) -> str:
    """Return why a signer's signature does not count; "" if it does."""
    if not isinstance(signer, NamedKey):
        return ""
    if signer.end_s is not None and not _is_before(document, signer.end_s, now_s):
        return (
            f"the key {signer.name} ended at {show_time(signer.end_s - 1)}, and no "
            "witness shows that it signed before"
        )
    return "" if signer.revoked_from is None else _why_revoked(signer, document)


def _why_revoked(signer: NamedKey, document: Opened) -> str:
    if signer.revoked_log and signer.revoked_log != document.place.origin:
        return (
            f"the key {signer.name} is revoked by an index in {signer.revoked_log}, "
            f"and the entry is in {document.place.origin:.99}"
        )
    if not signer.revoked_log and not document.place.is_only_log:
        return (
            f"the key {signer.name} is revoked, and the rules do not say in which of "
            "several logs: revoked_log"
        )
    if signer.revoked_from is not None and document.place.index >= signer.revoked_from:
        return (
            f"the key {signer.name} is revoked from entry {signer.revoked_from} on, "
            f"and this is entry {document.place.index}"
        )
    return ""


def _is_before(document: Opened, end_s: int, now_s: int) -> bool:
    """Tell whether a document was logged before a second: by all of its witnesses."""
    times = document.place.witness_times_s
    return now_s < end_s or bool(times and max(times) < end_s)


def age_time(
    requirement: Requirement, document: Opened, claimed_s: int | None
) -> int | None:
    """Return the time that a requirement counts a document's age from; None for none.

    Of several witnesses or authorities the earliest one counts.
    """
    if requirement.clock == "claimed":
        return claimed_s
    times = document.place.witness_times_s
    if requirement.clock == "tsa":
        times = document.place.stamp_times_s
    if not times:
        return None
    return min(times) if claimed_s is None else min(*times, claimed_s)


def why_too_old(
    requirement: Requirement, document: Opened, claimed_s: int | None, now_s: int
) -> str:
    """Return why a document is not fresh enough; "" if it is, or need not be."""
    if requirement.max_age_s is None:
        return ""
    time_s = age_time(requirement, document, claimed_s)
    if time_s is None:
        return _NO_TIME[requirement.clock]
    if time_s > now_s + MAX_SKEW_S:
        return f"it is of a time still to come: {show_time(time_s)}"
    if now_s - time_s > requirement.max_age_s:
        whose = _WHOSE[requirement.clock]
        if requirement.clock != "claimed" and time_s == claimed_s:
            whose = _WHOSE["claimed"]
        return (
            f"it is older than {show_length(requirement.max_age_s)}: of "
            f"{show_time(time_s)} {whose}"
        )
    return ""


def turning_points(
    requirement: Requirement, document: Opened, claimed_s: int | None
) -> Iterator[int]:
    """Return the seconds in which a document's age begins or ceases to do."""
    if requirement.max_age_s is not None:
        time_s = age_time(requirement, document, claimed_s)
        if time_s is not None:
            yield time_s - MAX_SKEW_S
            yield time_s + requirement.max_age_s + 1


_WHOSE: Final = {
    "witness": "by a witness's cosignature",
    "tsa": "by a timestamp",
    "claimed": "by its own word",
}
_NO_TIME: Final = {
    "witness": "no witness of the policy has cosigned its checkpoint: nobody tells "
    "when it was there; its own time is a claim",
    "tsa": "it has no timestamp that was verified; its own time is a claim",
    "claimed": "it does not say when it was made",
}
