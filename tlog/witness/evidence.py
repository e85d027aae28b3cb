"""Heads that conflict, kept as files that a stranger can check.

A file is named by its two heads, so that one fork with many broken proofs fills one
file.  `tlogverify.evidence` says which evidence convicts.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tlog.durable.disk import DurableFolder
from tlogclient.cosigning import origin_hash
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import ProofError
from tlogverify.evidence import Evidence
from tlogverify.hashing import Hash, to_hash
from tlogverify.merkle import roots_from_subtree_proof

_FILES_PER_LOG: Final = 100
"""The most of each kind.  Strangers can fill one kind; the other kind convicts."""


class EvidenceFolder:
    """The folder of evidence; `keep` from one thread at a time."""

    def __init__(self, folder: Path, files: DurableFolder) -> None:
        self._folder = folder
        self._files = files

    def keep(self, origin: str, evidence: Evidence, *, convicts: bool) -> Path | None:
        """Write a file durably, and return it.

        convicts: whether it verifies; such a file replaces one of the same heads.
        Returns None if nothing is written, because the file is there already, or
        because the log has 100 of its kind.
        """
        heads = hashlib.sha256(_text(evidence.older) + _text(evidence.newer))
        prefix = origin_hash(origin)[:16]
        stem = f"{prefix}-{heads.hexdigest()[:16]}"
        proven = self._folder / f"{stem}.tlog-evidence"
        unproven = self._folder / f"{stem}.unproven.tlog-evidence"
        file = proven if convicts else unproven
        if proven.exists() or file.exists():
            return None
        kept = [".unproven." in it.name for it in self._folder.glob(f"{prefix}-*")]
        if kept.count(not convicts) >= _FILES_PER_LOG:
            return None
        self._files.put({file: evidence.encode()})
        if convicts:
            unproven.unlink(missing_ok=True)
        return file


def prefix_from_proof(
    old: Checkpoint, new: Checkpoint, path: Sequence[Hash]
) -> Hash | None:
    """Return the root at the old size that a failing proof itself shows, or None.

    A proof shows such a root if its path leads to the new root, and does not begin at
    the old root.  Then the sender has proven a prefix other than the head that was
    signed before.
    """
    if not 0 < old.size < new.size:
        return None
    try:
        shown, root = roots_from_subtree_proof(0, old.size, new.size, path, old.root)
    except ProofError:
        return None
    return to_hash(shown) if root == new.root and shown != old.root else None


def _text(note: bytes) -> bytes:
    # Not the signatures: a refreshed cosignature makes no other head.
    return note.rpartition(b"\n\n")[0]
