"""Where the log stands, in memory that the one that writes shares with its front ends.

    newest       8 bytes: how often something was posted
    slot         nth, length, CRC-32; then `Posted` as MessagePack
    slot ...     one behind the other; the nth posting is in slot nth % 8

A posting is there before whoever is answered because of it: what one front end has
answered, any other one knows.  Nobody waits for a lock.  A reader takes a slot that was
whole, and the newest of before if the one that writes was stopped within a posting.
"""

import mmap
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from struct import Struct
from threading import Lock
from typing import Final
from zlib import crc32

import msgspec

from tlog.errors import MachineError
from tlog.log.merkle.frontier import Frontier
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlogverify.bundles import encode_bundle, parse_bundle
from tlogverify.hashing import to_hash

_SLOTS: Final = 8
# Two heads, each with 255 entries of 64 KiB at worst; untouched pages take no memory.
_SLOT_BYTES: Final = 36 << 20
_NEWEST: Final = Struct("=Q")
_HEAD: Final = Struct("=QII")
_TRIES: Final = 100
_KEPT_BYTES: Final = 8 << 20


def note_digest(note: bytes) -> str:
    """Return by what a head is asked for."""
    return sha256(note).hexdigest()


class Head(msgspec.Struct, frozen=True, array_like=True):
    """A snapshot: its note, the size, root and edges of its tree, its open bundle."""

    note: bytes
    size: int
    root: bytes
    edges: tuple[bytes, ...]
    bundle: bytes


class Posted(msgspec.Struct, frozen=True, array_like=True):
    """Where the log stands.

    shown: None if it is `signed`; its note is empty if no head is shown.  public: the
    public checkpoint's note.  complete_to: of the index.  is_open: what is signed may
    be read, shown or not.  is_cosigned: what is shown satisfies the policy.
    """

    signed: Head
    shown: Head | None
    public: bytes
    complete_to: int
    is_open: bool
    is_cosigned: bool


_decoder: Final = msgspec.msgpack.Decoder(Posted)
_head_decoder: Final = msgspec.msgpack.Decoder(Head)
_encode: Final = msgspec.msgpack.Encoder().encode


class Board:
    """The memory itself; made before the processes that share it are forked."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NEWEST.size + _SLOTS * _SLOT_BYTES)

    @property
    def nth(self) -> int:
        """Return how often something was posted; the first is number 1."""
        newest: int = _NEWEST.unpack_from(self._memory)[0]
        return newest

    def post(self, content: bytes) -> None:
        """Show something newer; called by one process, one thread at a time."""
        nth = self.nth + 1
        at = _place_of(nth)
        _HEAD.pack_into(self._memory, at, nth, len(content), crc32(content))
        start = at + _HEAD.size
        self._memory[start : start + len(content)] = content
        _NEWEST.pack_into(self._memory, 0, nth)

    def read(self, nth: int) -> bytes | None:
        """Return what was posted as the nth; None if it is not there any more."""
        at = _place_of(nth)
        found, length, checksum = _HEAD.unpack_from(self._memory, at)
        if nth == 0 or found != nth or length > _SLOT_BYTES - _HEAD.size:
            return None
        start = at + _HEAD.size
        content = self._memory[start : start + length]
        # It may have been overwritten while it was read.
        return content if crc32(content) == checksum else None


def _place_of(nth: int) -> int:
    return _NEWEST.size + nth % _SLOTS * _SLOT_BYTES


class KeptHeads:
    """The heads of last, by their notes: as many as have room, and one at least."""

    def __init__(self, limit_bytes: int = _KEPT_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._heads: OrderedDict[str, tuple[Snapshot, int]] = OrderedDict()

    def get(self, digest: str) -> Snapshot | None:
        """Return a head by `note_digest` of its note; from any thread."""
        found = self._heads.get(digest)
        return None if found is None else found[0]

    def put(self, snapshot: Snapshot) -> None:
        """Keep one more; one thread at a time."""
        tree = snapshot.tree
        parts = (snapshot.note, *tree.frontier.edges, *tree.open_entries)
        size = sum(map(len, parts))
        self._heads[note_digest(snapshot.note)] = snapshot, size
        self._bytes += size
        while self._bytes > self._limit_bytes and len(self._heads) > 1:
            _, (_, gone) = self._heads.popitem(last=False)
            self._bytes -= gone


class Poster:
    """Posts where a log stands; for the process that writes it.

    standing: returns it, as it is now.
    """

    def __init__(self, board: Board, standing: Callable[[], "Stand"]) -> None:
        self._board = board
        self._standing = standing
        self._lock = Lock()
        self._heads = KeptHeads()
        self._signed: tuple[Snapshot, Head] | None = None

    def head(self, digest: str) -> bytes | None:
        """Return one of the last signed heads as it is posted, for who has missed it.

        digest: `note_digest` of its note.
        """
        found = self._heads.get(digest)
        return None if found is None else _encode(_told(found))

    def post(self) -> None:
        """Post what is new; from any thread."""
        with self._lock:
            stand = self._standing()
            if self._signed is None or self._signed[0] is not stand.signed:
                self._signed = stand.signed, _told(stand.signed)
                if self._heads.get(note_digest(stand.signed.note)) is None:
                    self._heads.put(stand.signed)
            shown = None
            if stand.shown is not stand.signed:
                shown = _told(stand.shown or Snapshot(b"", EMPTY_TREE))
            posted = Posted(
                self._signed[1],
                shown,
                stand.public,
                stand.complete_to,
                stand.is_open,
                stand.is_cosigned,
            )
            self._board.post(_encode(posted))


class Stand(msgspec.Struct, frozen=True):
    """What is posted, as the one that writes has it; shown: None before the first."""

    signed: Snapshot
    shown: Snapshot | None
    public: bytes
    complete_to: int
    is_open: bool
    is_cosigned: bool


class Reader:
    """Reads the board, for one front end; from any thread.

    A snapshot is the same object as long as its note is the same.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lock = Lock()
        self._newest: tuple[int, Stand] | None = None
        self._heads = KeptHeads()

    @property
    def stand(self) -> Stand:
        """Where the log stands; MachineError if that cannot be read now."""
        newest = self._newest
        if newest is not None and newest[0] == self._board.nth:
            return newest[1]
        with self._lock:
            for _ in range(_TRIES):
                nth = self._board.nth
                content = self._board.read(nth)
                if content is not None:
                    stand = self._opened(content)
                    self._newest = nth, stand
                    return stand
        raise MachineError("the process that writes has posted nothing whole")

    def head(self, note: bytes) -> Snapshot | None:
        """Return the snapshot that has a note; None if it was posted long ago."""
        if (found := self._heads.get(note_digest(note))) is not None:
            return found
        with self._lock:
            newest = self._board.nth
            for nth in range(newest, max(newest - _SLOTS, 0), -1):
                content = self._board.read(nth)
                if content is None or note not in content:
                    continue
                stand = self._opened(content)
                for it in (stand.signed, stand.shown):
                    if it is not None and it.note == note:
                        return it
        return None

    def take(self, content: bytes) -> Snapshot:
        """Return the snapshot of a head that `Poster.head` has told."""
        with self._lock:
            return self._snapshot(_head_decoder.decode(content))

    def _opened(self, content: bytes) -> Stand:
        posted = _decoder.decode(content)
        signed = self._snapshot(posted.signed)
        shown: Snapshot | None = signed
        if posted.shown is not None:
            shown = self._snapshot(posted.shown) if posted.shown.note else None
        return Stand(
            signed,
            shown,
            posted.public,
            posted.complete_to,
            posted.is_open,
            posted.is_cosigned,
        )

    def _snapshot(self, head: Head) -> Snapshot:
        known = self._heads.get(note_digest(head.note))
        if known is not None:
            return known
        entries = parse_bundle(head.bundle, head.size % 256)
        frontier = Frontier(head.size, head.edges)
        tree = Tree(frontier, to_hash(head.root), tuple(entries))
        made = Snapshot(head.note, tree)
        self._heads.put(made)
        return made


def _told(snapshot: Snapshot) -> Head:
    tree = snapshot.tree
    bundle = encode_bundle(tree.open_entries)
    return Head(snapshot.note, tree.size, tree.root, tree.frontier.edges, bundle)
