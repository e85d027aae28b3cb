"""What a search proves: pages of claimed hits in, entries that name what is sought out.

Pure.  A hit is proven in three steps: the page's checkpoint satisfies the policy, the
entry's own bytes lead to its root, and the entry in them names what was sought.  That
no hit was left out is the log's word alone, because `complete_to` is a claim.

Source: this project's `docs/http.md`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from tlogclient.answers import open_head
from tlogclient.strictjson import (
    parse_json,
    read_array,
    read_hashes,
    read_members,
    read_size,
    read_text,
)
from tlogverify import Policy, Proof, Record
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import DIGEST_BYTES, Hash, leaf_hash
from tlogverify.inclusions import Inclusions
from tlogverify.kinds import (
    Named,
    name_key,
    name_keys,
    parse_entry,
    rekor_digests,
)
from tlogverify.rekor import RekorEntry

_PAGE: Final = frozenset({"checkpoint", "complete_to", "hits", "next"})
_HIT: Final = frozenset({"index", "path"})


class Digest(NamedTuple):
    """A digest to look for."""

    algorithm: str
    value: bytes

    def encode(self) -> str:
        """Return "sha256:" and lower-case hex."""
        return f"{self.algorithm}:{self.value.hex()}"

    def query(self) -> tuple[str, str]:
        """Return the parameter of the request that asks for it."""
        return "digest", self.encode()


class SignerKey(NamedTuple):
    """A key or certificate to look for, by the SHA-256 of its DER."""

    sha256: bytes

    def query(self) -> tuple[str, str]:
        """Return the parameter of the request that asks for it."""
        return "key", f"sha256:{self.sha256.hex()}"


class Name(NamedTuple):
    """An identity, or an issuer of identities, as certificates spell it."""

    kind: Named
    text: str

    def query(self) -> tuple[str, str]:
        """Return the parameter of the request that asks for it."""
        return self.kind, self.text

    def key(self) -> bytes:
        """Return the search key that an entry has which names it."""
        return name_key(self.kind, self.text)


Sought = Digest | SignerKey | Name


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that names what was sought, proven to be in the log."""

    index: int
    entry: Record | RekorEntry
    proof: Proof


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found, ascending by index.

    complete_to: the log claims to have searched the entries below this index.
    next: where to start the next search if the limit cut this one short, or None.
    origin: of the log that answered; empty if a limit of 0 asked for nothing.
    """

    complete_to: int
    hits: tuple[Hit, ...]
    next: int | None = None
    origin: str = ""


@dataclass(frozen=True, slots=True)
class UnprovenHit:
    """Where the log claims that an entry names what is sought."""

    index: int
    path: tuple[Hash, ...]


class Page(NamedTuple):
    """One page of claims under a checkpoint that satisfies the policy."""

    note: bytes
    origin: str
    inclusions: Inclusions
    complete_to: int
    unproven_hits: tuple[UnprovenHit, ...]
    next: int | None


def parse_digest(text: str) -> Digest:
    """Parse "sha256:" (or sha384, sha512) and lower-case hex; raises FormatError."""
    name, _, digits = text.partition(":")
    chars = 2 * DIGEST_BYTES.get(name, 0)
    if not chars or re.fullmatch(rf"[0-9a-f]{{{chars}}}", digits) is None:
        raise FormatError("a digest is sha256: and 64 lower-case hex", text)
    return Digest(name, bytes.fromhex(digits))


def parse_sought(
    digest: str | None, key: str | None, identity: str | None, issuer: str | None
) -> Sought:
    """Return what a search is for; FormatError unless it is exactly one thing."""
    given = [it for it in (digest, key, identity, issuer) if it is not None]
    if len(given) != 1:
        raise FormatError("a search is for one digest, key, identity or issuer")
    if digest is not None:
        return parse_digest(digest)
    if key is not None:
        if not key.startswith("sha256:"):
            raise FormatError("a key is sha256: and 64 lower-case hex", key)
        return SignerKey(parse_digest(key).value)
    return Name("issuer" if identity is None else "identity", given[0])


def open_page(answer: bytes, start: int, policy: Policy) -> Page:
    """Return one page of a search from index `start` on.

    A page that has a next page brings the search forward, even if it has no hit.  So
    every search ends.

    Raises FormatError, or VerificationError if the checkpoint does not hold.
    """
    rule = "a search's answer"
    members = read_members(rule, parse_json(rule, answer), _PAGE)
    hits = tuple(_parse_hit(hit) for hit in read_array("hits", members["hits"]))
    after = read_paging(members["next"], start, [hit.index for hit in hits])
    complete_to = read_size("complete_to", members["complete_to"])
    note = read_text("a checkpoint", members["checkpoint"]).encode()
    checkpoint = open_head(note, policy).checkpoint
    if complete_to > checkpoint.size:
        raise FormatError("complete_to lies within the checkpoint", complete_to)
    inclusions = Inclusions(checkpoint.size, checkpoint.root)
    return Page(note, checkpoint.origin, inclusions, complete_to, hits, after)


def one_origin(pages: Iterable[str]) -> str:
    """Return the origin of all pages of one answer; empty if there is no page.

    A policy may name several logs, and each page satisfies it by itself.

    Raises VerificationError if the pages are of several logs.
    """
    origins = sorted({*pages})
    if len(origins) > 1:
        raise VerificationError(
            f"one answer is of two logs: {origins[0]!r}, {origins[1]!r}"
        )
    return "".join(origins)


def read_paging(after: object, start: int, indexes: Sequence[int]) -> int | None:
    """Return the start of the next page; FormatError if a page does not go forward."""
    ascending = [start - 1, *indexes]
    if after is not None:
        after = read_size("next", after)
        if after <= max(start, ascending[-1]):
            raise FormatError("next lies behind the last hit of its page", after)
    if any(a >= b for a, b in pairwise(ascending)):
        raise FormatError(f"hits ascend from {start}", ascending[1:])
    return after


def open_hit(page: Page, hit: UnprovenHit, entry: bytes, sought: Sought) -> Hit:
    """Return a hit of `page`, proven by the bytes of its entry.

    Raises VerificationError if they are not in the log or do not name what is sought.
    """
    page.inclusions.verify(hit.index, leaf_hash(entry), hit.path)
    parsed = parse_entry(entry)
    if not names(parsed, sought):
        name, text = sought.query()
        raise VerificationError(f"entry {hit.index} does not name {name} {text}")
    return Hit(hit.index, parsed, Proof(hit.index, hit.path, page.note, entry))


def _parse_hit(value: object) -> UnprovenHit:
    members = read_members("a hit", value, _HIT)
    return UnprovenHit(
        read_size("index", members["index"]), read_hashes("path", members["path"])
    )


def names(entry: Record | RekorEntry, sought: Sought) -> bool:
    """Tell whether an entry names what is sought."""
    if isinstance(sought, Name):
        if isinstance(entry, Record):
            return False
        return any(sought.key() in name_keys(it) for it in entry.signatures)
    if isinstance(entry, Record):
        if isinstance(sought, SignerKey):
            return entry.signer == sought.sha256
        return sought.value in _digests(entry, sought.algorithm)
    signed, *signers = rekor_digests(entry)
    if isinstance(sought, SignerKey):
        return sought.sha256 in signers
    # The lengths of the three algorithms differ: equal bytes are of one algorithm.
    return sought.value == signed or sought.value in signers


def _digests(record: Record, algorithm: str) -> set[bytes | None]:
    if algorithm == "sha384":
        return {subject.sha384 for subject in record.subjects}
    if algorithm == "sha512":
        return {subject.sha512 for subject in record.subjects}
    of_subjects = {subject.sha256 for subject in record.subjects}
    return {record.provenance, record.signer, *of_subjects}
