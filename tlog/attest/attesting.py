"""Attesting files: one statement over all of them, signed, logged, kept beside each.

    ARTIFACT.intoto.jsonl     the envelope, the same line beside each artifact
    ARTIFACT.tlog-proof       that the log holds the record of that line

The envelope is written before it is submitted.  A process that dies in between leaves
an envelope that the log may know, and loses nothing: the next run takes the envelope
that lies there, if it is this key's and says the same, and asks for the proof again; an
entry that the log has keeps its index.  What lies there and says something else is not
replaced unless that is asked for; then the new envelope waits as

    .ARTIFACT.intoto.jsonl.next

until the log has answered, and what lay there proves what it did until then.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlog.attest.artifacts import Artifact
from tlog.attest.capture import MINIMAL_TYPE, TRACE_MEMBER
from tlog.attest.document import (
    AttestationSigner,
    NamedDigest,
    encode_statement,
    record_of,
    sign_statement,
)
from tlog.attest.redaction import Omission, why_left_out
from tlog.errors import RejectedError
from tlog.folders import write_whole
from tlogclient import LogClient
from tlogverify import Proof, Record
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES, Envelope
from tlogverify.attestation.members import parse_object
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.slsa import PROVENANCE_TYPE
from tlogverify.command.telling import printable
from tlogverify.errors import FormatError, SignatureError
from tlogverify.files import read_bounded


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to be said of artifacts, before it is signed."""

    artifacts: tuple[Artifact, ...]
    subjects: tuple[NamedDigest, ...]
    predicate_type: str
    predicate: Mapping[str, object]

    @property
    def statement(self) -> bytes:
        """The bytes that are signed, if no envelope of the same is there."""
        return encode_statement(self.subjects, self.predicate_type, self.predicate)


@dataclass(frozen=True, slots=True)
class Attested:
    """What is kept beside the artifacts now; is_kept: the envelope was there before."""

    envelope: bytes
    proof: Proof
    is_kept: bool


def name_artifacts(
    artifacts: Sequence[Artifact], secrets: Sequence[str]
) -> tuple[tuple[NamedDigest, ...], tuple[Omission, ...]]:
    """Return the subjects, and the names that must not be told."""
    subjects, omissions = [], []
    for number, artifact in enumerate(artifacts):
        why = why_left_out(artifact.name, secrets)
        if why is not None:
            omissions.append(Omission(f"subject[{number}].name", why))
        name = "" if why is not None else artifact.name
        subjects.append(NamedDigest(name, artifact.sha256))
    return tuple(subjects), tuple(omissions)


async def attest(
    claim: Claim, signer: AttestationSigner, log: LogClient, *, replace: bool = False
) -> Attested:
    """Sign a claim, log it, and keep envelope and proof beside each artifact.

    replace: also where another attestation lies.

    Raises RejectedError if one does and it must not be replaced, and what `log` raises.
    """
    kept = (
        _waiting_envelope(claim, signer) if replace else _kept_envelope(claim, signer)
    )
    envelope = kept or sign_statement(claim.statement, signer)
    # Refused before anything is written, if it is not a record that a log takes.
    record = record_of(envelope, claim.subjects, claim.predicate_type, signer)
    if not replace:
        _require_own_proofs(claim, record)
    for it in claim.artifacts:
        # A death in between leaves some of the files: the next run writes the others.
        write_changed(it.next_attestation if replace else it.attestation, envelope)
    (proof,) = await log.submit([record])
    for it in claim.artifacts:
        write_changed(it.proof, proof.encode())
        write_changed(it.attestation, envelope)
    # Last of all: until here, another run with --force goes on with it.
    for it in claim.artifacts if replace else ():
        it.next_attestation.unlink(missing_ok=True)
    return Attested(envelope, proof, kept is not None)


def _kept_envelope(claim: Claim, signer: AttestationSigner) -> bytes | None:
    """Return the envelope that lies beside the artifacts; None if there is none."""
    found: dict[bytes, Path] = {}
    for artifact in claim.artifacts:
        path = artifact.attestation
        if path.exists():
            envelope = read_bounded(path, "an attestation", MAX_ENVELOPE_BYTES)
            found.setdefault(envelope, path)
        elif artifact.proof.exists():
            # Of a submission without an attestation; it can be had again, but not here.
            raise _another(artifact.proof, "a proof of something else")
    if not found:
        return None
    (envelope, path), *others = found.items()
    if others:
        raise _another(others[0][1], "another attestation than its neighbour's")
    if not says_the_same(envelope, claim, signer):
        raise _another(path, "another attestation")
    return envelope


def _waiting_envelope(claim: Claim, signer: AttestationSigner) -> bytes | None:
    """Return the envelope of a run that died before it had replaced another."""
    for artifact in claim.artifacts:
        path = artifact.next_attestation
        if path.is_file():
            envelope = read_bounded(path, "an attestation", MAX_ENVELOPE_BYTES)
            if says_the_same(envelope, claim, signer):
                return envelope
    return None


def _require_own_proofs(claim: Claim, record: Record) -> None:
    for artifact in claim.artifacts:
        if artifact.proof.exists():
            try:
                found = Proof.read(artifact.proof).extra
            except FormatError:
                found = None
            if found != record.encode():
                raise _another(artifact.proof, "a proof of something else")


def says_the_same(envelope: bytes, claim: Claim, signer: AttestationSigner) -> bool:
    """Tell whether an envelope is this key's and says the same, but for its times."""
    try:
        parsed = Envelope.parse(envelope)
        parsed.verify([SignerKey(signer.public)], 1)
        found = parse_object("a statement", parsed.payload)
    except (FormatError, SignatureError):
        return False
    return _timeless(found) == _timeless(parse_object("a statement", claim.statement))


def _timeless(statement: dict[str, object]) -> dict[str, object]:
    """Return a statement without what differs at every run of a build.

    These are its times, the span that it is a part of, and how often a job was started
    again.
    """
    predicate = statement.get("predicate")
    details = predicate.get("runDetails") if isinstance(predicate, dict) else None
    metadata = details.get("metadata") if isinstance(details, dict) else None
    if statement.get("predicateType") not in (PROVENANCE_TYPE, MINIMAL_TYPE) or not (
        isinstance(predicate, dict)
        and isinstance(details, dict)
        and isinstance(metadata, dict)
    ):
        return statement
    times = {"startedOn", "finishedOn", TRACE_MEMBER}
    kept = {name: value for name, value in metadata.items() if name not in times}
    if isinstance(invocation := kept.get("invocationId"), str):
        kept["invocationId"] = re.sub(r"/attempts/[0-9]+$", "", invocation)
    return statement | {
        "predicate": predicate | {"runDetails": details | {"metadata": kept}}
    }


def _another(path: Path, what: str) -> RejectedError:
    return RejectedError(f"{printable(str(path))} is {what}: --force replaces it")


def write_changed(path: Path, content: bytes) -> None:
    """Replace a file with a whole one, durably; nothing is done if it is the same."""
    if path.is_file() and path.read_bytes() == content:
        return
    write_whole(path, content)
