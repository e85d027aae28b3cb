"""What hypothesis draws: records as values, and the spellings a sender may choose.

Strategies are made once, here: to make one takes longer than to draw from it.
"""

import json
from functools import cache
from itertools import product
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.records import JsonObject

# The first call of a test imports and compiles: a deadline would measure that.
thorough = settings(deadline=None, max_examples=200, database=None)

_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
_URI_CHARS = "ABCXYZabcxyz0189._~:/?#[]@!$&'()*+,;=%-"
_WHITE = st.sampled_from(
    ["".join(chars) for size in range(4) for chars in product(" \t\r\n", repeat=size)]
)
_SCHEMES = st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,20}", fullmatch=True)
_RESTS = st.text(_URI_CHARS, min_size=1, max_size=200)
_PLACES = st.lists(st.integers(0, 1023), max_size=3)
"""Of the escaped characters; longer texts than any of a record."""


@cache
def digests(name: str) -> st.SearchStrategy[str]:
    """Draw a digest in lower-case hex."""
    size = _SIZES[name]
    return st.binary(min_size=size, max_size=size).map(bytes.hex)


_FEW_DIGESTS = st.lists(digests("sha256"), min_size=1, max_size=5, unique=True)
_EITHER = st.booleans()


@st.composite
def subjects(draw: st.DrawFn) -> list[dict[str, str]]:
    """Draw 1 to 5 subjects, sorted and unique."""
    found = draw(_FEW_DIGESTS)
    more = [
        {name: draw(digests(name)) for name in ("sha384", "sha512") if draw(_EITHER)}
        for _ in found
    ]
    pairs = zip(sorted(found), more, strict=True)
    return [{"sha256": sha256, **others} for sha256, others in pairs]


@st.composite
def records(draw: st.DrawFn) -> JsonObject:
    """Draw a valid record."""
    value: JsonObject = {
        "kind": "provenance",
        "version": 1,
        "subject": draw(subjects()),
        "provenance": {"sha256": draw(digests("sha256"))},
    }
    if draw(_EITHER):
        value["predicateType"] = f"{draw(_SCHEMES)}:{draw(_RESTS)}"
    if draw(_EITHER):
        value["signer"] = {"sha256": draw(digests("sha256"))}
    return value


def spelled(draw: st.DrawFn, value: Any) -> str:
    """Draw one of the many JSON texts of a value: order, white space, escapes."""
    if isinstance(value, dict):
        members = draw(st.permutations(list(value.items())))
        items = [
            _text(draw, name) + draw(_WHITE) + ":" + spelled(draw, item)
            for name, item in members
        ]
        text = "{" + ",".join(items) + draw(_WHITE) + "}"
    elif isinstance(value, list):
        text = "[" + ",".join(spelled(draw, item) for item in value) + "]"
    elif isinstance(value, str):
        text = _text(draw, value)
    else:
        text = json.dumps(value)
    return draw(_WHITE) + text + draw(_WHITE)


def _text(draw: st.DrawFn, text: str) -> str:
    escaped = {it % max(len(text), 1) for it in draw(_PLACES)}
    spelled = (
        draw(_escape(char)) if at in escaped else char for at, char in enumerate(text)
    )
    return f'"{"".join(spelled)}"'


@cache
def _escape(char: str) -> st.SearchStrategy[str]:
    spellings = [f"\\u{ord(char):04x}", f"\\u{ord(char):04X}"]
    return st.sampled_from([*spellings, "\\/"] if char == "/" else spellings)


@st.composite
def body_of(draw: st.DrawFn, values: list[JsonObject]) -> bytes:
    """Draw a JSON body of records; the name of its one member is not escaped."""
    white = [draw(_WHITE) for _ in range(3)]
    entries = spelled(draw, values)
    text = f'{white[0]}{{{white[1]}"entries":{entries}}}{white[2]}'
    return text.encode()


@st.composite
def mutations(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw `valid` with a few bytes changed, dropped, doubled or moved."""
    body = bytearray(valid)
    for _ in range(draw(st.integers(1, 4))):
        if not body:
            break
        at = draw(st.integers(0, len(body) - 1))
        end = draw(st.integers(at, min(at + 8, len(body))))
        match draw(st.integers(0, 3)):
            case 0:
                body[at] = draw(st.integers(0, 255))
            case 1:
                del body[at:end]
            case 2:
                body[at:at] = body[at:end]
            case _:
                body[at:at] = draw(st.binary(max_size=4))
    return bytes(body)
