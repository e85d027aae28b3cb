"""What hypothesis draws: arbitrary bytes, near misses of valid ones, and settings."""

from collections.abc import Sequence
from random import Random

from hypothesis import settings
from hypothesis import strategies as st

# The first call of a test imports and compiles: a deadline would measure that.
thorough = settings(deadline=None, max_examples=150, database=None)

# Bytes of every format of this package, more often than chance would bring them.
_TOKENS = [
    b"\n",
    b"\n\n",
    b"\r",
    b" ",
    b"+",
    b"=",
    b"/",
    b"0",
    b"none",
    b"index ",
    b"extra ",
    b"c2sp.org/tlog-proof@v1\n",
    b"log ",
    b"witness ",
    b"group ",
    b"quorum ",
    b"#",
    b"\x00",
    b"\x7f",
    b"\xff",
    "— ".encode(),
    "\u2028".encode(),
    b'{"kind":"provenance",',
]

any_bytes = st.one_of(
    st.binary(max_size=200),
    st.lists(st.sampled_from(_TOKENS) | st.binary(max_size=8), max_size=20).map(
        b"".join
    ),
)


@st.composite
def near_misses(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw `valid` with one byte changed, dropped, doubled or put in."""
    at = draw(st.integers(0, len(valid) - 1))
    byte = bytes([draw(st.integers(0, 255))])
    tail = draw(st.sampled_from([valid[at + 1 :], valid[at:], valid[at - 1 :]]))
    return valid[:at] + draw(st.sampled_from([byte, b""])) + tail


def json_objects(
    names: Sequence[str], leaves: Sequence[object], members: int
) -> st.SearchStrategy[dict[str, object]]:
    """Draw objects that nest up to four deep; members: at most so many in each.

    Everything follows from one seed, which takes far less time than `st.recursive`.
    """

    def value(chance: Random, depth: int) -> object:
        match chance.randrange(4 if depth else 2):
            case 2:
                return [value(chance, depth - 1) for _ in range(chance.randrange(4))]
            case 3:
                return made(chance, depth - 1)
            case _:
                return chance.choice([*leaves, chance.randint(-(2**70), 2**70)])

    def made(chance: Random, depth: int) -> dict[str, object]:
        picked = chance.sample(names, chance.randint(0, members))
        return {name: value(chance, depth) for name in picked}

    return st.randoms(use_true_random=True).map(lambda chance: made(chance, 3))
