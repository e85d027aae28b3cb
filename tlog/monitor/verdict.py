"""What a head that does not fit proves: two histories, or nothing.

Two signed heads of one size, or a signed head and a proof that its tree had another
beginning, convict the log by themselves.  A server that hands out wrong bytes for a
right head convicts nobody: that is a bad log, and may be a bad cache.
"""

from tlog.monitor.heads import SeenHead
from tlog.monitor.source import Source
from tlog.monitor.stored import StoredTree
from tlog.monitor.tree import (
    consistency_path,
    consistency_tiles,
    nodes_of_tiles,
    tree_root,
)
from tlog.monitor.web import SourceError
from tlogverify.errors import FormatError, ProofError, VerificationError
from tlogverify.evidence import Evidence
from tlogverify.hashing import HASH_SIZE
from tlogverify.merkle import verify_consistency


class SplitViewError(VerificationError):
    """Two heads of one log that no one tree can have.

    evidence: what proves it to a stranger.
    """

    def __init__(self, detail: str, evidence: Evidence) -> None:
        self.evidence = evidence
        super().__init__(detail)


class BadLogError(VerificationError):
    """The bytes that are served do not lead to the head that is served."""


def compare(head: SeenHead, verified: SeenHead, tree: StoredTree) -> None:
    """Prove that a head up to the verified size is of the verified tree.

    Raises SplitViewError if it is not.
    """
    root = tree.root(head.size)
    if root == head.root:
        return
    detail = f"another root at size {head.size} than the verified tree had"
    if head.size == verified.size:
        raise SplitViewError(detail, Evidence(verified.note, head.note))
    path = tree.consistency_path(head.size, verified.size)
    raise SplitViewError(detail, Evidence(head.note, verified.note, root, path))


def require_extension(head: SeenHead, verified: SeenHead, tree: StoredTree) -> None:
    """Prove that the verified head is of the tree that was read up to a new head.

    tree: one whose root at the new size is the new head's.
    Raises SplitViewError if it is not.
    """
    root = tree.root(verified.size)
    if root == verified.root:
        return
    path = tree.consistency_path(verified.size, head.size)
    raise SplitViewError(
        f"the tree of size {head.size} does not extend the one of {verified.size}",
        Evidence(verified.note, head.note, root, path),
    )


async def convict(head: SeenHead, verified: SeenHead, source: Source) -> None:
    """Ask the log's own hash tiles whether a new head's tree had another beginning.

    Called when the entries do not lead to the head.
    Raises SplitViewError if the tiles prove it, and BadLogError in any other case.
    """
    said = f"the entries do not lead to the signed head of size {head.size}"
    if verified.size == 0:
        raise BadLogError(said)
    wanted = consistency_tiles(verified.size, head.size)
    try:
        found = await source.tiles(wanted)
        if any(
            len(it) != t.width * HASH_SIZE for it, t in zip(found, wanted, strict=True)
        ):
            raise FormatError("a hash tile has 32 bytes for each hash")
        nodes = nodes_of_tiles(dict(zip(wanted, found, strict=True)), head.size)
        prefix = tree_root(nodes, verified.size)
        path = consistency_path(nodes, verified.size, head.size)
        verify_consistency(verified.size, head.size, path, prefix, head.root)
    except (SourceError, FormatError, ProofError) as error:
        raise BadLogError(f"{said}, nor do its tiles: {error}") from error
    if prefix == verified.root:
        raise BadLogError(f"{said}, though its tiles do")
    raise SplitViewError(
        f"the tree of size {head.size} does not extend the one of {verified.size}",
        Evidence(verified.note, head.note, prefix, path),
    )
