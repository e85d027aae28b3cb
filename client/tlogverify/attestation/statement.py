"""in-toto statements: these artifacts, and what is said of them.

    {"_type":"https://in-toto.io/Statement/v1",            or .../v0.1
     "subject":[{"name":"<name>","digest":{"sha256":"<64 hex>",...}},...],
     "predicateType":"<URI>","predicate":{...}}

Artifacts are matched by their SHA-256; where a producer left that out, by each of
SHA-512 and SHA-384 that it wrote.  Names are the producer's words.  The two versions
differ in nothing that is read here, and tools write the older one around SLSA v1.

Source: in-toto attestation v1.1, statement.md, envelope.md, digest_set.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    parse_object,
    required_text,
)
from tlogverify.errors import FormatError
from tlogverify.hashing import DIGEST_BYTES

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
OLDER_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v0.1"
MAX_STATEMENT_SUBJECTS: Final = 1024

_RULE: Final = "a statement"
# `vnd.in-toto.<predicate>+json` is allowed too, and says nothing to be relied upon.
_PAYLOAD_TYPE: Final = re.compile(r"application/vnd\.in-toto(?:\.[a-z0-9._-]+)?\+json")
_HEX: Final = re.compile(r"[0-9a-f]*")
_LONGER: Final = ("sha512", "sha384")


@dataclass(frozen=True, slots=True)
class StatementSubject:
    """One artifact; sha256: None where the producer left it out.

    longer: the SHA-512 and SHA-384 then, by hashlib's names; may be empty.
    """

    name: str
    sha256: bytes | None
    longer: tuple[tuple[str, bytes], ...] = ()

    def is_of(self, digests: Mapping[str, bytes]) -> bool:
        """Tell whether these digests, by hashlib's names, are of this artifact."""
        if self.sha256 is not None:
            return self.sha256 == digests.get("sha256")
        found = [digests.get(name) == digest for name, digest in self.longer]
        return bool(found) and all(found)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a payload says; subjects: 1 to 1,024."""

    subjects: tuple[StatementSubject, ...]
    predicate_type: str
    predicate: Mapping[str, object]

    @property
    def algorithms(self) -> frozenset[str]:
        """The hashes beside SHA-256 that its subjects are matched by."""
        return frozenset(name for it in self.subjects for name, _ in it.longer)

    def names(self, digests: Mapping[str, bytes]) -> bool:
        """Tell whether an artifact is one of the subjects; digests: as of `is_of`."""
        return any(subject.is_of(digests) for subject in self.subjects)


def parse_statement(envelope: Envelope) -> Statement:
    """Parse the payload of an envelope, which the caller has verified.

    Raises FormatError for payloads of another type, and for other statements than v1
    and v0.1.
    """
    if _PAYLOAD_TYPE.fullmatch(envelope.payload_type) is None:
        raise FormatError(f"the payload is {PAYLOAD_TYPE}", envelope.payload_type)
    members = parse_object(_RULE, envelope.payload)
    if members.get("_type") not in (STATEMENT_TYPE, OLDER_STATEMENT_TYPE):
        raise FormatError(f"{_RULE} is {STATEMENT_TYPE}", members.get("_type"))
    subjects = array_member(_RULE, members, "subject", MAX_STATEMENT_SUBJECTS)
    predicate_type = required_text(_RULE, members, "predicateType")
    if not subjects or not predicate_type:
        raise FormatError(f"{_RULE} has a subject and a predicateType")
    return Statement(
        tuple(_subject(subject) for subject in subjects),
        predicate_type,
        object_member(_RULE, members, "predicate"),
    )


def _subject(members: Mapping[str, object]) -> StatementSubject:
    digests = object_member("a subject", members, "digest")
    if not digests:
        raise FormatError("a subject has a digest")
    # Other algorithms are ignored, whatever stands there: digest_set.md, "Guidelines".
    sha256 = _digest(digests, "sha256")
    longer = [] if sha256 else [(name, _digest(digests, name)) for name in _LONGER]
    return StatementSubject(
        optional_text("a subject", members, "name"),
        sha256,
        tuple((name, digest) for name, digest in longer if digest),
    )


def _digest(digests: Mapping[str, object], name: str) -> bytes | None:
    digits = optional_text("a digest", digests, name)
    count = 2 * DIGEST_BYTES[name]
    if digits and (len(digits) != count or _HEX.fullmatch(digits) is None):
        raise FormatError(f"a {name} is {count} lower-case hex digits", digits)
    return bytes.fromhex(digits) or None
