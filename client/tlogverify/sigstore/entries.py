"""Log entries as Sigstore's bundles and Rekor's answers hold them.

    {"logIndex":"7","logId":{"keyId":"<base64>"},
     "kindVersion":{"kind":"hashedrekord","version":"0.0.2"},
     "integratedTime":"0","inclusionPromise":{"signedEntryTimestamp":"<base64>"},
     "inclusionProof":{"logIndex":"7","rootHash":"<base64>","treeSize":"8",
       "hashes":["<base64>",...],"checkpoint":{"envelope":"<signed note>"}},
     "canonicalizedBody":"<base64>"}

An entry is parsed here and not verified.  A log's own proof file holds the same values,
so that either can be made of the other.

Source: sigstore/protobuf-specs, `sigstore_rekor.proto` (TransparencyLogEntry).
"""

from dataclasses import dataclass
from typing import Final

from tlogverify.attestation.members import parse_object
from tlogverify.checkpoint import Checkpoint, parse_checkpoint
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import HASH_SIZE, Hash, leaf_hash
from tlogverify.keys import VerifierKey
from tlogverify.lines import MAX_SIZE, encode_base64, parse_hash
from tlogverify.merkle import MAX_PATH, verify_inclusion
from tlogverify.note import MAX_NOTE_BYTES, parse_note
from tlogverify.proof import Proof
from tlogverify.rekor import parse_rekor
from tlogverify.sigstore.members import (
    Members,
    message,
    number,
    require_known,
    required_message,
    short_text,
    some_bytes,
)

MAX_ANSWER_BYTES: Final = 4 << 20
"""The most that a log's answer has: a note in JSON, an entry in base64, a path."""
MAX_BODY_BYTES: Final = 1 << 20
"""Entries of Rekor v1 may be larger than the 65,535 bytes of a tile's entry."""
MAX_PROMISE_BYTES: Final = 1 << 12
MAX_NAME_CHARS: Final = 64

ENTRY_MEMBERS: Final = frozenset(
    {"logIndex", "logId", "kindVersion", "integratedTime"}
    | {"inclusionPromise", "inclusionProof", "canonicalizedBody"}
)
_PROOF_MEMBERS: Final = frozenset(
    {"logIndex", "rootHash", "treeSize", "hashes", "checkpoint"}
)


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A path to a root, and what the sender says of the tree.

    index: in the tree, which of Rekor v1 is one part of the whole log.
    checkpoint: the note's bytes, b"" where there is none.  Nothing of it is verified.
    """

    index: int
    size: int
    root: Hash
    path: tuple[Hash, ...]
    checkpoint: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.size <= MAX_SIZE:
            raise FormatError("an inclusionProof's logIndex is below its treeSize")
        if len(self.root) != HASH_SIZE or len(self.path) > MAX_PATH:
            raise FormatError(
                f"an inclusionProof has a rootHash of {HASH_SIZE} bytes and at most "
                f"{MAX_PATH} hashes"
            )


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of a log, with what is said to prove it; nothing is verified.

    index: in the whole log.  log_id: the log's key, as it names it.
    integrated_time_s: POSIX seconds, 0 where the log says no time.
    promise: the log's signature over entry and time, b"" where there is none.
    body: the entry's bytes, whose hash is the leaf.
    """

    index: int
    log_id: bytes
    kind: str
    version: str
    body: bytes
    proof: InclusionProof | None = None
    integrated_time_s: int = 0
    promise: bytes = b""

    @classmethod
    def of_proof(cls, proof: Proof, log: VerifierKey) -> "LogEntry":
        """Return the same values as a proof file holds; log: the key of its log.

        Raises FormatError unless the proof's extra is a Rekor entry.
        """
        if proof.extra is None:
            raise FormatError("the proof has no extra line with the entry")
        kind = parse_rekor(proof.extra).kind
        checkpoint = parse_checkpoint(parse_note(proof.note).text)
        inclusion = InclusionProof(
            proof.index, checkpoint.size, checkpoint.root, proof.path, proof.note
        )
        return cls(
            proof.index, log.key_hash, kind, "0.0.2", proof.extra, proof=inclusion
        )

    def to_proof(self) -> Proof:
        """Return the proof file of this entry.

        Raises VerificationError if there is no checkpoint to prove it by.
        """
        if self.proof is None or not self.proof.checkpoint:
            raise VerificationError(
                "the bundle has a log's promise alone, which proves no inclusion"
                if self.promise
                else "the bundle's log entry has no proof with a checkpoint"
            )
        return Proof(
            self.proof.index, self.proof.path, self.proof.checkpoint, self.body
        )

    def require_in(self, checkpoint: Checkpoint) -> None:
        """Raise VerificationError unless the entry is in the tree of a checkpoint.

        checkpoint: of the entry's own proof, opened by the caller.  The bundle's other
        members must say the same of the tree, because others may read these.
        """
        proof = self.to_proof()
        stated = self.proof
        if stated is None or (stated.size, stated.root) != (
            checkpoint.size,
            checkpoint.root,
        ):
            raise VerificationError("the entry's tree is not the checkpoint's")
        leaf = leaf_hash(self.body)
        verify_inclusion(
            proof.index, checkpoint.size, leaf, proof.path, checkpoint.root
        )

    def members(self) -> dict[str, object]:
        """Return the values for JSON, as released clients read them."""
        members: dict[str, object] = {
            "logIndex": str(self.index),
            "logId": {"keyId": encode_base64(self.log_id)},
            "kindVersion": {"kind": self.kind, "version": self.version},
        }
        if self.integrated_time_s:
            members["integratedTime"] = str(self.integrated_time_s)
        if self.promise:
            promise = encode_base64(self.promise)
            members["inclusionPromise"] = {"signedEntryTimestamp": promise}
        if self.proof is not None:
            members["inclusionProof"] = _encode_proof(self.proof)
        members["canonicalizedBody"] = encode_base64(self.body)
        return members


def parse_log_entry(answer: bytes) -> LogEntry:
    """Parse the answer of a log's Rekor door to one submission; raises FormatError."""
    rule = "a log's answer"
    if len(answer) > MAX_ANSWER_BYTES:
        raise FormatError(f"{rule} has at most {MAX_ANSWER_BYTES} bytes", len(answer))
    return read_log_entry(
        require_known(rule, parse_object(rule, answer), ENTRY_MEMBERS)
    )


def read_log_entry(members: Members) -> LogEntry:
    """Return the entry out of its members, whose names are known; FormatError."""
    rule = "a log entry"
    log_id = required_message(rule, members, "logId", {"keyId"})
    kind = required_message(rule, members, "kindVersion", {"kind", "version"})
    name = short_text("kindVersion", kind, "kind", MAX_NAME_CHARS)
    version = short_text("kindVersion", kind, "version", MAX_NAME_CHARS)
    if not name or not version:
        raise FormatError("a log entry's kindVersion has a kind and a version")
    promise = message(rule, members, "inclusionPromise", {"signedEntryTimestamp"})
    proof = message(rule, members, "inclusionProof", _PROOF_MEMBERS)
    return LogEntry(
        index=number(rule, members, "logIndex"),
        log_id=some_bytes("logId", log_id, "keyId", HASH_SIZE),
        kind=name,
        version=version,
        body=some_bytes(rule, members, "canonicalizedBody", MAX_BODY_BYTES),
        proof=None if proof is None else _read_proof(proof),
        integrated_time_s=number(rule, members, "integratedTime"),
        promise=b""
        if promise is None
        else some_bytes(
            "inclusionPromise", promise, "signedEntryTimestamp", MAX_PROMISE_BYTES
        ),
    )


def _read_proof(members: Members) -> InclusionProof:
    rule = "inclusionProof"
    checkpoint = message(rule, members, "checkpoint", {"envelope"})
    note = "" if checkpoint is None else checkpoint.get("envelope")
    return InclusionProof(
        index=number(rule, members, "logIndex"),
        size=number(rule, members, "treeSize"),
        root=Hash(some_bytes(rule, members, "rootHash", HASH_SIZE)),
        path=_read_hashes(members.get("hashes")),
        checkpoint=b""
        if checkpoint is None or note is None
        else short_text("checkpoint", checkpoint, "envelope", MAX_NOTE_BYTES).encode(),
    )


def _read_hashes(value: object) -> tuple[Hash, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MAX_PATH:
        raise FormatError(f"inclusionProof.hashes has at most {MAX_PATH} items", value)
    texts = [it for it in value if isinstance(it, str) and it.isascii()]
    if len(texts) != len(value):
        raise FormatError("inclusionProof.hashes has base64 alone", value)
    return tuple(parse_hash("inclusionProof.hashes", it.encode()) for it in texts)


def _encode_proof(proof: InclusionProof) -> dict[str, object]:
    members: dict[str, object] = {
        "logIndex": str(proof.index),
        "rootHash": encode_base64(proof.root),
        "treeSize": str(proof.size),
        "hashes": [encode_base64(it) for it in proof.path],
    }
    if proof.checkpoint:
        members["checkpoint"] = {"envelope": proof.checkpoint.decode()}
    return members
