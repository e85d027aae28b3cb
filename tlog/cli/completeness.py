"""`tlog search --prove`: whether the log's answer is all that there is."""

import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tlog.cli.progress import show_progress
from tlog.monitor.completeness import Comparison
from tlog.monitor.monitor import Outcome
from tlog.monitor.opening import Surroundings, follow_once
from tlog.monitor.settings import MonitorSettings
from tlog.monitor.verified import VerifiedEntries, open_verified
from tlogverify.errors import FormatError, VerificationError

INCOMPLETE: Final = 4
"""The exit status if the log's answer is not all that there is."""


@asynccontextmanager
async def verified_entries(
    place: Path, policy: str | None
) -> AsyncIterator[VerifiedEntries]:
    """Hold the entries of a monitor's state folder, or of a log's files.

    place: the one or the other.  policy: by which a log's files are verified, as the
    user named it.

    Raises FormatError if it is neither, VerificationError if the files do not lead to a
    head that the policy accepts.
    """
    if not (place / "checkpoint").is_file():
        with open_verified(place) as entries:
            yield entries
        return
    if policy is None:
        raise FormatError("--prove with a log's files needs --policy, or TLOG_POLICY")
    with tempfile.TemporaryDirectory(prefix="tlog-search-") as scratch:
        state = Path(scratch, "state")
        settings = MonitorSettings(
            log=str(place), policy=Path(policy), state=state, once=True
        )
        alarms: list[str] = []
        surroundings = Surroundings(show=alarms.append, on_read=show_progress())
        if await follow_once(settings, surroundings) is not Outcome.QUIET:
            raise VerificationError(f"{place} is not verified: {alarms[0]}")
        with open_verified(state) as entries:
            yield entries


def tell_comparison(comparison: Comparison, *, is_json: bool) -> Iterator[str]:
    """Return the lines that say what came of a comparison."""
    for proof in comparison.withheld:
        if is_json:
            text = proof.encode().decode()
            yield json.dumps({"withheld": proof.index, "proof": text})
        else:
            yield f"WITHHELD: entry {proof.index} names it too, and the log left it out"
    for index in comparison.foreign:
        if is_json:
            yield json.dumps({"foreign": index})
        else:
            yield f"TWO HISTORIES: entry {index} is another one in the verified tree"
    if is_json:
        yield json.dumps(
            {
                "is_complete": comparison.is_complete,
                "complete_to": comparison.complete_to,
            }
        )
    elif comparison.is_complete:
        yield f"these are all of them, up to entry {comparison.complete_to}"
    else:
        yield (
            "keep the log's answer and these entries: `--json` has the proof of each, "
            "and docs/operations.md says what to do"
        )
