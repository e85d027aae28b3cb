"""Values as YAML, in block style: maps, lists, texts, whole numbers and truth.

Every text that a reader could take for another type is quoted, in escapes that JSON and
YAML share.  PURE.  Source: YAML 1.2.2, 7.3.1, 8.2.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def encode_documents(documents: Sequence[Mapping[str, object]]) -> str:
    """Return documents, each behind a line of three hyphens."""
    return "".join(f"---\n{_joined(_lines(it))}" for it in documents)


def _joined(lines: Iterator[str]) -> str:
    return "".join(f"{it}\n" for it in lines)


def _lines(value: object) -> Iterator[str]:
    """Return the lines of a value; TypeError for what has no form here."""
    if isinstance(value, Mapping) and value:
        for name, it in value.items():
            yield from _member(f"{_scalar(name)}:", it)
    elif isinstance(value, list) and value:
        for it in value:
            first, *rest = _lines(it)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _scalar(value)


def _member(name: str, value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list) and value:
        yield name
        yield from (f"  {line}" for line in _lines(value))
    else:
        yield f"{name} {_scalar(value)}"


def _scalar(value: object) -> str:
    if isinstance(value, str):
        is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if is_plain else "".join(map(_escaped, value)).join('""')
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value == {}:
        return "{}"
    if value == []:
        return "[]"
    raise TypeError(f"{value!r} has no form in this YAML")


def _escaped(character: str) -> str:
    if ord(character) > 0xFFFF:
        # JSON has two escapes for it, which are two characters in YAML.
        return f"\\U{ord(character):08x}"
    return json.dumps(character)[1:-1]
