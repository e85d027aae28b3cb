"""Signed notes: a text and the signature lines below it.

    <text, ends with LF> LF
    (U+2014 " " <key name> " " base64(<key id: 4> || <signature>) LF)+

The last blank line separates the two: a text may hold blank lines itself.  Parsing
proves nothing; `tlogverify.signed` does.

Source: C2SP signed-note, "Format".
"""

import re
from dataclasses import dataclass
from typing import Final

from tlogverify.errors import FormatError
from tlogverify.keys import VerifierKey, require_key_name
from tlogverify.lines import decode_base64, encode_base64, parse_text, split_lines

MAX_NOTE_BYTES: Final = 1 << 20
"""Room for 16 ML-DSA-44 lines (52 KB) many times over."""

MAX_SIGNATURES: Final = 100
"""The bound of Go's note package; the specification asks for at least 16."""

_MARK: Final = "— ".encode()
_CONTROLS: Final = re.compile(rb"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; `signature` is what follows the 4 bytes of the key id.

    spelled: the line's base64 where its last bits are not zero, else "".  Only an
    unknown key may sign so: `tlogverify.signed` refuses such a line of a known one.
    """

    name: str
    key_id: bytes
    signature: bytes
    spelled: str = ""

    def is_by(self, key: VerifierKey) -> bool:
        """Whether name *and* id are the key's; says nothing about the signature."""
        return (self.name, self.key_id) == (key.name, key.key_id)

    def encode(self) -> bytes:
        """Return the line, with its LF."""
        body = self.spelled or encode_base64(self.key_id + self.signature)
        return f"— {self.name} {body}\n".encode()


@dataclass(frozen=True, slots=True)
class UnverifiedNote:
    """A note whose signatures nobody has checked yet.

    text: ends with LF; the bytes that are signed.
    """

    text: bytes
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """Return the note's bytes."""
        lines = b"".join(signature.encode() for signature in self.signatures)
        return self.text + b"\n" + lines


def parse_note(note: bytes) -> UnverifiedNote:
    """Split a note into its text and its signatures.

    Raises FormatError unless every byte has its place: lines by unknown keys must be
    well-formed too, but for the unused bits at the end of their base64.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise FormatError(f"a note has at most {MAX_NOTE_BYTES} bytes", len(note))
    parse_text("a note", note)
    if _CONTROLS.search(note):
        raise FormatError("a note has no control characters but newlines")
    text, separator, lines = note.rpartition(b"\n\n")
    if not separator:
        raise FormatError("a note has a blank line before its signatures")
    return UnverifiedNote(text + b"\n", parse_signatures(lines))


def parse_signatures(lines: bytes) -> tuple[NoteSignature, ...]:
    """Parse 1 to 100 signature lines, as they end a note; raises FormatError."""
    signatures = split_lines("a signature line", lines)
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise FormatError(f"a note has 1 to {MAX_SIGNATURES} signatures")
    return tuple(_parse_signature(line) for line in signatures)


def _parse_signature(line: bytes) -> NoteSignature:
    fields = line.removeprefix(_MARK).split(b" ")
    if not line.startswith(_MARK) or len(fields) != 2:
        raise FormatError("a signature line is '— <name> <base64>'", line)
    name = parse_text("a key name", fields[0])
    require_key_name(name)
    decoded, is_canonical = decode_base64("a signature", fields[1])
    if len(decoded) < 5:
        raise FormatError("a signature has a key id and at least one byte", fields[1])
    spelled = "" if is_canonical else fields[1].decode("ascii")
    return NoteSignature(name, decoded[:4], decoded[4:], spelled)
