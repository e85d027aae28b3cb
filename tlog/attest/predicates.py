"""Predicates that others made: one JSON object in a file, read within bounds.

At most 8 MiB and 256 levels.  Both bounds are held before anything is parsed, so that
no parser runs out of stack.
"""

import re
from pathlib import Path
from typing import Final

from tlog.attest.redaction import MAX_DEPTH
from tlogverify.attestation.members import parse_object
from tlogverify.attestation.slsa import PROVENANCE_TYPE, read_provenance
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

MAX_PREDICATE_BYTES: Final = 8 << 20

# A string, which may lack its end and is then the last of the text, or one bracket.
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_predicate(path: Path, predicate_type: str) -> dict[str, object]:
    """Read a predicate of somebody else; FormatError for what is no JSON object.

    Provenance must name its builder and build type: without, no rules would take it.
    """
    content = read_bounded(path, "a predicate", MAX_PREDICATE_BYTES)
    rule = f"the predicate {path.name}"
    require_shallow(rule, content)
    predicate = parse_object(rule, content)
    if predicate_type == PROVENANCE_TYPE:
        read_provenance(predicate)
    return predicate


def require_shallow(rule: str, content: bytes) -> None:
    """Raise FormatError for JSON that is nested deeper than 256 levels."""
    depth = 0
    for token in _TOKEN.finditer(content):
        if token[0] in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise FormatError(f"{rule} is nested deeper than {MAX_DEPTH} levels")
        elif token[0] in b"]}":
            depth -= 1
