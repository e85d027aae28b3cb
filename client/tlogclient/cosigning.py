r"""What a log says to a witness: the two bodies of C2SP tlog-witness.  PURE.

    add-checkpoint    "old " <size> LF
                      (<base64 of a hash> LF){0,63}
                      LF
                      <checkpoint, with its signatures>

    sign-subtree      "subtree " <start> " " <end> LF
                      <base64 of the subtree's hash> LF
                      (<base64 of a hash> LF){0,63}
                      LF
                      <checkpoint that this witness has cosigned>

The first blank line ends the head of a body: the checkpoint has its own further on.
What is parsed encodes to the same bytes again, and nothing of it is proven.

Source: C2SP tlog-witness, "add-checkpoint" and "sign-subtree".
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.hashing import Hash
from tlogverify.lines import encode_base64, parse_decimal, parse_hash, split_lines
from tlogverify.merkle import MAX_PATH, is_valid_subtree

SIZE_TYPE: Final = "text/x.tlog.size"
"""The media type of a 409's body: the size that the witness knows, a decimal and LF."""


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A checkpoint, and what shows that it extends the one of `old_size`.

    path: the consistency proof, at most 63 hashes.  note: not empty.
    """

    old_size: int
    path: tuple[Hash, ...]
    note: bytes

    def encode(self) -> bytes:
        """Return the body."""
        return _join([f"old {self.old_size}"], self.path, self.note)


@dataclass(frozen=True, slots=True)
class SignSubtree:
    """A subtree [start, end), and what shows that it lies in a cosigned tree."""

    start: int
    end: int
    subtree_hash: Hash
    path: tuple[Hash, ...]
    note: bytes

    def encode(self) -> bytes:
        """Return the body."""
        head = [f"subtree {self.start} {self.end}", encode_base64(self.subtree_hash)]
        return _join(head, self.path, self.note)


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Parse a body of add-checkpoint; FormatError for every other spelling."""
    lines, note = _split(body)
    if not lines[0].startswith(b"old "):
        raise FormatError("the first line is 'old <size>'", lines[0])
    old_size = parse_decimal("the old size", lines[0].removeprefix(b"old "))
    return AddCheckpoint(old_size, _parse_path(lines[1:]), note)


def parse_sign_subtree(body: bytes) -> SignSubtree:
    """Parse a body of sign-subtree; FormatError also for no valid subtree."""
    lines, note = _split(body)
    fields = lines[0].split(b" ")
    if len(fields) != 3 or fields[0] != b"subtree":
        raise FormatError("the first line is 'subtree <start> <end>'", lines[0])
    start = parse_decimal("the start", fields[1])
    end = parse_decimal("the end", fields[2])
    if not is_valid_subtree(start, end):
        raise FormatError("[start, end) is not a valid subtree", lines[0])
    if len(lines) < 2:
        raise FormatError("the second line is the subtree's hash")
    subtree_hash = parse_hash("the subtree's hash", lines[1])
    return SignSubtree(start, end, subtree_hash, _parse_path(lines[2:]), note)


def origin_hash(origin: str) -> str:
    """Return what names a log in a witness's URLs (C2SP tlog-witness, "monitoring")."""
    return hashlib.sha256(origin.encode()).hexdigest()


def _join(head: list[str], path: tuple[Hash, ...], note: bytes) -> bytes:
    lines = [*head, *(encode_base64(sibling) for sibling in path)]
    return "\n".join([*lines, "", ""]).encode("ascii") + note


def _split(body: bytes) -> tuple[list[bytes], bytes]:
    head, separator, note = body.partition(b"\n\n")
    if not separator or note == b"":
        raise FormatError("a blank line stands before the checkpoint")
    return split_lines("the body", head + b"\n"), note


def _parse_path(lines: list[bytes]) -> tuple[Hash, ...]:
    if len(lines) > MAX_PATH:
        raise FormatError(f"a proof has at most {MAX_PATH} hashes", len(lines))
    return tuple(parse_hash("a proof's hash", line) for line in lines)
