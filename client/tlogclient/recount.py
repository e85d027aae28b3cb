"""What every entry of a log says about an artifact: the log's index is not asked.

Pure.  Bundles go in, in order and all of them; the tree is computed from their entries,
and must have the head's root.  Of other entries than those about the artifact a hash
for each bundle is kept, which is an eighth of a byte for each entry.

Source: C2SP tlog-tiles, "Log entries"; RFC 6962, 2.1.
"""

from base64 import b64encode

from tlogclient.attested import Artifact, Attestation, AttestationResult, is_about
from tlogverify import Checkpoint, Proof
from tlogverify.bundles import parse_bundle
from tlogverify.hashing import Hash, hash_level, leaf_hash
from tlogverify.kinds import parse_entry
from tlogverify.ranges import inclusion_paths
from tlogverify.tiles import TILE_WIDTH, Tile


class Recount:
    """The entries about one artifact from `start` on, at most `limit`, of all bundles.

    head: of the tree; note: of the head.
    """

    def __init__(
        self, artifact: Artifact, head: Checkpoint, note: bytes, start: int, limit: int
    ) -> None:
        self._artifact = artifact
        self._head = head
        self._note = note
        self._start = start
        self._limit = limit
        # Entries are canonical: each digest stands in them in one of two spellings.
        value = artifact.digest.value
        self._spellings = (value.hex().encode(), b64encode(value))
        self._roots: list[Hash] = []
        self._found: dict[int, bytes] = {}
        self._leaves: dict[int, list[Hash]] = {}
        self._next: int | None = None

    def take(self, tile: Tile, bundle: bytes) -> None:
        """Take the next bundle; FormatError if it does not have the tile's entries."""
        entries = parse_bundle(bundle, tile.width)
        leaves = [leaf_hash(it) for it in entries]
        # Most bundles name the artifact nowhere, which one look at each tells.
        if any(it in bundle for it in self._spellings):
            for index, entry in enumerate(entries, tile.index * TILE_WIDTH):
                if index >= self._start and self._names(entry):
                    self._find(index, entry, leaves)
        self._roots.append(_root(leaves))

    def finish(self) -> AttestationResult:
        """Return what was found, each entry with its proof and without its document.

        Raises ProofError if the entries do not lead to the head's root.
        """
        head = self._head
        tops: list[tuple[Hash, ...]] = []
        if head.size:
            count = len(self._roots)
            tops = inclusion_paths(0, count, self._roots, (), (), head.root)
        found = tuple(self._proven(it, tops) for it in sorted(self._found))
        return AttestationResult(head.size, found, self._next, origin=head.origin)

    def _names(self, entry: bytes) -> bool:
        if not any(it in entry for it in self._spellings):
            return False
        return is_about(parse_entry(entry), self._artifact)

    def _find(self, index: int, entry: bytes, leaves: list[Hash]) -> None:
        if len(self._found) < self._limit:
            self._found[index] = entry
            self._leaves[index // TILE_WIDTH] = leaves
        elif self._next is None:
            self._next = index

    def _proven(self, index: int, tops: list[tuple[Hash, ...]]) -> Attestation:
        number, within = divmod(index, TILE_WIDTH)
        leaves = self._leaves[number]
        root = self._roots[number]
        low = inclusion_paths(0, len(leaves), leaves, (), (), root)[within]
        entry = self._found[index]
        proof = Proof(index, low + tops[number], self._note, entry)
        return Attestation(index, parse_entry(entry), proof, None)


def _root(leaves: list[Hash]) -> Hash:
    level = leaves
    while len(level) > 1:
        level = hash_level(level)
    return level[0]
