"""How people call the public API: read by mypy, never run.

An `assert_type` here fails the type check when a signature changes.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import assert_type

import tlogverify
from tlogverify import (
    Checkpoint,
    FormatError,
    Policy,
    Proof,
    ProofError,
    ProvenArtifact,
    QuorumError,
    Record,
    SignatureError,
    TlogError,
    VerificationError,
    VerifierKey,
)
from tlogverify.attestation import ProvenAttestation, Rules, verify_attestation
from tlogverify.rekor import RekorEntry


def verify_a_release(release: Path) -> tuple[str, int]:
    """Prove a file, and say where the log holds it."""
    policy = Policy.read("policy")
    proof = Proof.read(release.with_suffix(".tlog-proof"))
    proven = tlogverify.verify_artifact(release, proof, policy)
    assert_type(proven, ProvenArtifact)
    assert_type(proven.record, Record | RekorEntry)
    assert_type(proven.witnessed.checkpoint, Checkpoint)
    assert_type(proven.witnessed.log, tuple[VerifierKey, ...])
    for key, time_s in proven.witnessed.witnesses:
        assert_type(key, VerifierKey)
        assert_type(time_s, int)
    return proven.witnessed.checkpoint.origin, proven.index


def name_an_artifact(path: os.PathLike[str], proof: Proof, policy: Policy) -> None:
    """Name an artifact in each of the four ways."""
    tlogverify.verify_artifact(path, proof, policy)
    tlogverify.verify_artifact("release.tar.gz", proof, policy)
    tlogverify.verify_artifact("sha256:" + "0" * 64, proof, policy)
    tlogverify.verify_artifact(bytes(32), proof, policy)


def parse_what_came_over_the_network(proof: bytes, policy: bytes) -> bytes:
    """Use bytes, not files."""
    parsed = Proof.parse(proof)
    assert_type(parsed.extra, bytes | None)
    assert_type(parsed.index, int)
    witnessed = parsed.verify(bytes(32), Policy.parse(policy))
    assert_type(witnessed.checkpoint.size, int)
    return parsed.encode()


def follow_a_log(
    vkeys: Sequence[bytes], old: Checkpoint, note: bytes, path: Sequence[bytes]
) -> Checkpoint:
    """Open a newer checkpoint and prove that it extends the older one."""
    keys = [tlogverify.parse_verifier_key(vkey) for vkey in vkeys]
    assert_type(keys, list[VerifierKey])
    new = tlogverify.open_checkpoint(note, *keys)
    assert_type(new, Checkpoint)
    assert_type(new.extensions, tuple[str, ...])
    tlogverify.verify_consistency(old.size, new.size, path, old.root, new.root)
    return new


def tell_who_must_act(error: TlogError) -> str:
    """Tell the errors apart by type."""
    match error:
        case FormatError():
            return f"the sender: {error.rule}"
        case SignatureError() | ProofError() | QuorumError():
            return "nobody: do not trust"
        case VerificationError():
            return "nobody: another artifact"
        case _:
            return "a caller of the server"


def verify_an_attestation(release: Path) -> tuple[str, str | None]:
    """Prove a file's signed statement, and say what it is and who built it."""
    rules = assert_type(Rules.read("RULES.toml"), Rules)
    proven = verify_attestation(
        release,
        Path("release.intoto.jsonl").read_bytes(),
        Proof.read("release.tlog-proof"),
        Policy.read("policy"),
        rules,
    )
    assert_type(proven, ProvenAttestation)
    build = proven.provenance
    builder = None if build is None else build.builder
    return proven.statement.predicate_type, builder
