"""Evidence that a log's key signed two histories.

    tlog-evidence@v1 LF
    older <base64 of a signed checkpoint> LF
    newer <base64 of a signed checkpoint> LF
    [prefix <base64 of a hash> LF]
    (<base64 of a hash> LF)*              consistency proof, from prefix to newer

It convicts in two ways: both heads have one size and not one root; or the proof shows
that the newer tree had `prefix` as its root at the older size, which is not the older
root.  A proof that merely fails convicts nobody: anyone can break one.  A file without
`prefix` keeps such a case for people to look at, and does not verify.

Source: this project's own format; `docs/specs.md`, "Evidence".
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, VerificationError
from tlogverify.files import read_bounded
from tlogverify.hashing import Hash
from tlogverify.lines import encode_base64, parse_base64, parse_hash, split_lines
from tlogverify.merkle import MAX_PATH, verify_consistency
from tlogverify.note import MAX_NOTE_BYTES
from tlogverify.policy import Policy
from tlogverify.signed import open_checkpoint

MAX_EVIDENCE_BYTES: Final = 3 * MAX_NOTE_BYTES
"""Two notes in base64, and a proof."""

_MAGIC: Final = b"tlog-evidence@v1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two heads of one log, not yet verified, and what shows that they conflict.

    older, newer: notes with the log's signatures, the smaller tree first.
    prefix: the root that the newer tree had at the older size, or None.
    path: the consistency proof from prefix; without prefix, the one that failed.
    """

    older: bytes
    newer: bytes
    prefix: Hash | None = None
    path: tuple[Hash, ...] = ()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Evidence":
        """Read an evidence file; raises FormatError, or OSError."""
        return cls.parse(read_bounded(Path(path), "evidence", MAX_EVIDENCE_BYTES))

    @classmethod
    def parse(cls, text: bytes) -> "Evidence":
        """Parse an evidence file; it encodes to the same bytes again.

        Raises FormatError.
        """
        lines = split_lines("evidence", text)
        if lines[:1] != [_MAGIC] or len(lines) > MAX_PATH + 4:
            raise FormatError(f"evidence starts with {_MAGIC.decode()}", text[:32])
        notes = [
            parse_base64(name, line.removeprefix(f"{name} ".encode()))
            for name, line in zip(("older", "newer"), lines[1:3], strict=False)
            if line.startswith(f"{name} ".encode())
        ]
        if len(notes) != 2:
            raise FormatError("evidence has a line older and a line newer")
        rest, prefix = lines[3:], None
        if rest and rest[0].startswith(b"prefix "):
            prefix = parse_hash("prefix", rest.pop(0)[7:])
        path = tuple(parse_hash("a proof's hash", line) for line in rest)
        return cls(notes[0], notes[1], prefix, path)

    def encode(self) -> bytes:
        """Return the evidence file's bytes."""
        lines = [
            _MAGIC.decode(),
            f"older {encode_base64(self.older)}",
            f"newer {encode_base64(self.newer)}",
            *([] if self.prefix is None else [f"prefix {encode_base64(self.prefix)}"]),
            *(encode_base64(sibling) for sibling in self.path),
        ]
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def verify(self, policy: Policy) -> tuple[Checkpoint, Checkpoint]:
        """Prove that a log of `policy` signed two histories; return both heads.

        Raises FormatError if a note is malformed, VerificationError if it is not
        proven.
        """
        keys = [log.key for log in policy.logs]
        older = open_checkpoint(self.older, *keys)
        newer = open_checkpoint(self.newer, *keys)
        if older.origin != newer.origin or older.size > newer.size:
            raise VerificationError(
                "these are not an older and a newer head of one log"
            )
        if older.size == newer.size and older.root != newer.root:
            return older, newer
        if self.prefix is None or self.prefix == older.root:
            raise VerificationError(
                "both heads are signed, and nothing here shows that they conflict"
            )
        verify_consistency(older.size, newer.size, self.path, self.prefix, newer.root)
        return older, newer
