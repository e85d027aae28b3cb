"""The one call: an artifact, its signed statement, the log's proof, and the rules.

The order is SLSA's: nothing that an envelope says is looked at before its signature
holds, and nothing of a build before the artifact is known to be its output.

    1  trusted keys signed the envelope               SignatureError
    2  the log holds a record of these exact bytes    ProofError, QuorumError, ...
    3  statement and record name the artifact
    4  the predicate type is allowed
    5  the builder is one that the signing keys may speak for
    6  build type, source and parameters are the expected ones

Source: SLSA v1.0, "Verifying artifacts".
"""

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from tlogverify.artifact import (
    ProvenArtifact,
    artifact_sha256,
    is_digest,
    path_of,
    verify_artifact,
)
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.rules import Rules, StatementRules
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.slsa import (
    PROVENANCE_TYPE,
    Provenance,
    read_provenance,
)
from tlogverify.attestation.statement import Statement, parse_statement
from tlogverify.errors import SignatureError, VerificationError
from tlogverify.files import hash_file
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.record import Record
from tlogverify.rekor import RekorEntry


@dataclass(frozen=True, slots=True)
class ProvenAttestation:
    """What `verify_attestation` has proven.

    artifact: what the log holds.  statement: what is said of it.  signers: the trusted
    keys that signed.  provenance: the build, for SLSA provenance alone.
    """

    artifact: ProvenArtifact
    statement: Statement
    signers: tuple[SignerKey, ...]
    provenance: Provenance | None


def verify_attestation(
    artifact: str | os.PathLike[str] | bytes,
    envelope: bytes,
    proof: Proof,
    policy: Policy,
    rules: Rules,
) -> ProvenAttestation:
    """Prove, offline, that an artifact's attestation is logged and as `rules` ask.

    artifact: as `tlogverify.verify_artifact` takes it.  envelope: the exact bytes of
    the file: the log's record holds their digest.

    Raises FormatError for malformed input, VerificationError for what is not proven,
    OSError if the artifact is not readable.
    """
    parsed = Envelope.parse(envelope)
    signers = parsed.verify((it.key for it in rules.keys), rules.threshold)
    statement = parse_statement(parsed)
    digests = artifact_digests(artifact, statement.algorithms)
    proven = verify_artifact(digests["sha256"], proof, policy)
    verify_record(proven.record, envelope, statement, signers)
    verify_subject(statement, digests)
    provenance = judge_statement(statement, signers, rules)
    return ProvenAttestation(proven, statement, signers, provenance)


def judge_statement(
    statement: Statement, signers: tuple[SignerKey, ...], rules: Rules
) -> Provenance | None:
    """Return the build that a statement is of, once it is as `rules` ask.

    signers: those of the rules' keys that signed it.  None if it is of no build.
    Raises FormatError or VerificationError.
    """
    if statement.predicate_type not in rules.predicate_types:
        raise VerificationError(
            f"the predicate type is not allowed: {statement.predicate_type}"
        )
    if statement.predicate_type != PROVENANCE_TYPE:
        return None
    provenance = read_provenance(statement.predicate)
    _verify_builder(provenance, signers, rules)
    verify_build(provenance, rules)
    return provenance


def artifact_digests(
    artifact: str | os.PathLike[str] | bytes, algorithms: Collection[str]
) -> dict[str, bytes]:
    """Return an artifact's SHA-256, and of a file the other `algorithms` too.

    algorithms: as hashlib names them.
    """
    if is_digest(artifact):
        return {"sha256": artifact_sha256(artifact)}
    # In one reading: a file that changes meanwhile must not be two artifacts.
    return hash_file(path_of(artifact), {"sha256", *algorithms})


def verify_subject(statement: Statement, digests: Mapping[str, bytes]) -> None:
    """Raise VerificationError unless a statement is of the artifact of `digests`."""
    if statement.names(digests):
        return
    why = f"the statement does not name sha256:{digests['sha256'].hex()}"
    missing = sorted(statement.algorithms - digests.keys())
    if missing:
        why += f"; it names artifacts by {missing[0]} alone, which only a file has"
    raise VerificationError(why)


def verify_record(
    record: Record | RekorEntry,
    envelope: bytes,
    statement: Statement,
    signers: tuple[SignerKey, ...],
) -> None:
    """Raise VerificationError unless a log's entry is of this very envelope."""
    if isinstance(record, RekorEntry):
        raise VerificationError("the proven entry is no record of an attestation")
    if record.provenance != hashlib.sha256(envelope).digest():
        raise VerificationError("the proven entry is of another attestation")
    if record.predicate_type != statement.predicate_type:
        raise VerificationError("the proven entry has another predicate type")
    if record.signer not in {None, *(key.sha256 for key in signers)}:
        raise VerificationError("the proven entry names another signer")


def _verify_builder(
    provenance: Provenance, signers: tuple[SignerKey, ...], rules: Rules
) -> None:
    # A key counts for the builders that it is trusted for, and for no other: else the
    # key of a weak build platform could speak for a strong one.
    entitled = [
        it
        for it in rules.keys
        if it.key in signers and provenance.builder in it.builders
    ]
    if not entitled:
        raise VerificationError(
            f"the builder is not allowed: {provenance.builder:.200}"
        )
    if len(entitled) < rules.threshold:
        raise SignatureError(
            f"{len(entitled)} of the keys for this builder signed, "
            f"{rules.threshold} must: {provenance.builder:.200}"
        )


def verify_build(provenance: Provenance, rules: StatementRules) -> None:
    """Raise VerificationError unless a build is of what `rules` ask."""
    if rules.build_types and provenance.build_type not in rules.build_types:
        raise VerificationError(
            f"the build type is not allowed: {provenance.build_type:.200}"
        )
    if not provenance.sources and not rules.any_source:
        raise VerificationError("the provenance names no source")
    for uri in provenance.sources:
        if not rules.allows_source(uri):
            raise VerificationError(f"the source is not allowed: {uri:.200}")
    if rules.parameters is not None:
        _verify_parameters(provenance, rules, rules.parameters)


def _verify_parameters(
    provenance: Provenance,
    rules: StatementRules,
    expected: Mapping[str, tuple[str, ...]],
) -> None:
    given = {path for path, _ in provenance.parameters}
    for path in expected:
        if path not in given:
            raise VerificationError(f"the provenance has no parameter {path}")
    # Sources were judged by their own rules, or any may be there: then as a parameter.
    judged = frozenset() if rules.any_source else provenance.source_paths
    for path, value in provenance.parameters:
        if "\\" in path:
            raise VerificationError(f"a parameter's name has a dot in it: {path:.99}")
        if path in expected:
            if not value:
                raise VerificationError(f"the parameter {path:.99} is no string")
            if value not in expected[path]:
                raise VerificationError(f"not allowed: {path:.99} = {value:.99}")
        elif path not in {*rules.ignored_parameters, *judged}:
            raise VerificationError(f"the parameter {path:.99} is not expected")
