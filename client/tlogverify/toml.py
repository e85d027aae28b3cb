"""TOML that people write, bounded before it is parsed.

The standard parser takes time and memory by the square of a dotted key's depth: 24 KB
of `a.a.a...=1` took seconds and half a gigabyte.  So strings and comments are cut out
first, and what remains is measured.

Source: TOML v1.0.0, "Keys", "String".
"""

import re
import tomllib
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.lines import parse_text

MAX_DEPTH: Final = 16
"""The most parts of a dotted key, and the most arrays and tables in each other."""

# A string that does not end is cut out to where it must have ended: the parser stops
# there.  Else each quote within would be tried as another start, by the square again.
_STRING_OR_COMMENT: Final = (
    r'"""(?:[^"\\]|\\.|"(?!""))*+"{0,5}+'
    r"|'''(?:[^']|'(?!''))*+'{0,5}+"
    r'|"(?:[^"\\\n]|\\[^\n])*+"?+'
    r"|'[^'\n]*+'?+"
    r"|#[^\n]*+"
)


def parse_toml(rule: str, text: bytes, limit_bytes: int) -> dict[str, object]:
    """Parse a document of at most `limit_bytes`; raises FormatError."""
    if len(text) > limit_bytes:
        raise FormatError(f"{rule} has at most {limit_bytes} bytes", len(text))
    document = parse_text(f"{rule} is not TOML: it", text)
    _require_shallow(rule, document)
    try:
        return tomllib.loads(document)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{rule} is not TOML: {error}") from None


def _require_shallow(rule: str, document: str) -> None:
    bare = re.sub(_STRING_OR_COMMENT, "", document, flags=re.DOTALL)
    deepest = max(key.count(".") for key in re.split(r"[\n,={}\[\]]", bare))
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", bare):
        depth = depth + 1 if bracket in "[{" else depth - 1
        deepest = max(deepest, depth)
    if deepest >= MAX_DEPTH:
        raise FormatError(f"{rule} has at most {MAX_DEPTH} levels", deepest)
