"""Files that strangers can check: proofs of hits, and evidence that convicts a log."""

from pathlib import Path
from typing import Final

from tlog import hashing
from tlog.errors import CorruptError
from tlog.folders import PRIVATE_FILE, write_whole
from tlog.monitor.heads import SeenHead
from tlog.monitor.stored import StoredTree
from tlogverify.errors import ProofError, VerificationError
from tlogverify.evidence import Evidence
from tlogverify.merkle import verify_inclusion
from tlogverify.policy import Policy
from tlogverify.proof import Proof

_MAX_FILES: Final = 100


class Exhibits:
    """The folders `proofs` and `evidence` of one state, which are there."""

    def __init__(self, folder: Path) -> None:
        self._proofs = folder / "proofs"
        self._evidence = folder / "evidence"

    def proof_file(self, index: int) -> Path:
        """Return where the proof of an entry lies, written yet or not."""
        return self._proofs / f"{index}.tlog-proof"

    def put_proof(self, index: int, head: SeenHead, tree: StoredTree) -> None:
        """Write the proof file of an entry in a verified head, unless it is there.

        Raises CorruptError if the stored entries do not prove it.
        """
        file = self.proof_file(index)
        if file.exists():
            return
        path = tree.inclusion_path(index, head.size)
        entry = tree.entry(index)
        leaf = hashing.hash_leaves([entry])
        try:
            verify_inclusion(index, head.size, leaf, path, head.root)
        except ProofError as error:
            raise CorruptError("entries.bin", f"entry {index}: {error}") from error
        # An empty entry has no `extra` line: the file proves it all the same.
        proof = Proof(index, path, head.note, entry or None)
        write_whole(file, proof.encode(), mode=PRIVATE_FILE)

    def put_evidence(self, evidence: Evidence, policy: Policy) -> Path | None:
        """Write evidence that verifies, and return its file.

        Returns None if it does not verify, or if a hundred files are kept already.
        """
        try:
            older, newer = evidence.verify(policy)
        except VerificationError:
            return None
        name = f"{older.root.hex()[:16]}-{newer.root.hex()[:16]}.tlog-evidence"
        file = self._evidence / name
        if not file.exists():
            # A log can sign new histories for ever, and a hundred convict it already.
            if sum(1 for _ in self._evidence.glob("*.tlog-evidence")) >= _MAX_FILES:
                return None
            write_whole(file, evidence.encode(), mode=PRIVATE_FILE)
        return file
