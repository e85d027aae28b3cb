"""How the command reads an attestation, and tells what has been proven."""

from pathlib import Path

from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.attestation.rules import Rules
from tlogverify.attestation.verify import ProvenAttestation, verify_attestation
from tlogverify.files import read_bounded
from tlogverify.policy import Policy
from tlogverify.proof import Proof


def read_and_verify(
    artifact: str, attestation: str, proof: Proof, policy: Policy, rules: str
) -> ProvenAttestation:
    """Read the two files and prove what they say; errors of `verify_attestation`."""
    believed = Rules.read(rules)
    envelope = read_bounded(Path(attestation), "an attestation", MAX_ENVELOPE_BYTES)
    return verify_attestation(artifact, envelope, proof, policy, believed)


def describe(proven: ProvenAttestation) -> dict[str, object]:
    """Return the verdict as values for JSON; null where the predicate is no build."""
    build = proven.provenance
    return {
        "signers": [key.sha256.hex() for key in proven.signers],
        "subjects": [subject.name for subject in proven.statement.subjects],
        "builder": None if build is None else build.builder,
        "build_type": None if build is None else build.build_type,
        "sources": None if build is None else list(build.sources),
        "invocation": None if build is None else build.invocation,
    }


def summary(proven: ProvenAttestation) -> str:
    """Return what the attestation adds to the line for people."""
    build = proven.provenance
    if build is None:
        return f", attested: {proven.statement.predicate_type}"
    source = "".join(f" from {uri:.200}" for uri in build.sources[:1])
    return f", attested: built by {build.builder}{source}"
