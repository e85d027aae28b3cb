"""Offline verification for a transparency log of software provenance.

It verifies: it holds no private key, opens no socket, reads no clock, starts no thread.
Its one dependency is `cryptography`, for the signatures.  Whatever bytes go in, only
FormatError and VerificationError come out (and OSError where it reads a file).

The files, in order of dependency:

    errors                       what can go wrong, by who must act
    hashing  lines  files  toml  hashes of leaves and nodes; strict text; bounded reads
    merkle  inclusions  ranges   inclusion, consistency; many proofs; many leaves
    tiles  bundles               how a log is stored and served
    keys  note                   verifier keys, signed notes
    checkpoint  signed  policy   tree heads, who signed them, who must
    record  rekor                the two kinds of entry
    certificates  kinds          whom one names; what an entry is found by
    proof  artifact              the proof file, the one call
    evidence                     two heads that conflict
    attestation/                 signed statements: DSSE, in-toto, SLSA
    sigstore/                    bundles of Sigstore's clients
    command/                     what `python -m tlogverify` does and says
"""

from tlogverify.artifact import ProvenArtifact, verify_artifact
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import (
    FormatError,
    ProofError,
    QuorumError,
    SignatureError,
    TlogError,
    VerificationError,
)
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.merkle import verify_consistency
from tlogverify.policy import Policy
from tlogverify.proof import Proof
from tlogverify.record import Record
from tlogverify.signed import open_checkpoint

__all__ = [
    "Checkpoint",
    "FormatError",
    "Policy",
    "Proof",
    "ProofError",
    "ProvenArtifact",
    "QuorumError",
    "Record",
    "SignatureError",
    "TlogError",
    "VerificationError",
    "VerifierKey",
    "open_checkpoint",
    "parse_verifier_key",
    "verify_artifact",
    "verify_consistency",
]
