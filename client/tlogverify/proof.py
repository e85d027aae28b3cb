"""Proof files: everything that an offline verifier needs, beside its policy.

    c2sp.org/tlog-proof@v1 LF
    [extra <base64> LF]
    index <decimal> LF
    (<base64 of a hash> LF)*              leaf's sibling first
    LF
    <checkpoint, with its signatures>

`extra` is not authenticated by the file.  In this log it is the entry itself, and so is
proven by the leaf's hash: see `tlogverify.artifact`.

Source: C2SP tlog-proof.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.files import read_bounded
from tlogverify.hashing import HASH_SIZE, Hash
from tlogverify.lines import (
    MAX_SIZE,
    encode_base64,
    parse_base64,
    parse_decimal,
    parse_hash,
    split_lines,
)
from tlogverify.merkle import MAX_PATH, verify_inclusion
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Policy, Witnessed

MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + (1 << 18)
"""A note, and room for an entry of 65,535 bytes and 63 hashes in base64."""

_MAGIC: Final = b"c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """One entry's way to one signed checkpoint.

    index: 0-based.  path: the inclusion proof, leaf's sibling first.
    note: the checkpoint's bytes with its signatures, not yet verified.
    extra: opaque, or None; never empty.
    """

    index: int
    path: tuple[Hash, ...]
    note: bytes
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_SIZE or len(self.path) > MAX_PATH:
            raise FormatError("a proof's index or path is out of bounds")
        if any(len(sibling) != HASH_SIZE for sibling in self.path):
            raise FormatError(f"every hash of a proof has {HASH_SIZE} bytes")
        if self.note == b"" or self.extra == b"":
            raise FormatError("a proof's note or extra is empty")

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Proof":
        """Read a proof file; raises FormatError, or OSError if it is not readable."""
        return cls.parse(read_bounded(Path(path), "a proof", MAX_PROOF_BYTES))

    @classmethod
    def parse(cls, text: bytes) -> "Proof":
        """Parse a proof file; it encodes to the same bytes again.

        Raises FormatError.  The checkpoint in it is parsed when it is verified.
        """
        if len(text) > MAX_PROOF_BYTES:
            raise FormatError(f"a proof has at most {MAX_PROOF_BYTES} bytes")
        # The first blank line ends the header: the checkpoint has its own further on.
        header, separator, note = text.partition(b"\n\n")
        if not separator or note == b"":
            raise FormatError("a proof has a blank line before its checkpoint")
        lines = split_lines("a proof", header + b"\n")
        if lines.pop(0) != _MAGIC:
            raise FormatError(f"a proof starts with {_MAGIC.decode()}", text[:32])
        extra = None
        if lines and lines[0].startswith(b"extra "):
            extra = parse_base64("extra", lines.pop(0)[6:])
            if extra == b"":
                raise FormatError("an empty extra is left out")
        if not lines or not lines[0].startswith(b"index "):
            raise FormatError("a proof has an index line", lines[:1])
        index = parse_decimal("an index", lines.pop(0)[6:])
        if len(lines) > MAX_PATH:
            raise FormatError(f"a proof has at most {MAX_PATH} hashes", len(lines))
        path = tuple(parse_hash("a proof's hash", line) for line in lines)
        return cls(index, path, note, extra)

    def encode(self) -> bytes:
        """Return the proof file's bytes."""
        lines = [_MAGIC.decode()]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [encode_base64(sibling) for sibling in self.path]
        return "\n".join([*lines, "", ""]).encode("ascii") + self.note

    def verify(self, leaf_hash: bytes, policy: Policy) -> Witnessed:
        """Prove that the leaf is in a tree that satisfies `policy`.

        leaf_hash: computed by the caller, never taken from the proof file.

        Raises FormatError if the checkpoint is malformed, VerificationError if it is
        not proven.  Source: C2SP tlog-proof, "Verification".
        """
        witnessed = policy.open_checkpoint(self.note)
        checkpoint = witnessed.checkpoint
        verify_inclusion(
            self.index, checkpoint.size, leaf_hash, self.path, checkpoint.root
        )
        return witnessed
