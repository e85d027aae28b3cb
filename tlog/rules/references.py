"""Statements that refer to an SBOM by its digest, and the SBOM in their place.

    predicateType   https://in-toto.io/attestation/reference/v0.1
    predicate       references[].digest.sha256     of the SBOM's own bytes

Who signs such a statement vouches for the bytes of that digest.  So the SBOM is judged
as if it stood in the statement: its signer, subject and entry are the statement's.

Source: in-toto attestation, `spec/predicates/reference.md`.
"""

import re
from dataclasses import replace
from typing import Final

from tlogclient.sboms import REFERENCE_TYPE, read_sbom
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.members import (
    array_member,
    object_member,
    optional_text,
    parse_object,
)
from tlogverify.attestation.statement import Statement, parse_statement
from tlogverify.errors import FormatError

MAX_REFERRED_BYTES: Final = 64 << 20
"""Of all that is referred to and judged for one artifact."""

MAX_REFERRED_VALUES: Final = 4 << 20
"""Brackets and commas of one; a value of JSON costs many times its bytes."""

_MAX_REFERENCES: Final = 64
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


def referred_by(statement: Statement) -> tuple[bytes, ...]:
    """Return the SHA-256 of each document that a statement refers to.

    None of another statement.  Raises FormatError if the predicate cannot be read.
    """
    if statement.predicate_type != REFERENCE_TYPE:
        return ()
    rule, predicate = "a reference", statement.predicate
    found: list[bytes] = []
    for it in array_member(rule, predicate, "references", _MAX_REFERENCES):
        digits = optional_text(rule, object_member(rule, it, "digest"), "sha256")
        if _SHA256.fullmatch(digits) is None:
            raise FormatError("a reference is by sha256, 64 lower-case hex", digits)
        found.append(bytes.fromhex(digits))
    return tuple(found)


def claimed_references(envelope: bytes) -> tuple[bytes, ...]:
    """Return what an envelope says that it refers to; nobody's signature is judged.

    For who looks for these documents.  Nothing of what is no such envelope.
    """
    try:
        return referred_by(parse_statement(Envelope.parse(envelope)))
    except FormatError:
        return ()


def with_sbom(statement: Statement, content: bytes) -> Statement:
    """Return a statement with an SBOM as its predicate; content: of its digest.

    Raises FormatError if the bytes are no SBOM.
    """
    members = parse_object("an SBOM", content)
    predicate_type = read_sbom(members).predicate_type
    return replace(statement, predicate_type=predicate_type, predicate=members)
