"""The result of a rebuild as a statement, signed and logged, whatever it is.

Each result has a predicate type of its own.  So rules that want two rebuilders to agree
name the type of `equal`, and a statement that a rebuild differed counts for nothing.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.attest import (
    AttestationSigner,
    NamedDigest,
    encode_statement,
    record_of,
    sign_statement,
)
from tlog.folders import write_whole
from tlog.rebuilds.building import Source
from tlog.rebuilds.comparing import Comparison, Result
from tlog.textfiles import TextMetrics
from tlogclient import LogClient
from tlogverify import Proof

TYPES: Final[Mapping[Result, str]] = {
    "equal": "urn:tlog:rebuild:equal:v1",
    "stabilised": "urn:tlog:rebuild:stabilised:v1",
    "different": "urn:tlog:rebuild:different:v1",
}
MAX_DIFFERENCES: Final = 256
"""The most that a statement names; `differing` counts all."""


class RebuildMetrics(TextMetrics):
    """What a run of `tlog rebuild-check` writes for the collector of text files."""

    prefix = "tlog_rebuild_"

    def __init__(self) -> None:
        super().__init__()
        self.seconds = self._gauge(
            "tlog_rebuild_seconds", "How long the last rebuild took"
        )
        self.variance = self._gauge(
            "tlog_rebuild_variance_ratio",
            "The share of the artifact's bytes that differed in the last rebuild",
        )


@dataclass(frozen=True, slots=True)
class Rebuild:
    """What was built from what, by which command, and how it compares.

    attestation: SHA-256 of the envelope that was verified.  seconds, epoch_s: None
    where nothing was built here.
    """

    comparison: Comparison
    source: Source
    attestation: bytes
    command: Sequence[str]
    seconds: float | None
    epoch_s: int | None

    def predicate(self) -> dict[str, object]:
        """Return what is signed of it."""
        found = self.comparison
        built = {
            "command": list(self.command),
            "seconds": self.seconds and round(self.seconds, 1),
            "sourceDateEpoch": self.epoch_s,
        }
        return {
            "result": found.result,
            "stabilisers": list(found.stabilisers),
            "variance": round(found.variance, 6),
            "differing": len(found.differences),
            "differences": [
                {"name": it.name, "how": it.how}
                for it in found.differences[:MAX_DIFFERENCES]
            ],
            "rebuilt": {"digest": {"sha256": found.rebuilt.hex()}},
            "source": {
                "uri": self.source.uri,
                "digest": {"gitCommit": self.source.revision},
            },
            "attestation": {"digest": {"sha256": self.attestation.hex()}},
            **{name: value for name, value in built.items() if value},
        }


def sign_result(
    rebuild: Rebuild, name: str, signer: AttestationSigner
) -> tuple[bytes, tuple[NamedDigest, ...]]:
    """Return the signed envelope, and what it is about; name: of the artifact."""
    subjects = (NamedDigest(name, rebuild.comparison.original),)
    predicate_type = TYPES[rebuild.comparison.result]
    statement = encode_statement(subjects, predicate_type, rebuild.predicate())
    return sign_statement(statement, signer), subjects


async def log_result(
    rebuild: Rebuild,
    artifact: Path,
    signer: AttestationSigner,
    log: LogClient,
) -> Proof:
    """Sign and log a result, and keep both beside the artifact.

    ARTIFACT.rebuild.intoto.jsonl and ARTIFACT.rebuild.tlog-proof; an earlier result is
    replaced: it stays in the log.
    """
    envelope, subjects = sign_result(rebuild, artifact.name, signer)
    predicate_type = TYPES[rebuild.comparison.result]
    (proof,) = await log.submit([record_of(envelope, subjects, predicate_type, signer)])
    write_whole(artifact.with_name(f"{artifact.name}.rebuild.intoto.jsonl"), envelope)
    proof_file = artifact.with_name(f"{artifact.name}.rebuild.tlog-proof")
    write_whole(proof_file, proof.encode())
    return proof


def attestation_digest(envelope: bytes) -> bytes:
    """Return what names the attestation that a rebuild was checked against."""
    return hashlib.sha256(envelope).digest()
