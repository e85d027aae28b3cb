"""What a log's answers prove: bytes, what was asked, and a policy in; proofs out.

Pure: nothing here waits, and nothing that a log says gets out unless it is proven.
FormatError means that the answer is malformed, VerificationError that it is not proven.

Source: this project's `docs/http.md`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tlogclient.strictjson import (
    parse_json,
    read_array,
    read_bool,
    read_hashes,
    read_members,
    read_object,
    read_size,
    read_text,
)
from tlogverify import Checkpoint, Policy, Proof, verify_consistency
from tlogverify.errors import FormatError, SignatureError, VerificationError
from tlogverify.hashing import HASH_SIZE, Hash, leaf_hash
from tlogverify.inclusions import Inclusions
from tlogverify.lines import parse_decimal
from tlogverify.policy import Witnessed
from tlogverify.ranges import inclusion_paths
from tlogverify.sigstore.entries import LogEntry, parse_log_entry

_ANSWER: Final = frozenset({"origin", "checkpoint", "entries", "range", "paths"})
_PLACE: Final = frozenset({"index", "leaf_hash", "duplicate"})
_SPAN: Final = frozenset({"start", "end", "left", "right"})
_EXTENSION: Final = frozenset({"old", "new", "path", "checkpoint"})
_SHOWN_LOGS: Final = 3
_SHOWN_CHARS: Final = 72
_HEX_HASH: Final = re.compile(rf"[0-9a-f]{{{2 * HASH_SIZE}}}")


@dataclass(frozen=True, slots=True)
class _ClaimedEntry:
    """Where the log claims that one submitted entry stands."""

    index: int
    leaf: bytes
    is_duplicate: bool


class _Span(NamedTuple):
    """The new entries [start, end) and the sides of their range proof."""

    start: int
    end: int
    left: tuple[Hash, ...]
    right: tuple[Hash, ...]

    def covers(self, index: int) -> bool:
        return self.start <= index < self.end


class _Submitted(NamedTuple):
    """An answer to a submission, parsed and not yet verified."""

    origin: str
    note: bytes
    claimed: list[_ClaimedEntry]
    span: _Span
    paths: dict[int, tuple[Hash, ...]]


def open_submitted(
    answer: bytes, entries: Sequence[bytes], policy: Policy
) -> list[Proof]:
    """Return the proof of each of `entries`, in order, with the entry as its extra.

    entries: what was sent; the leaf hashes are computed from it, not believed.

    Raises FormatError or VerificationError.
    """
    claim = _parse_submitted(answer)
    checkpoint = open_head(claim.note, policy).checkpoint
    if claim.origin != checkpoint.origin:
        raise VerificationError("the answer's origin is not its checkpoint's")
    if len(claim.claimed) != len(entries):
        raise FormatError(
            f"an answer to {len(entries)} entries has as many", len(claim.claimed)
        )
    leaves = [leaf_hash(entry) for entry in entries]
    fresh = _fresh_leaves(claim, leaves)
    paths = dict(claim.paths)
    if fresh:
        start, left, right = claim.span.start, claim.span.left, claim.span.right
        proven = inclusion_paths(
            start, checkpoint.size, fresh, left, right, checkpoint.root
        )
        paths.update(enumerate(proven, start))
    _verify_known(claim, leaves, checkpoint)
    return [
        Proof(claimed.index, paths[claimed.index], claim.note, entry)
        for claimed, entry in zip(claim.claimed, entries, strict=True)
    ]


def open_head(note: bytes, policy: Policy) -> Witnessed:
    """Return the checkpoint of a note that satisfies `policy`.

    Raises FormatError or VerificationError, which tells another log's head from a head
    of this log that is not signed as it must be.
    """
    try:
        return policy.open_checkpoint(note)
    except SignatureError:
        origin = note.partition(b"\n")[0].decode("utf-8", "backslashreplace")
        trusted = sorted({log.key.name for log in policy.logs})
        if not trusted or origin in trusted:
            raise
        shown = ", ".join(map(ascii, trusted[:_SHOWN_LOGS]))
    raise SignatureError(
        f"the policy trusts {shown}, and the answer is of {origin[:_SHOWN_CHARS]!a}: "
        "another log needs its own policy"
    )


def open_proof(answer: bytes, index: int, policy: Policy) -> Proof:
    """Return the proof of the entry at `index` from a proof file that carries it.

    Raises FormatError or VerificationError.
    """
    proof = Proof.parse(answer)
    if proof.index != index:
        raise VerificationError(f"the proof is of entry {proof.index}, not {index}")
    if proof.extra is None:
        raise FormatError("the proof has no extra line with the entry")
    proof.verify(leaf_hash(proof.extra), policy)
    return proof


def open_logged_entry(
    answer: bytes, forms: Sequence[bytes], policy: Policy
) -> LogEntry:
    """Return a log's entry out of its answer to a Sigstore client.

    forms: the canonical bytes that what was sent may become.

    Raises FormatError or VerificationError.
    """
    logged = parse_log_entry(answer)
    if logged.body not in forms:
        raise VerificationError("the log's entry is not the one that was sent")
    witnessed = policy.open_checkpoint(logged.to_proof().note)
    logged.require_in(witnessed.checkpoint)
    return logged


def open_extension(answer: bytes, old: Checkpoint, policy: Policy) -> Witnessed:
    """Return the head in a consistency answer, proven to extend `old`.

    Raises FormatError or VerificationError.
    """
    rule = "a consistency proof"
    members = read_members(rule, parse_json(rule, answer), _EXTENSION)
    path = read_hashes(f"{rule}'s path", members["path"])
    sizes = (read_size("old", members["old"]), read_size("new", members["new"]))
    note = read_text("a checkpoint", members["checkpoint"]).encode()
    witnessed = open_head(note, policy)
    new = witnessed.checkpoint
    if new.origin != old.origin:
        raise VerificationError("the answer is another log's")
    if sizes != (old.size, new.size):
        raise VerificationError("the consistency proof is of other sizes")
    verify_consistency(old.size, new.size, path, old.root, new.root)
    return witnessed


def _parse_submitted(answer: bytes) -> _Submitted:
    rule = "an answer"
    members = read_members(rule, parse_json(rule, answer), _ANSWER)
    return _Submitted(
        origin=read_text("an origin", members["origin"]),
        note=read_text("a checkpoint", members["checkpoint"]).encode(),
        claimed=[
            _parse_claimed(member)
            for member in read_array("entries", members["entries"])
        ],
        span=_parse_span(members["range"]),
        paths={
            parse_decimal("an index", name.encode()): read_hashes("a path", path)
            for name, path in read_object("paths", members["paths"]).items()
        },
    )


def _parse_claimed(value: object) -> _ClaimedEntry:
    members = read_members("an entry's answer", value, _PLACE)
    leaf = read_text("leaf_hash", members["leaf_hash"])
    if _HEX_HASH.fullmatch(leaf) is None:
        raise FormatError("leaf_hash has 64 lower-case hex digits", leaf)
    return _ClaimedEntry(
        read_size("index", members["index"]),
        bytes.fromhex(leaf),
        read_bool("duplicate", members["duplicate"]),
    )


def _parse_span(value: object) -> _Span:
    members = read_members("a range", value, _SPAN)
    span = _Span(
        read_size("start", members["start"]),
        read_size("end", members["end"]),
        read_hashes("left", members["left"]),
        read_hashes("right", members["right"]),
    )
    if span.start > span.end:
        raise FormatError("a range does not end before its start", span[:2])
    if span.start == span.end and (span.left or span.right):
        raise FormatError("an empty range has no proof")
    return span


def _fresh_leaves(claim: _Submitted, leaves: Sequence[Hash]) -> list[Hash]:
    """Return the leaves of the range, after every claim that needs no tree.

    Raises unless each entry has one index, the range holds the first occurrences in
    the order sent and nothing else, and `paths` exactly the other indexes.
    """
    index_of: dict[Hash, int] = {}
    fresh: list[Hash] = []
    for position, (claimed, leaf) in enumerate(zip(claim.claimed, leaves, strict=True)):
        if claimed.leaf != leaf:
            raise VerificationError(f"the leaf hash of entry {position} is another's")
        is_new = claim.span.covers(claimed.index) and leaf not in index_of
        if index_of.setdefault(leaf, claimed.index) != claimed.index:
            raise VerificationError(f"entry {position} has two indexes")
        if claimed.is_duplicate is is_new:
            raise VerificationError(f"entry {position} is new or a duplicate, not both")
        if is_new:
            if claimed.index != claim.span.start + len(fresh):
                raise VerificationError("the range is not in the order of the request")
            fresh.append(leaf)
    if len(fresh) != claim.span.end - claim.span.start:
        raise VerificationError("the range holds entries that were not sent")
    known = {index for index in index_of.values() if not claim.span.covers(index)}
    if claim.paths.keys() != known:
        raise FormatError("paths has the index of each known entry, and no other")
    return fresh


def _verify_known(
    claim: _Submitted, leaves: Sequence[Hash], checkpoint: Checkpoint
) -> None:
    known = {
        (claimed.index, leaf)
        for claimed, leaf in zip(claim.claimed, leaves, strict=True)
        if not claim.span.covers(claimed.index)
    }
    inclusions = Inclusions(checkpoint.size, checkpoint.root)
    for index, leaf in sorted(known):
        inclusions.verify(index, leaf, claim.paths[index])
