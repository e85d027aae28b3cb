"""What a search proves: pages of claimed hits in, entries that name a digest out.

Pure.  A hit is proven in three steps: the page's checkpoint satisfies the policy, the
entry's own bytes lead to its root, and the record in them names the digest.  That no
hit was left out is the log's word alone: `complete_to` is a claim.

Source: this project's `docs/http.md`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from tlogclient.strictjson import (
    parse_json,
    read_array,
    read_hashes,
    read_members,
    read_size,
    read_text,
)
from tlogverify import Checkpoint, Policy, Proof, Record
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import Hash, leaf_hash
from tlogverify.merkle import verify_inclusion
from tlogverify.record import parse_record

Algorithm = Literal["sha256", "sha384", "sha512"]

_PAGE: Final = frozenset({"checkpoint", "complete_to", "hits", "next"})
_HIT: Final = frozenset({"index", "path"})
_HEX_CHARS: Final[Mapping[str, tuple[Algorithm, int]]] = {
    "sha256": ("sha256", 64),
    "sha384": ("sha384", 96),
    "sha512": ("sha512", 128),
}


class Digest(NamedTuple):
    """A digest to look for."""

    algorithm: Algorithm
    value: bytes

    def encode(self) -> str:
        """Return "sha256:" and lower-case hex."""
        return f"{self.algorithm}:{self.value.hex()}"


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that names the digest, proven to be in the log."""

    index: int
    entry: Record
    proof: Proof


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, ascending by index.

    complete_to: the log claims to have searched the entries below this index.
    next: where to start the next search if the limit cut this one short, or None.
    """

    complete_to: int
    hits: tuple[Hit, ...]
    next: int | None = None


@dataclass(frozen=True, slots=True)
class UnprovenHit:
    """Where the log claims that an entry names the digest."""

    index: int
    path: tuple[Hash, ...]


class Page(NamedTuple):
    """One page of claims under a checkpoint that satisfies the policy."""

    note: bytes
    checkpoint: Checkpoint
    complete_to: int
    unproven_hits: tuple[UnprovenHit, ...]
    next: int | None


def parse_digest(text: str) -> Digest:
    """Parse "sha256:" (or sha384, sha512) and lower-case hex; raises FormatError."""
    name, _, digits = text.partition(":")
    algorithm, chars = _HEX_CHARS.get(name, ("sha256", 0))
    if not chars or re.fullmatch(rf"[0-9a-f]{{{chars}}}", digits) is None:
        raise FormatError("a digest is sha256: and 64 lower-case hex", text)
    return Digest(algorithm, bytes.fromhex(digits))


def open_page(answer: bytes, start: int, policy: Policy) -> Page:
    """Return one page of a search from index `start` on.

    A page that has a next one brings the search forward: so a search ends.

    Raises FormatError, or VerificationError if the checkpoint does not hold.
    """
    rule = "a search's answer"
    members = read_members(rule, parse_json(rule, answer), _PAGE)
    hits = tuple(_parse_hit(hit) for hit in read_array("hits", members["hits"]))
    indexes = [start - 1, *(hit.index for hit in hits)]
    after = members["next"]
    if after is not None:
        after = read_size("next", after)
        if not hits or after <= indexes[-1]:
            raise FormatError("next lies behind the last hit of its page", after)
    if any(a >= b for a, b in pairwise(indexes)):
        raise FormatError(f"hits ascend from {start}", indexes[1:])
    complete_to = read_size("complete_to", members["complete_to"])
    note = read_text("a checkpoint", members["checkpoint"]).encode()
    checkpoint = policy.open_checkpoint(note).checkpoint
    if complete_to > checkpoint.size:
        raise FormatError("complete_to lies within the checkpoint", complete_to)
    return Page(note, checkpoint, complete_to, hits, after)


def open_hit(page: Page, hit: UnprovenHit, entry: bytes, digest: Digest) -> Hit:
    """Return a hit of `page`, proven by the bytes of its entry.

    Raises VerificationError if they are not in the log or do not name the digest.
    """
    root, size = page.checkpoint.root, page.checkpoint.size
    verify_inclusion(hit.index, size, leaf_hash(entry), hit.path, root)
    record = parse_record(entry)
    if digest.value not in _digests(record, digest.algorithm):
        raise VerificationError(f"entry {hit.index} does not name {digest.encode()}")
    return Hit(hit.index, record, Proof(hit.index, hit.path, page.note, entry))


def _parse_hit(value: object) -> UnprovenHit:
    members = read_members("a hit", value, _HIT)
    return UnprovenHit(
        read_size("index", members["index"]), read_hashes("path", members["path"])
    )


def _digests(record: Record, algorithm: Algorithm) -> set[bytes | None]:
    if algorithm == "sha384":
        return {subject.sha384 for subject in record.subjects}
    if algorithm == "sha512":
        return {subject.sha512 for subject in record.subjects}
    of_subjects = {subject.sha256 for subject in record.subjects}
    return {record.provenance, record.signer, *of_subjects}
