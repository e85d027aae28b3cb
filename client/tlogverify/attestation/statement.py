"""in-toto statements: these artifacts, and what is said of them.

    {"_type":"https://in-toto.io/Statement/v1",
     "subject":[{"name":"<name>","digest":{"sha256":"<64 hex>",...}},...],
     "predicateType":"<URI>","predicate":{...}}

Artifacts are matched by their SHA-256 alone; names are the producer's words.

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

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
MAX_STATEMENT_SUBJECTS: Final = 1024

_RULE: Final = "a statement"
# `vnd.in-toto.<predicate>+json` is allowed too, and says nothing to be relied upon.
_PAYLOAD_TYPE: Final = re.compile(r"application/vnd\.in-toto(?:\.[a-z0-9._-]+)?\+json")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StatementSubject:
    """One artifact; sha256: None where the producer used other algorithms alone."""

    name: str
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a payload says; subjects: 1 to 1,024."""

    subjects: tuple[StatementSubject, ...]
    predicate_type: str
    predicate: Mapping[str, object]

    def names(self, sha256: bytes) -> bool:
        """Tell whether an artifact is one of the subjects."""
        return any(subject.sha256 == sha256 for subject in self.subjects)


def parse_statement(envelope: Envelope) -> Statement:
    """Parse the payload of an envelope, which the caller has verified.

    Raises FormatError for payloads of another type, and for other statements than v1.
    """
    if _PAYLOAD_TYPE.fullmatch(envelope.payload_type) is None:
        raise FormatError(f"the payload is {PAYLOAD_TYPE}", envelope.payload_type)
    members = parse_object(_RULE, envelope.payload)
    if members.get("_type") != STATEMENT_TYPE:
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
    sha256 = optional_text("a digest", digests, "sha256")
    if sha256 and _SHA256.fullmatch(sha256) is None:
        raise FormatError("a sha256 is 64 lower-case hex digits", sha256)
    name = optional_text("a subject", members, "name")
    return StatementSubject(name, bytes.fromhex(sha256) or None)
