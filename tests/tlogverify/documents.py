"""A small log of records, and everything that proves one of them."""

import base64
import hashlib
from dataclasses import dataclass, replace

from tests.oracle import rfc6962
from tests.tlogverify.actors import LOG, TIME_S, WITNESS, Head, note
from tlogverify.policy import Policy
from tlogverify.proof import Proof

ARTIFACT = b"the bytes of a release\n"
ARTIFACT_SHA256 = hashlib.sha256(ARTIFACT).digest()
PROVENANCE = hashlib.sha256(b"a provenance document").hexdigest()
SIGNER = hashlib.sha256(b"a public key").hexdigest()
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
INDEX = 3
SIZE = 7

POLICY_TEXT = b"log " + LOG.vkey + b"\nwitness w1 " + WITNESS.vkey + b"\nquorum w1\n"
POLICY = Policy.parse(POLICY_TEXT)


def entry(*digests: bytes, optional: bool = True) -> bytes:
    """Return a canonical record of artifacts, spelled by hand."""
    subjects = ",".join(f'{{"sha256":"{digest.hex()}"}}' for digest in digests)
    predicate = f'"predicateType":"{PREDICATE_TYPE}",' if optional else ""
    signer = f'"signer":{{"sha256":"{SIGNER}"}},' if optional else ""
    return (
        f'{{"kind":"provenance",{predicate}"provenance":{{"sha256":"{PROVENANCE}"}},'
        f'{signer}"subject":[{subjects}],"version":1}}'
    ).encode()


ENTRY = entry(ARTIFACT_SHA256)


@dataclass(frozen=True)
class Story:
    """One entry in a tree of others, and the note over it."""

    entry: bytes = ENTRY
    index: int = INDEX
    size: int = SIZE

    @property
    def leaves(self) -> list[bytes]:
        """The leaf hashes of the whole tree."""
        leaves = rfc6962.leaf_hashes(self.size)
        leaves[self.index] = rfc6962.leaf_hash(self.entry)
        return leaves

    @property
    def head(self) -> Head:
        """The checkpoint over the tree."""
        return Head(size=self.size, root=rfc6962.root(self.leaves))

    @property
    def note(self) -> bytes:
        """The checkpoint, signed by the log and the witness."""
        return note(self.head, LOG.line(self.head), WITNESS.line(self.head, TIME_S))

    @property
    def path(self) -> list[bytes]:
        """The inclusion proof of the entry."""
        return rfc6962.inclusion_path(self.index, self.leaves)

    @property
    def text(self) -> bytes:
        """The proof file, spelled by hand."""
        return b"".join(
            (
                b"c2sp.org/tlog-proof@v1\n",
                b"extra " + base64.b64encode(self.entry) + b"\n",
                b"index %d\n" % self.index,
                *(base64.b64encode(sibling) + b"\n" for sibling in self.path),
                b"\n",
                self.note,
            )
        )

    @property
    def proof(self) -> Proof:
        """The parsed proof file."""
        return Proof.parse(self.text)


STORY = Story()
LEAF = rfc6962.leaf_hash(ENTRY)
PROOF_TEXT = STORY.text
PROOF = STORY.proof
NO_EXTRA = replace(PROOF, extra=None)
