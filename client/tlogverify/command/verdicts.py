"""How it is told what has been proven: as values for JSON, and as a line for people."""

from collections.abc import Mapping, Sequence

from tlogverify.artifact import ProvenArtifact
from tlogverify.attestation.slsa import Provenance
from tlogverify.attestation.verify import ProvenAttestation
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import VerificationError
from tlogverify.kinds import describe_signer, name_signer
from tlogverify.policy import Witnessed
from tlogverify.record import Record
from tlogverify.rekor import RekorEntry, Signature
from tlogverify.sigstore.verify import Signed

Judged = tuple[dict[str, object], str]
"""A verdict: as values for JSON, and as a line for people."""


class DisallowedError(VerificationError):
    """Rules do not allow it; told: the whole verdict, as values for JSON."""

    def __init__(self, why: str, told: Mapping[str, object]) -> None:
        self.told = told
        super().__init__(why)


def describe(artifact: str, proven: ProvenArtifact) -> dict[str, object]:
    """Return the verdict on an artifact as values for JSON."""
    return {
        "artifact": artifact,
        "proven": True,
        "sha256": proven.sha256.hex(),
        **_named(proven.record),
        **placed(proven.index, proven.witnessed),
    }


def describe_entry(
    entry: str, leaf: bytes, index: int, witnessed: Witnessed
) -> dict[str, object]:
    """Return the verdict on an entry's own bytes as values for JSON."""
    place = placed(index, witnessed)
    return {"entry": entry, "proven": True, "leaf_hash": leaf.hex(), **place}


def describe_attested(proven: ProvenAttestation) -> dict[str, object]:
    """Return what an attestation adds; null where the predicate is no build."""
    return {
        "signers": [key.sha256.hex() for key in proven.signers],
        "subjects": [subject.name for subject in proven.statement.subjects],
        **describe_build(proven.provenance),
    }


def describe_build(build: Provenance | None) -> dict[str, object]:
    """Return a build as values for JSON; null where the predicate is no build."""
    return {
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
    return build_summary(build)


def build_summary(build: Provenance) -> str:
    """Return who built something, and from what, for the line for people."""
    source = "".join(f" from {uri:.200}" for uri in build.sources[:1])
    return f", attested: built by {build.builder}{source}"


def describe_signed(
    artifact: str, signed: Signed, judged: Sequence[str]
) -> dict[str, object]:
    """Return what a bundle's signature says as values for JSON; judged: by names."""
    statement = signed.statement
    return {
        "artifact": artifact,
        "proven": True,
        "sha256": signed.sha256.hex(),
        "judged": list(judged),
        "signers": [describe_signer(_signature(signed))],
        "predicate_type": None if statement is None else statement.predicate_type,
        "subjects": [] if statement is None else [it.name for it in statement.subjects],
    }


def signed_summary(signed: Signed, build: Provenance | None) -> str:
    """Return who signed a bundle, and what it says, for the line for people."""
    line = f"; signed with {name_signer(_signature(signed))}"
    if build is not None:
        return line + build_summary(build)
    if signed.statement is not None:
        line += f", attested: {signed.statement.predicate_type}"
    return line


def beside(unjudged: Sequence[str]) -> str:
    """Return what nobody judged, for the line for people."""
    return f"; not judged: {', '.join(unjudged)}" if unjudged else ""


def conflict_summary(evidence: str, older: Checkpoint, newer: Checkpoint) -> str:
    """Return the verdict on evidence as one line for people."""
    return (
        f"{evidence}: proven: the key of {older.origin} signed two histories, heads of "
        f"{older.size} and {newer.size} entries"
    )


def placed(index: int, witnessed: Witnessed) -> dict[str, object]:
    """Return where an entry stands, and who vouches for it, as values for JSON."""
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


def _signature(signed: Signed) -> Signature:
    key = signed.key
    return Signature(signed.signature, key.details, key.der, key.is_certificate)
