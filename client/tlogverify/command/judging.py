"""Judging one thing that the command was given: an artifact, an entry, evidence."""

import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tlogverify.artifact import is_digest, path_of, verify_artifact
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES
from tlogverify.attestation.rules import Rules
from tlogverify.attestation.verify import verify_attestation
from tlogverify.command import verdicts
from tlogverify.command.bundles import judge_by_bundle
from tlogverify.command.policies import policy_folders, read_policy
from tlogverify.command.proofs import read_proof, require_file
from tlogverify.command.verdicts import Judged
from tlogverify.errors import FormatError
from tlogverify.evidence import Evidence
from tlogverify.files import read_bounded
from tlogverify.hashing import leaf_hash
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.rekor import REKOR_START

MAX_ENTRY_FILE_BYTES: Final = 1 << 24

_RECORD_START: Final = b'{"kind":"provenance"'


def judge_by(options: Namespace) -> Callable[[str], Judged]:
    """Read what all verdicts rest on, and return the function that judges by it.

    That function raises VerificationError for a thing that is not proven.  Both raise
    FormatError or OSError for input that cannot be used.
    """
    _require_sense(options)
    policy = read_policy(options.policy, policy_folders(os.environ))
    if options.bundle is not None:
        return judge_by_bundle(options, policy)
    if options.evidence is not None:
        return lambda path: _convict(path, policy)
    if options.entry:
        return lambda path: _judge_entry(path, options.proof, policy)
    if options.attestation is None:
        return lambda artifact: _judge_artifact(artifact, options.proof, policy)
    rules = Rules.read(options.rules)
    envelope = read_bounded(
        Path(options.attestation[0]), "an attestation", MAX_ENVELOPE_BYTES
    )

    def judge_attested(artifact: str) -> Judged:
        require_file(artifact)
        proof = read_proof(artifact, options.proof)
        proven = verify_attestation(artifact, envelope, proof, policy, rules)
        told = verdicts.describe(artifact, proven.artifact)
        line = verdicts.summary(artifact, proven.artifact)
        return told | verdicts.describe_attested(proven), (
            line + verdicts.attested_summary(proven)
        )

    return judge_attested


def _require_sense(options: Namespace) -> None:
    attested = options.attestation is not None
    if options.bundle is not None:
        require_bundle_alone(options)
    elif options.key:
        raise FormatError("--key is for a bundle: --bundle FILE")
    elif attested != (options.rules is not None) or (
        attested and options.evidence is not None
    ):
        raise FormatError("--attestation and --rules go together, without --evidence")
    if attested and len(options.attestation) > 1:
        raise FormatError(
            "several attestations are judged by `tlog verify` of tlog-server, and not "
            "here"
        )
    if options.entry and (attested or options.evidence is not None):
        raise FormatError("--entry goes without --attestation and without --evidence")


def require_bundle_alone(options: Namespace) -> None:
    """Raise FormatError for flags that a bundle leaves no room for."""
    others = ("proof", "attestation", "evidence", "entry")
    given = [f"--{name}" for name in others if getattr(options, name)]
    if given:
        raise FormatError(f"a bundle holds its own proof: it goes without {given[0]}")


def _judge_artifact(artifact: str, given: str | None, policy: Policy) -> Judged:
    require_file(artifact)
    proof = read_proof(artifact, given)
    _require_own_kind(proof)
    proven = verify_artifact(artifact, proof, policy)
    return verdicts.describe(artifact, proven), verdicts.summary(artifact, proven)


def _require_own_kind(proof: Proof) -> None:
    extra = proof.extra
    if extra is None or not extra.startswith((_RECORD_START, REKOR_START)):
        found = (
            "the proof has no extra line with the entry"
            if extra is None
            else "the proof's entry is of another kind than this project's logs hold"
        )
        raise FormatError(f"{found}; if this file is the entry itself, add --entry")


def _judge_entry(path: str, given: str | None, policy: Policy) -> Judged:
    if is_digest(path):
        raise FormatError(
            "with --entry the entry's own bytes are needed: name its file"
        )
    require_file(path)
    proof = read_proof(path, given)
    leaf = leaf_hash(read_bounded(path_of(path), "an entry", MAX_ENTRY_FILE_BYTES))
    witnessed = proof.verify(leaf, policy)
    told = verdicts.describe_entry(path, leaf, proof.index, witnessed)
    return told, f"{path}: proven to be {verdicts.standing(proof.index, witnessed)}"


def _convict(path: str, policy: Policy) -> Judged:
    older, newer = Evidence.read(path).verify(policy)
    line = verdicts.conflict_summary(path, older, newer)
    return verdicts.describe_conflict(path, older, newer), line
