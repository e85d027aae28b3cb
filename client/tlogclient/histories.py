"""What a log's answers prove of two of its sizes: that one tree extends the other.

Pure.  Both trees are tied to one head that satisfies the policy, so that neither root
is the log's word alone: the root at a size follows from the last entry below that size,
and leads to the head by a consistency proof.

Source: RFC 6962, 2.1.1 and 2.1.2; this project's `docs/http.md`.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from tlogclient.strictjson import parse_json, read_hashes, read_members, read_size
from tlogverify import Checkpoint, verify_consistency
from tlogverify.errors import VerificationError
from tlogverify.hashing import EMPTY_ROOT, Hash, leaf_hash
from tlogverify.merkle import root_from_inclusion_proof
from tlogverify.policy import Witnessed

_PATH: Final = frozenset({"old", "new", "path"})
_INCLUSION: Final = frozenset({"index", "size", "path", "checkpoint"})


class Tree(NamedTuple):
    """One state of a log: its size in leaves, and its root."""

    size: int
    root: Hash


@dataclass(frozen=True, slots=True)
class History:
    """A tree, a later one, and the proof that the later one extends it.

    path: RFC 6962, 2.1.2.  head: what both trees are tied to, no smaller than `new`.
    """

    old: Tree
    new: Tree
    path: tuple[Hash, ...]
    head: Witnessed

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.head.checkpoint.origin


def unproven_tree(size: int, entry: bytes, answer: bytes) -> Tree:
    """Return the tree of `size` leaves that an inclusion proof implies.

    entry: the last entry below `size`, which is above 0.  Whether the tree is one of
    the log's is still to be proven.

    Raises FormatError, or VerificationError for a proof of another entry or size.
    """
    rule = "an inclusion proof"
    members = read_members(rule, parse_json(rule, answer), _INCLUSION)
    path = read_hashes(f"{rule}'s path", members["path"])
    found = (read_size("index", members["index"]), read_size("size", members["size"]))
    if found != (size - 1, size):
        raise VerificationError("the inclusion proof is of another entry or size")
    return Tree(size, root_from_inclusion_proof(size - 1, size, leaf_hash(entry), path))


def open_history(answer: bytes, old: Tree, new: Tree, head: Witnessed) -> History:
    """Return the history that a consistency answer proves.

    new: a tree that was proven to lead to `head`.

    Raises FormatError, or VerificationError unless `new` extends `old`.
    """
    rule = "a consistency proof"
    members = read_members(rule, parse_json(rule, answer), _PATH)
    path = read_hashes(f"{rule}'s path", members["path"])
    sizes = (read_size("old", members["old"]), read_size("new", members["new"]))
    if sizes != (old.size, new.size):
        raise VerificationError("the consistency proof is of other sizes")
    verify_consistency(old.size, new.size, path, old.root, new.root)
    return History(old, new, path, head)


def require_same(tree: Tree, known: Checkpoint | None) -> None:
    """Raise VerificationError if a proven tree is not the one of a head that is known.

    known: of the same size, or None if nothing is known.
    """
    if known is not None and (known.size, known.root) != tree:
        raise VerificationError(
            f"the log shows another history: the signed head of size {known.size} that "
            "was given is not of the log's tree; keep it"
        )


EMPTY: Final = Tree(0, EMPTY_ROOT)
