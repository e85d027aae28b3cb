"""What is signed and what is logged: an in-toto statement, its envelope, its record.

All of it is digests, names and the predicate; what is not known here is not in it.  An
envelope's file is one line, and the record holds the digest of exactly that line.

Source: in-toto attestation v1.1, statement.md; DSSE v1.0.2.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tlogverify import Record
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES, pae
from tlogverify.attestation.statement import PAYLOAD_TYPE, STATEMENT_TYPE
from tlogverify.errors import FormatError
from tlogverify.record import Subject


class DocumentSigner(Protocol):
    """Signs documents: a key file, or a device that shows its public half alone."""

    @property
    def public(self) -> bytes:
        """The public half, a SubjectPublicKeyInfo in DER."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a message as `tlogverify.attestation.signers` verifies it."""
        ...


@dataclass(frozen=True, slots=True)
class NamedDigest:
    """One artifact; name: "" where it must not be told."""

    name: str
    sha256: bytes


def encode_statement(
    subjects: Sequence[NamedDigest],
    predicate_type: str,
    predicate: Mapping[str, object],
) -> bytes:
    """Return the statement's JSON; the same values give the same bytes."""
    document = {
        "_type": STATEMENT_TYPE,
        "subject": [_subject(subject) for subject in subjects],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def sign_statement(statement: bytes, signer: DocumentSigner) -> bytes:
    """Return the signed envelope, one line.

    Raises FormatError if it is larger than a verifier takes.
    """
    signature = signer.sign(pae(PAYLOAD_TYPE, statement))
    document = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {
                "keyid": hashlib.sha256(signer.public).hexdigest(),
                "sig": base64.b64encode(signature).decode(),
            }
        ],
    }
    line = json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_ENVELOPE_BYTES:
        raise FormatError(f"an attestation has at most {MAX_ENVELOPE_BYTES} bytes")
    return line


def record_of(
    envelope: bytes,
    subjects: Sequence[NamedDigest],
    predicate_type: str,
    signer: DocumentSigner,
) -> Record:
    """Return the one record of an envelope; FormatError if a value is out of bounds.

    Artifacts with the same bytes are one subject.
    """
    digests = sorted({subject.sha256 for subject in subjects})
    return Record(
        subjects=tuple(Subject(digest) for digest in digests),
        provenance=hashlib.sha256(envelope).digest(),
        predicate_type=predicate_type,
        signer=hashlib.sha256(signer.public).digest(),
    )


def _subject(subject: NamedDigest) -> dict[str, object]:
    digest = {"digest": {"sha256": subject.sha256.hex()}}
    return {"name": subject.name, **digest} if subject.name else {**digest}
