r"""Checkpoints: the text of a signed tree head.

    <origin> LF <size> LF <base64 of the root hash> LF (<extension> LF)*

Holding a Checkpoint proves nothing about who said it: `open_checkpoint` does that.

Source: C2SP tlog-checkpoint, "Note text".
"""

from dataclasses import dataclass
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.hashing import EMPTY_ROOT, HASH_SIZE, Hash
from tlogverify.lines import (
    MAX_SIZE,
    encode_base64,
    parse_decimal,
    parse_hash,
    parse_text,
    split_lines,
)

MAX_ORIGIN_BYTES: Final = 255
"""The most that an ML-DSA-44 signature's message has room for."""

MAX_EXTENSIONS: Final = 64


class EmptyRootError(FormatError):
    """Size 0, and the root of some other tree; to a witness, a proof that fails."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One state of one log.

    origin: 1 to 255 bytes of UTF-8 without control characters; may hold spaces.
    size: in leaves.  extensions: opaque non-empty lines without LF.
    Raises FormatError if a value breaks its bounds.
    """

    origin: str
    size: int
    root: Hash
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < len(self.origin.encode("utf-8", "replace")) <= MAX_ORIGIN_BYTES:
            raise FormatError(f"an origin has 1 to {MAX_ORIGIN_BYTES} bytes")
        lines = (self.origin, *self.extensions)
        if any(line == "" or min(line) < "\x20" for line in lines):
            raise FormatError("a checkpoint's line is empty or has a control character")
        if any("\ud800" <= char <= "\udfff" for line in lines for char in line):
            raise FormatError("a checkpoint's line is not Unicode")
        if len(self.extensions) > MAX_EXTENSIONS:
            raise FormatError(f"a checkpoint has at most {MAX_EXTENSIONS} extensions")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_SIZE:
            raise FormatError("a checkpoint's size or root is out of bounds")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise EmptyRootError("the root of the empty tree is SHA-256 of nothing")

    def encode(self) -> bytes:
        """Return the note's text, which is also what an Ed25519 key signs."""
        head = f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"
        return (head + "".join(f"{line}\n" for line in self.extensions)).encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Parse the text of a checkpoint; it encodes to the same bytes again.

    Raises FormatError.
    """
    lines = split_lines("a checkpoint", text)
    if not 3 <= len(lines) <= 3 + MAX_EXTENSIONS:
        raise FormatError(
            f"a checkpoint has 3 to {3 + MAX_EXTENSIONS} lines", len(lines)
        )
    return Checkpoint(
        origin=parse_text("an origin", lines[0]),
        size=parse_decimal("a tree size", lines[1]),
        root=parse_hash("a root hash", lines[2]),
        extensions=tuple(parse_text("an extension", line) for line in lines[3:]),
    )
