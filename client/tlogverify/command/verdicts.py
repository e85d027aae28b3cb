"""How it is told what has been proven: as values for JSON, and as a line for people."""

from tlogverify.artifact import ProvenArtifact
from tlogverify.attestation.verify import ProvenAttestation
from tlogverify.checkpoint import Checkpoint
from tlogverify.kinds import describe_signer, name_signer
from tlogverify.policy import Witnessed
from tlogverify.record import Record
from tlogverify.rekor import RekorEntry


def describe(artifact: str, proven: ProvenArtifact) -> dict[str, object]:
    """Return the verdict on an artifact as values for JSON."""
    return {
        "artifact": artifact,
        "proven": True,
        "sha256": proven.sha256.hex(),
        **_named(proven.record),
        **_placed(proven.index, proven.witnessed),
    }


def describe_entry(
    entry: str, leaf: bytes, index: int, witnessed: Witnessed
) -> dict[str, object]:
    """Return the verdict on an entry's own bytes as values for JSON."""
    placed = _placed(index, witnessed)
    return {"entry": entry, "proven": True, "leaf_hash": leaf.hex(), **placed}


def describe_attested(proven: ProvenAttestation) -> dict[str, object]:
    """Return what an attestation adds; null where the predicate is no build."""
    build = proven.provenance
    return {
        "signers": [key.sha256.hex() for key in proven.signers],
        "subjects": [subject.name for subject in proven.statement.subjects],
        "builder": None if build is None else build.builder,
        "build_type": None if build is None else build.build_type,
        "sources": None if build is None else list(build.sources),
        "invocation": None if build is None else build.invocation,
    }


def describe_conflict(
    evidence: str, older: Checkpoint, newer: Checkpoint
) -> dict[str, object]:
    """Return the verdict on evidence as values for JSON."""
    heads = [{"size": head.size, "root": head.root.hex()} for head in (older, newer)]
    return {
        "evidence": evidence,
        "proven": True,
        "origin": older.origin,
        "older": heads[0],
        "newer": heads[1],
    }


def summary(artifact: str, proven: ProvenArtifact) -> str:
    """Return the verdict on an artifact as one line for people."""
    stands = standing(proven.index, proven.witnessed)
    return f"{artifact}: proven, {stands}{_signed(proven.record)}"


def standing(index: int, witnessed: Witnessed) -> str:
    """Return where an entry stands, and who vouches for it, as words."""
    checkpoint, signers = witnessed.checkpoint, witnessed.witnesses
    cosigned = f", cosigned by {len(signers)}" if signers else ""
    return f"entry {index} of {checkpoint.size} in {checkpoint.origin}{cosigned}"


def attested_summary(proven: ProvenAttestation) -> str:
    """Return what an attestation adds to the line for people."""
    build = proven.provenance
    if build is None:
        return f", attested: {proven.statement.predicate_type}"
    source = "".join(f" from {uri:.200}" for uri in build.sources[:1])
    return f", attested: built by {build.builder}{source}"


def conflict_summary(evidence: str, older: Checkpoint, newer: Checkpoint) -> str:
    """Return the verdict on evidence as one line for people."""
    return (
        f"{evidence}: proven: the key of {older.origin} signed two histories, heads of "
        f"{older.size} and {newer.size} entries"
    )


def _placed(index: int, witnessed: Witnessed) -> dict[str, object]:
    checkpoint = witnessed.checkpoint
    return {
        "origin": checkpoint.origin,
        "index": index,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "witnesses": [
            {"name": signer.key.name, "time": signer.time_s}
            for signer in witnessed.witnesses
        ],
    }


def _named(record: Record | RekorEntry) -> dict[str, object]:
    if isinstance(record, Record):
        return {
            "provenance": record.provenance.hex(),
            "predicate_type": record.predicate_type,
            "signer": None if record.signer is None else record.signer.hex(),
        }
    signers = [describe_signer(it) for it in record.signatures]
    return {"kind": record.kind, "signers": signers}


def _signed(record: Record | RekorEntry) -> str:
    if isinstance(record, Record):
        return ""
    signers = ", ".join(name_signer(it) for it in record.signatures)
    return f"; signed with {signers} (signature and certificate were not judged here)"
