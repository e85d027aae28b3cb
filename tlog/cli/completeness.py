"""`tlog search --prove`: whether the log's answer is all that there is."""

import json
from collections.abc import Iterator
from typing import Final

from tlog.monitor.completeness import Comparison

INCOMPLETE: Final = 4
"""The exit status if the log's answer is not all that there is."""


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
