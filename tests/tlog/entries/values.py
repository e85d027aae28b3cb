"""What hypothesis draws: records as values, and the spellings a sender may choose.

A draw of each digest and each character would take far longer than what is tested: the
strategies draw a seed, and all else follows from it.
"""

import json
import string
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from tests.support.records import JsonObject

# The first call of a test imports and compiles: a deadline would measure that.
thorough = settings(deadline=None, max_examples=200, database=None)

seeded = st.randoms(use_true_random=True)
"""Draws the seed of a generator."""

_SCHEME_CHARS = string.ascii_letters + string.digits + "+.-"
_URI_CHARS = "ABCXYZabcxyz0189._~:/?#[]@!$&'()*+,;=%-"
_WHITE = " \t\r\n"


def _digest(chance: Random, size: int = 32) -> str:
    return chance.randbytes(size).hex()


def _subjects(chance: Random) -> list[dict[str, str]]:
    """Return 1 to 5 subjects, sorted and unique."""
    found: list[dict[str, str]] = []
    for sha256 in sorted({_digest(chance) for _ in range(chance.randint(1, 5))}):
        found.append({"sha256": sha256})
        for name, size in (("sha384", 48), ("sha512", 64)):
            if chance.random() < 0.5:
                found[-1][name] = _digest(chance, size)
    return found


def _uri(chance: Random) -> str:
    scheme = chance.choices(_SCHEME_CHARS, k=chance.choice([0, 1, 20, 7]))
    rest = chance.choices(_URI_CHARS, k=chance.choice([1, 2, 200, 30]))
    return f"{chance.choice(string.ascii_letters)}{''.join(scheme)}:{''.join(rest)}"


def _record(chance: Random) -> JsonObject:
    value: JsonObject = {
        "kind": "provenance",
        "version": 1,
        "subject": _subjects(chance),
        "provenance": {"sha256": _digest(chance)},
    }
    if chance.random() < 0.5:
        value["predicateType"] = _uri(chance)
    if chance.random() < 0.5:
        value["signer"] = {"sha256": _digest(chance)}
    return value


def records() -> st.SearchStrategy[JsonObject]:
    """Draw a valid record."""
    return seeded.map(_record)


def shuffled(chance: Random, value: JsonObject) -> JsonObject:
    """Return an object with its members in another order."""
    return dict(chance.sample(list(value.items()), len(value)))


def _white(chance: Random) -> str:
    return "".join(chance.choices(_WHITE, k=chance.randrange(4)))


def _spelled(chance: Random, value: Any) -> str:
    """Return one of the many JSON texts of a value: order, white space, escapes."""
    if isinstance(value, dict):
        items = [
            _text(chance, name) + _white(chance) + ":" + _spelled(chance, item)
            for name, item in shuffled(chance, value).items()
        ]
        text = "{" + ",".join(items) + _white(chance) + "}"
    elif isinstance(value, list):
        text = "[" + ",".join(_spelled(chance, item) for item in value) + "]"
    elif isinstance(value, str):
        text = _text(chance, value)
    else:
        text = json.dumps(value)
    return _white(chance) + text + _white(chance)


def _text(chance: Random, text: str) -> str:
    spelled = list(text)
    for at in chance.sample(range(len(text)), min(len(text), chance.randrange(4))):
        spelled[at] = _escape(chance, text[at])
    return f'"{"".join(spelled)}"'


def _escape(chance: Random, char: str) -> str:
    spellings = [f"\\u{ord(char):04x}", f"\\u{ord(char):04X}"]
    return chance.choice([*spellings, "\\/"] if char == "/" else spellings)


def body_of(values: list[JsonObject]) -> st.SearchStrategy[bytes]:
    """Draw a JSON body of records; the name of its one member is not escaped."""

    def body(chance: Random) -> bytes:
        white = [_white(chance) for _ in range(3)]
        entries = _spelled(chance, values)
        return f'{white[0]}{{{white[1]}"entries":{entries}}}{white[2]}'.encode()

    return seeded.map(body)


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
