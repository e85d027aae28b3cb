"""What an answer about an artifact proves: entries that name it, and their documents.

Pure.  An attestation is proven in three steps, as a hit of a search is: the page's
checkpoint satisfies the policy, the entry's own bytes lead to its root, and the entry
names the artifact as its subject.  A document that comes with it has the digest that
the entry names.  That no entry was left out, and what became of a document that does
not come, is the log's word.

Source: this project's `docs/http.md`, "Documents".
"""

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast, get_args

from tlogclient.answers import open_head
from tlogclient.findings import Digest, parse_digest, read_paging
from tlogclient.strictjson import (
    parse_json,
    read_array,
    read_hashes,
    read_members,
    read_object,
    read_size,
    read_text,
)
from tlogverify import Checkpoint, Policy, Proof, Record
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import leaf_hash
from tlogverify.kinds import parse_entry
from tlogverify.lines import parse_base64
from tlogverify.merkle import verify_inclusion
from tlogverify.rekor import RekorEntry

Disposition = Literal["stored", "redacted", "expired", "absent", "damaged"]
"""What became of a document, as the log says."""

_PAGE: Final = frozenset({"checkpoint", "complete_to", "attestations", "next"})
_ATTESTATION: Final = frozenset({"index", "entry", "path", "document"})
_DOCUMENT: Final = frozenset({"digest", "disposition"})
_MORE: Final = frozenset({"size", "url", "content", "tombstone"})
_TOMBSTONE: Final = frozenset(
    {"digest", "disposition", "reason", "when", "entry", "record"}
)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Why a document is gone, as the log says.

    entry: the index of the entry that is said to record it; `LogClient.prove` proves
    that the log has it.  record: SHA-256 of the document which that entry names.
    """

    reason: str
    when: str
    entry: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """The document that an entry names.

    sha256: as the entry names it.  disposition, size, tombstone: the log's word.
    content: the bytes, which have this digest; None where they did not come along.
    """

    sha256: bytes
    disposition: Disposition
    size: int | None = None
    content: bytes | None = None
    tombstone: Tombstone | None = None


@dataclass(frozen=True, slots=True)
class Attestation:
    """An entry about an artifact, proven to be in the log.

    document: None if the entry names none.
    """

    index: int
    entry: Record | RekorEntry
    proof: Proof
    document: Document | None


@dataclass(frozen=True, slots=True)
class AttestationResult:
    """All that was found about an artifact, ascending by index.

    complete_to: the log claims to have searched the entries below this index.
    next: where to go on if a limit cut this short, or None.
    compared_to: below this size a monitor has said the same; None if none was asked.
    origin: of the log; empty if a limit of 0 asked for nothing.
    """

    complete_to: int
    attestations: tuple[Attestation, ...]
    next: int | None = None
    compared_to: int | None = None
    origin: str = ""


class AttestationPage(NamedTuple):
    """One page, whose attestations are proven."""

    origin: str
    complete_to: int
    attestations: tuple[Attestation, ...]
    next: int | None


class Artifact(NamedTuple):
    """What is asked for; predicate_type: of the entries that are wanted, or None."""

    digest: Digest
    predicate_type: str | None


def open_attestations(
    answer: bytes,
    start: int,
    artifact: Artifact,
    policy: Policy,
    *,
    has_documents: bool = True,
) -> AttestationPage:
    """Return one page of what is said of an artifact from index `start` on.

    has_documents: False for a monitor's answer, where no document comes along.

    Raises FormatError, or VerificationError if something in it is not proven.
    """
    rule = "an answer about an artifact"
    members = read_members(rule, parse_json(rule, answer), _PAGE)
    note = read_text("a checkpoint", members["checkpoint"]).encode()
    checkpoint = open_head(note, policy).checkpoint
    found = tuple(
        open_attestation(value, note, checkpoint, has_documents=has_documents)
        for value in read_array("attestations", members["attestations"])
    )
    for it in found:
        _require_about(it.index, it.entry, artifact)
    after = read_paging(members["next"], start, [it.index for it in found])
    complete_to = read_size("complete_to", members["complete_to"])
    if complete_to > checkpoint.size:
        raise FormatError("complete_to lies within the checkpoint", complete_to)
    return AttestationPage(checkpoint.origin, complete_to, found, after)


def open_document(content: bytes, sha256: bytes) -> bytes:
    """Return a document's bytes; VerificationError if they have another digest."""
    if hashlib.sha256(content).digest() != sha256:
        raise VerificationError(f"the log's bytes are not sha256:{sha256.hex()}")
    return content


def parse_document_digest(text: str) -> bytes:
    """Parse "sha256:" and lower-case hex; raises FormatError."""
    return _sha256("a document", text)


def open_attestation(
    value: object, note: bytes, checkpoint: Checkpoint, *, has_documents: bool = True
) -> Attestation:
    """Return an entry that is proven to be below a checkpoint, with its document.

    note: of the checkpoint.  What the entry is about is the caller's to judge.

    has_documents: as of `open_attestations`.

    Raises FormatError, or VerificationError if something in it is not proven.
    """
    members = read_members("an attestation", value, _ATTESTATION)
    index = read_size("index", members["index"])
    path = read_hashes("path", members["path"])
    entry = parse_base64("an entry", read_text("an entry", members["entry"]).encode())
    verify_inclusion(index, checkpoint.size, leaf_hash(entry), path, checkpoint.root)
    parsed = parse_entry(entry)
    names_one = isinstance(parsed, Record) or parsed.kind == "dsse"
    document = None
    if names_one and has_documents:
        document = _open_document(index, members["document"], parsed)
    elif members["document"] is not None:
        raise VerificationError(f"no document of entry {index} comes along")
    return Attestation(index, parsed, Proof(index, path, note, entry), document)


def is_about(entry: Record | RekorEntry, artifact: Artifact) -> bool:
    """Whether an entry is about an artifact, and has the type that is asked for."""
    return _names(entry, artifact) and (
        artifact.predicate_type in (None, _type_of(entry))
    )


def _require_about(index: int, entry: Record | RekorEntry, artifact: Artifact) -> None:
    if not _names(entry, artifact):
        about = artifact.digest.encode()
        raise VerificationError(f"entry {index} is not about {about}")
    if not is_about(entry, artifact):
        raise VerificationError(f"entry {index} has another predicate type")


def _names(entry: Record | RekorEntry, artifact: Artifact) -> bool:
    value = artifact.digest.value
    if isinstance(entry, Record):
        name = artifact.digest.algorithm
        return value in {getattr(subject, name) for subject in entry.subjects}
    return entry.kind == "hashedrekord" and entry.digest == value


def _type_of(entry: Record | RekorEntry) -> str | None:
    return entry.predicate_type if isinstance(entry, Record) else None


def _open_document(index: int, value: object, entry: Record | RekorEntry) -> Document:
    members = read_object("a document", value)
    if not _DOCUMENT <= members.keys() <= _DOCUMENT | _MORE:
        raise FormatError("a document has its members", sorted(members))
    sha256 = _sha256("a document", members["digest"])
    named = entry.provenance if isinstance(entry, Record) else entry.digest
    if sha256 != named:
        raise VerificationError(f"entry {index} names another document")
    disposition = read_text("disposition", members["disposition"])
    if disposition not in get_args(Disposition):
        raise FormatError("a disposition is one of those known", disposition)
    content = None
    if "content" in members:
        encoded = read_text("content", members["content"]).encode()
        content = open_document(_decoded(encoded), sha256)
    return Document(
        sha256,
        cast(Disposition, disposition),
        read_size("size", members["size"]) if "size" in members else None,
        content,
        _tombstone(members["tombstone"], sha256) if "tombstone" in members else None,
    )


def _decoded(encoded: bytes) -> bytes:
    # An empty document is no base64 by the rule for keys and hashes.
    return parse_base64("content", encoded) if encoded else b""


def _tombstone(value: object, sha256: bytes) -> Tombstone:
    members = read_members("a tombstone", value, _TOMBSTONE)
    if _sha256("a tombstone", members["digest"]) != sha256:
        raise FormatError("a tombstone is of its document", members["digest"])
    return Tombstone(
        read_text("reason", members["reason"]),
        read_text("when", members["when"]),
        read_size("entry", members["entry"]),
        _sha256("a record", members["record"]),
    )


def _sha256(rule: str, value: object) -> bytes:
    found = parse_digest(read_text(rule, value))
    if found.algorithm != "sha256":
        raise FormatError(f"{rule} is named by its SHA-256", value)
    return found.value
