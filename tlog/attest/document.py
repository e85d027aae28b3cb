"""What is signed and what is logged: an in-toto statement, its envelope, its record.

All of it is digests, names and the predicate; what is not known here is not in it.  An
envelope's file is one line, and the record holds the digest of exactly that line.

Source: in-toto attestation v1.1, statement.md; DSSE v1.0.2.
"""

import base64
import hashlib
import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tlogclient.batches import envelope_members
from tlogclient.runs import run_digest, run_name
from tlogverify import Record
from tlogverify.attestation.dsse import (
    MAX_ENVELOPE_BYTES,
    Envelope,
    EnvelopeSignature,
    pae,
)
from tlogverify.attestation.statement import PAYLOAD_TYPE, STATEMENT_TYPE
from tlogverify.errors import FormatError
from tlogverify.record import Subject
from tlogverify.rekor import Kind, RekorEntry, Signature
from tlogverify.sigstore import Bundle, BundleKey, LogEntry

_ED25519_SPKI: Final = bytes.fromhex("302a300506032b6570032100")
_PEM_BEGIN: Final = "-----BEGIN PUBLIC KEY-----"
_PEM_END: Final = "-----END PUBLIC KEY-----"


class AttestationSigner(Protocol):
    """Signs attestations: a key file, or a device that shows its public half alone."""

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


def name_run(run_id: str) -> NamedDigest:
    """Return the subject that stands for a run; FormatError if it is no UUID."""
    return NamedDigest(run_name(run_id), run_digest(run_id).value)


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


def sign_statement(statement: bytes, signer: AttestationSigner) -> bytes:
    """Return the signed envelope, one line.

    The one signature stands there twice, as two verifiers pass over a key by its name:
    securesystemslib takes its own key id alone, Go's (slsa-verifier, cosign) another
    one or none.  Whoever follows DSSE counts the key once.

    Raises FormatError if it is larger than a verifier takes.
    """
    signature = signer.sign(pae(PAYLOAD_TYPE, statement))
    encoded = base64.b64encode(signature).decode()
    document = {
        "payload": base64.b64encode(statement).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": keyid, "sig": encoded} for keyid in (key_id(signer.public), "")
        ],
    }
    line = json.dumps(document, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_ENVELOPE_BYTES:
        raise FormatError(f"an attestation has at most {MAX_ENVELOPE_BYTES} bytes")
    return line


def sign_once(statement: bytes, signer: AttestationSigner) -> Envelope:
    """Return the envelope of a bundle: one signature, without a key's name.

    A log's entry is of one signature, and Go's verifiers pass over a name that is not
    theirs.  Raises FormatError if it is larger than a verifier takes.
    """
    signature = signer.sign(pae(PAYLOAD_TYPE, statement))
    envelope = Envelope(PAYLOAD_TYPE, statement, (EnvelopeSignature(signature),))
    if len(encode_envelope(envelope)) > MAX_ENVELOPE_BYTES:
        raise FormatError(f"an attestation has at most {MAX_ENVELOPE_BYTES} bytes")
    return envelope


def encode_envelope(envelope: Envelope) -> bytes:
    """Return an envelope's JSON, one line."""
    members = envelope_members(envelope)
    return json.dumps(members, separators=(",", ":")).encode("ascii") + b"\n"


def signature_entry(
    envelope: Envelope, key: BundleKey, kind: Kind = "hashedrekord"
) -> RekorEntry:
    """Return what a log keeps of a bundle's envelope: the signature, and a hash.

    It is the hash that is signed; of kind dsse, that of the payload.

    Raises FormatError if no log takes signatures of such a key.
    """
    if key.details == "PKIX_ED25519_PH":
        raise FormatError(
            "a bundle is signed with an ECDSA key: Sigstore's logs take Ed25519 "
            "signatures in another form; make one with tlog keygen --type p256"
        )
    signature = Signature(
        envelope.signatures[0].sig, key.details, key.der, key.is_certificate
    )
    if kind == "dsse":
        payload_hash = hashlib.sha256(envelope.payload).digest()
        return RekorEntry(kind, "SHA2_256", payload_hash, (signature,))
    digest = key.digest(pae(envelope.payload_type, envelope.payload))
    return RekorEntry(kind, key.algorithm, digest, (signature,))


def bundle_of(
    envelope: Envelope, entry: LogEntry, key: BundleKey, timestamps: tuple[bytes, ...]
) -> Bundle:
    """Return the bundle of a logged envelope; a key's hint is as cosign writes it."""
    if key.is_certificate:
        return Bundle(
            envelope, certificates=(key.der,), entries=(entry,), timestamps=timestamps
        )
    hint = base64.b64encode(hashlib.sha256(key.der).digest()).decode()
    return Bundle(envelope, hint=hint, entries=(entry,), timestamps=timestamps)


def key_id(public: bytes) -> str:
    """Return the id that securesystemslib and in-toto give a public key (SPKI, DER).

    It is the SHA-256 of this text: OLPC canonical JSON, which escapes no line break.
    Source: securesystemslib 1.6, `compute_default_keyid`; RFC 8410, 10.1.
    """
    if public.startswith(_ED25519_SPKI):
        kind, scheme = "ed25519", "ed25519"
        value = public.removeprefix(_ED25519_SPKI).hex()
    else:
        kind, scheme = "ecdsa", "ecdsa-sha2-nistp256"
        lines = textwrap.wrap(base64.b64encode(public).decode(), 64)
        value = "\n".join([_PEM_BEGIN, *lines, _PEM_END, ""])
    text = f'{{"keytype":"{kind}","keyval":{{"public":"{value}"}},"scheme":"{scheme}"}}'
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def record_of(
    envelope: bytes,
    subjects: Sequence[NamedDigest],
    predicate_type: str,
    signer: AttestationSigner,
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
