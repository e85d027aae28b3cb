"""Whether a head may be cosigned.  PURE; the first check that fails is the answer.

    1  the body's form                                   FormatError
    2  a known origin                                    UnknownOriginError
    3  size 0 has the empty root                         ProofError
    4  a line of a trusted key, and no such line fails   SignatureError
    5  no lines that a key cannot sign; old <= size      FormatError
    6  old is the size cosigned last                     StaleError
    7  one root for one size; the consistency proof      ProofError

No answer shows the state before check 4, so that only a log can ask what was cosigned.

Source: C2SP tlog-witness (main), "add-checkpoint" and "sign-subtree".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tlog.errors import StaleError
from tlog.witness.roster import KnownLog, Roster
from tlogclient.cosigning import AddCheckpoint, SignSubtree
from tlogverify.checkpoint import Checkpoint, EmptyRootError, parse_checkpoint
from tlogverify.errors import FormatError, ProofError, SignatureError
from tlogverify.hashing import EMPTY_ROOT, Hash
from tlogverify.keys import KeyType, VerifierKey
from tlogverify.lines import parse_text
from tlogverify.merkle import verify_consistency, verify_subtree_consistency
from tlogverify.note import NoteSignature, parse_note
from tlogverify.signed import verify_signatures


@dataclass(frozen=True, slots=True)
class OpenedHead:
    """A head that a known log has signed.

    lines: those of the log's keys, all verified; what others wrote beside them is gone.
    """

    log: KnownLog
    checkpoint: Checkpoint
    lines: tuple[NoteSignature, ...]


def open_head(request: AddCheckpoint, roster: Roster) -> OpenedHead:
    """Prove that a known log signed the head of a request: checks 1 to 4."""
    note = parse_note(request.note)
    origin = parse_text("an origin", note.text.partition(b"\n")[0])
    try:
        checkpoint = parse_checkpoint(note.text)
    except EmptyRootError as error:
        roster.get(origin)
        raise ProofError(str(error)) from None
    log = roster.get(origin)
    if not verify_signatures(note, checkpoint, log.keys):
        raise SignatureError(f"no trusted key of {origin!r} signed")
    lines = tuple(
        line for line in note.signatures if any(line.is_by(key) for key in log.keys)
    )
    return OpenedHead(log, checkpoint, lines)


def require_no_extensions(head: OpenedHead, keys: Sequence[VerifierKey]) -> None:
    """Check 5, if one of the witness's `keys` is ML-DSA-44: it cannot sign them."""
    has_mldsa = any(key.key_type is KeyType.MLDSA44 for key in keys)
    if head.checkpoint.extensions and has_mldsa:
        raise FormatError("an ML-DSA-44 key does not sign extension lines")


def require_ordered_sizes(request: AddCheckpoint, head: OpenedHead) -> None:
    """Check 5: the old size is at most the head's."""
    if request.old_size > head.checkpoint.size:
        raise FormatError(
            f"old is at most the size, {head.checkpoint.size}", request.old_size
        )


def require_known_size(request: AddCheckpoint, known_size: int) -> None:
    """Check 6; known_size: cosigned last, 0 if never."""
    if request.old_size != known_size:
        raise StaleError(known_size)


def require_consistent(
    request: AddCheckpoint, head: OpenedHead, known_root: Hash | None
) -> None:
    """Check 7; known_root: of the head cosigned last, at the request's old size."""
    checkpoint = head.checkpoint
    old_root = EMPTY_ROOT if known_root is None else known_root
    if request.old_size == checkpoint.size and checkpoint.root != old_root:
        raise ProofError(f"another root of {checkpoint.size} leaves was cosigned")
    verify_consistency(
        request.old_size, checkpoint.size, request.path, old_root, checkpoint.root
    )


def open_subtree(
    request: SignSubtree, roster: Roster, keys: Sequence[VerifierKey]
) -> Checkpoint:
    """Prove that a subtree lies in a tree that this witness has cosigned.

    keys: the witness's own that can sign subtrees: ML-DSA-44.
    Returns the subtree, as a checkpoint whose size is its end and whose root its hash.

    Raises FormatError, UnknownOriginError, SignatureError or ProofError, in this order.
    """
    note = parse_note(request.note)
    checkpoint = parse_checkpoint(note.text)
    if request.end > checkpoint.size:
        raise FormatError(f"end is at most the size, {checkpoint.size}", request.end)
    roster.get(checkpoint.origin)
    if not verify_signatures(note, checkpoint, keys):
        raise SignatureError("no ML-DSA-44 key of this witness has cosigned that head")
    verify_subtree_consistency(
        request.start,
        request.end,
        checkpoint.size,
        request.path,
        request.subtree_hash,
        checkpoint.root,
    )
    return Checkpoint(checkpoint.origin, request.end, request.subtree_hash)
