"""The one call that most people need: prove that the log knows an artifact.

The entry travels in the proof file.  It is believed because its hash is the leaf that
the proof leads to, and it speaks of the artifact because it names its digest.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tlogverify.errors import FormatError, VerificationError
from tlogverify.files import hash_file, sha256_file
from tlogverify.hashing import HASH_SIZE, Hash, leaf_hash
from tlogverify.policy import Policy, Witnessed
from tlogverify.proof import Proof
from tlogverify.record import Record, parse_record
from tlogverify.rekor import REKOR_START, RekorEntry, parse_rekor


@dataclass(frozen=True, slots=True)
class ProvenArtifact:
    """What `verify_artifact` has proven.

    sha256: the artifact's digest.  record: the entry that names it; of a Rekor entry
    neither the signature nor the certificate was judged.
    index, leaf_hash: where the entry stands.  witnessed: the checkpoint it stands in
    and who signed that.
    """

    sha256: bytes
    record: Record | RekorEntry
    index: int
    leaf_hash: Hash
    witnessed: Witnessed


def verify_artifact(
    artifact: str | os.PathLike[str] | bytes, proof: Proof, policy: Policy
) -> ProvenArtifact:
    """Prove, offline, that a log of `policy` holds an entry that names `artifact`.

    artifact: a path; or its SHA-256, as 32 bytes or as "sha256:<64 hex>".  If a
    Rekor entry has a longer hash, only a path will do; if it is of kind dsse, the
    artifact is the envelope's payload.

    Raises FormatError if a digest, the proof or the entry in it is malformed,
    VerificationError if the artifact is not proven, OSError if it is not readable.
    """
    sha256 = artifact_sha256(artifact)
    if proof.extra is None:
        raise FormatError("the proof has no extra line with the entry")
    # Not by `kinds`: that reads certificates, and so would load sockets.
    is_rekor = proof.extra.startswith(REKOR_START)
    record = parse_rekor(proof.extra) if is_rekor else parse_record(proof.extra)
    leaf = leaf_hash(proof.extra)
    witnessed = proof.verify(leaf, policy)
    if not _names(record, artifact, sha256):
        raise VerificationError(f"the proven entry does not name sha256:{sha256.hex()}")
    return ProvenArtifact(sha256, record, proof.index, leaf, witnessed)


def _names(
    record: Record | RekorEntry, artifact: str | os.PathLike[str] | bytes, sha256: bytes
) -> bool:
    if isinstance(record, Record):
        return any(subject.sha256 == sha256 for subject in record.subjects)
    if record.algorithm == "SHA2_256":
        return record.digest == sha256
    if is_digest(artifact):
        raise VerificationError(
            f"the proven entry names a {record.algorithm}: only a file has that"
        )
    algorithm = record.algorithm.replace("SHA2_", "sha")
    return record.digest == hash_file(path_of(artifact), {algorithm})[algorithm]


def is_digest(artifact: str | os.PathLike[str] | bytes) -> bool:
    """Tell whether an artifact is named by its digest, and not by its path."""
    return isinstance(artifact, bytes) or (
        isinstance(artifact, str) and artifact.startswith("sha256:")
    )


def artifact_sha256(artifact: str | os.PathLike[str] | bytes) -> bytes:
    """Return the SHA-256 that `artifact` is or names; see `verify_artifact`."""
    if isinstance(artifact, bytes):
        if len(artifact) != HASH_SIZE:
            raise FormatError(f"a SHA-256 has {HASH_SIZE} bytes", len(artifact))
        return artifact
    if isinstance(artifact, str) and artifact.startswith("sha256:"):
        digits = artifact.removeprefix("sha256:")
        if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
            raise FormatError("a digest is sha256: and 64 lower-case hex", artifact)
        return bytes.fromhex(digits)
    return sha256_file(path_of(artifact))


def path_of(artifact: str | os.PathLike[str] | bytes) -> Path:
    """Return the path of an artifact that is a file; FormatError for a null in it."""
    path = os.fsdecode(artifact)
    if "\0" in path:
        raise FormatError("a path has no null")
    return Path(path)
