"""A log as a folder of files: tiles and bundles from the oracle, any entries at all.

It signs whatever it is told to: a test makes its lies here, one at a time.
"""

import hashlib
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tests.oracle import rfc6962
from tests.tlogverify.actors import LOG, WITNESS, Actor, Head, note

POLICY = b"log " + LOG.vkey + b"\nquorum none\n"


def entries_of(start: int, end: int, salt: str = "entry") -> list[bytes]:
    """Return entries that are no records, all different."""
    return [f"{salt} {index}".encode() for index in range(start, end)]


def bundle_of(entries: Sequence[bytes]) -> bytes:
    """Return entries as a bundle."""
    return b"".join(struct.pack(">H", len(it)) + it for it in entries)


def tile_path(level: str, index: int, width: int = 256) -> str:
    """Return a tile's path, as tlog-tiles spells it."""
    digits = f"{index:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{it}" for it in groups[:-1]), groups[-1]])
    return f"tile/{level}/{name}" + ("" if width == 256 else f".p/{width}")


@lru_cache(maxsize=64)
def _tree_of(entries: tuple[bytes, ...]) -> rfc6962.Tree:
    return rfc6962.Tree([rfc6962.leaf_hash(entry) for entry in entries])


class StaticLog:
    """A log in a folder.

    entries: all there are; `publish` writes the tree of the first ones.
    """

    def __init__(self, folder: Path, *signers: Actor, origin: str = LOG.name) -> None:
        self.folder = folder
        self.origin = origin
        self.entries: list[bytes] = []
        self._signers = signers or (LOG,)

    def add(self, entries: Sequence[bytes]) -> None:
        """Append entries, not yet published."""
        self.entries += entries

    @property
    def tree(self) -> rfc6962.Tree:
        """The tree of all entries, as the oracle has it."""
        return _tree_of(tuple(self.entries))

    def head(self, size: int | None = None) -> Head:
        """Return the head at a size; that of all entries without one."""
        size = len(self.entries) if size is None else size
        return Head(self.origin, size, self.tree.root(size))

    def note(self, size: int | None = None, *more: Actor) -> bytes:
        """Return the signed checkpoint at a size; more: cosigners."""
        head = self.head(size)
        return note(head, *(it.line(head) for it in (*self._signers, *more)))

    def publish(self, size: int | None = None) -> None:
        """Write the tiles, bundles and checkpoint of a size, and keep older ones."""
        size = len(self.entries) if size is None else size
        for first in range(0, size, 256):
            some = self.entries[first : min(first + 256, size)]
            path = tile_path("entries", first // 256, len(some))
            self.put(path, bundle_of(some))
        tree, level, span = self.tree, 0, 1
        while size >= span:
            hashes = [tree.mth(at, at + span) for at in range(0, size - span + 1, span)]
            for first in range(0, len(hashes), 256):
                some = hashes[first : first + 256]
                path = tile_path(str(level), first // 256, len(some))
                self.put(path, b"".join(some))
            level, span = level + 1, span * 256
        self.put("checkpoint", self.note(size))

    def put(self, path: str, content: bytes) -> None:
        """Write one file, whatever it holds."""
        file = self.folder / path
        # A partial tile's folder has the full tile's name and `.p`.
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def flip(self, path: str, at: int = -1) -> None:
        """Change one byte of one file."""
        content = bytearray((self.folder / path).read_bytes())
        content[at] ^= 1
        self.put(path, bytes(content))


def fork(folder: Path, log: StaticLog, at: int, size: int) -> StaticLog:
    """Return another history of a log: the same up to `at`, not one entry more."""
    other = StaticLog(folder)
    other.add(log.entries[:at])
    other.add(entries_of(at, size, "fork"))
    return other


def witness_path(origin: str) -> str:
    """Return where a witness shows a log's head, below its prefix."""
    return f"{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint"


def policy_with_witness(url: str) -> bytes:
    """Return a policy of one log and one witness that need not sign."""
    lines = [b"log " + LOG.vkey, b"witness w1 " + WITNESS.vkey + b" " + url.encode()]
    return b"\n".join([*lines, b"quorum none", b""])
