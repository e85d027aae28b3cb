"""Whether a head may leave the process, by the verifier's code, not the builder's.

The bytes that the journal will hold are hashed again, by tlogverify and `hashlib`
alone.  Together with the old tree's peaks they must lead to the new root, and the peaks
must lead to the old one.  Then the new tree extends the old one, and holds the entries
as they are stored.  A flipped bit or a faulty kernel is found here, before it is signed
away.
"""

import hashlib
from collections.abc import Sequence

from tlog.errors import FatalError
from tlogverify.bundles import parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, VerificationError
from tlogverify.hashing import EMPTY_ROOT, Hash, node_hash
from tlogverify.keys import VerifierKey
from tlogverify.ranges import verify_range
from tlogverify.signed import open_signed_checkpoint


class SelfCheckError(FatalError):
    """A head that this process built does not verify."""


def check_head(
    old: Checkpoint,
    peaks: Sequence[Hash],
    encoded: bytes,
    note: bytes,
    keys: Sequence[VerifierKey],
) -> None:
    """Prove that the head in `note` extends `old` by exactly the stored entries.

    peaks: of the old tree, smallest first.  encoded: the new entries as they will be
    stored.  keys: each of them must have signed.

    Raises SelfCheckError if it is not proven.
    """
    try:
        signed = open_signed_checkpoint(note, keys, ())
        new = signed.checkpoint
        if new.origin != old.origin or len(signed.signers) != len(keys):
            raise VerificationError("the head is not signed by all of the log's keys")
        if _root_from_peaks(peaks) != old.root:
            raise VerificationError("the peaks do not lead to the old root")
        entries = parse_bundle(encoded, new.size - old.size)
        # As `tlogverify.hashing.leaf_hash`, without its two calls for each entry.
        sha256 = hashlib.sha256
        leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
        verify_range(old.size, new.size, leaves, peaks, (), new.root)
    except (FormatError, VerificationError) as error:
        raise SelfCheckError(f"the self-check of a new head failed: {error}") from error


def _root_from_peaks(peaks: Sequence[Hash]) -> Hash:
    if not peaks:
        return EMPTY_ROOT
    root = peaks[0]
    for peak in peaks[1:]:
        root = node_hash(peak, root)
    return root
