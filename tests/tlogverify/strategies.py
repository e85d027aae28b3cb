"""What hypothesis draws: arbitrary bytes, near misses of valid ones, and settings."""

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
