"""`--prove`: whether the log's answer is all that there is."""

import json
from collections.abc import Iterator
from typing import Final

from tlog.monitor.completeness import Comparison
from tlogclient import IncompleteError, TwoHistoriesError
from tlogverify import Proof

INCOMPLETE: Final = 4
"""The exit status if the log's answer is not all that there is."""


def tell_comparison(comparison: Comparison, *, is_json: bool) -> Iterator[str]:
    """Return the lines that say what came of a comparison."""
    for proof in comparison.withheld:
        if is_json:
            yield json.dumps({"withheld": proof.index, "proof": _text(proof)})
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
        yield tell_agreement(comparison.complete_to, is_json=False)
    else:
        yield (
            "keep the log's answer and these entries: `--json` has the proof of each, "
            "and docs/operations.md says what to do"
        )


def tell_agreement(size: int, *, is_json: bool) -> str:
    """Return the line that says that two answers are the same below a size."""
    if is_json:
        return json.dumps({"is_complete": True, "complete_to": size})
    return f"these are all of them, up to entry {size}"


def tell_disagreement(
    error: IncompleteError | TwoHistoriesError, *, is_json: bool
) -> Iterator[str]:
    """Return the lines that say how a log's and a monitor's answers differ."""
    if not is_json:
        yield f"NOT ALL: {error}; `--json` has the proofs"
        return
    if isinstance(error, TwoHistoriesError):
        for log, monitor in error.proofs:
            proofs = {"proof": _text(log), "monitors_proof": _text(monitor)}
            yield json.dumps({"foreign": log.index, **proofs})
    else:
        for proof in error.withheld:
            yield json.dumps({"withheld": proof.index, "proof": _text(proof)})
        for proof in error.unseen:
            yield json.dumps({"unseen": proof.index, "proof": _text(proof)})
    yield json.dumps({"is_complete": False})


def _text(proof: Proof) -> str:
    return proof.encode().decode()
