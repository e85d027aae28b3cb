"""The store: documents by their digest, in one place or two, and what stays of them.

`tlog.documents.shelf` lists its files.  Order is the argument.  A tombstone is durable
before the bytes go, and who gives bytes a name looks for a tombstone afterwards.  So
servers that store and commands that remove need no lock between them: whichever is
later, the bytes are gone.

All of it blocks, and belongs on threads.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final, Literal, NamedTuple, TypeVar

from tlog.documents.announced import Announced
from tlog.documents.beside import Beside
from tlog.documents.checked import OpenDocument, Pieces
from tlog.documents.components import ComponentIndex, sbom_entries
from tlog.documents.facts import Facts
from tlog.documents.refusals import (
    DamagedDocumentError,
    GoneError,
    NoDocumentError,
)
from tlog.documents.shelf import (
    Draft,
    Reader,
    Shelf,
    digest_of,
    is_emptied,
    stored_at,
    stored_on,
)
from tlog.documents.tombstones import Tombstone
from tlog.durable.at_once import at_once
from tlog.errors import BusyError

State = Literal["stored", "redacted", "expired", "absent", "damaged"]
"""What became of a document."""

Kept = Literal["new", "known", "pending"]
"""What became of a draft."""

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")

_COPY_BYTES: Final = 1 << 20
_LOCKS: Final = 64
_GROUP: Final = 256


class Status(NamedTuple):
    """What became of a document; size: of one that is stored."""

    state: State
    size: int | None = None
    tombstone: Tombstone | None = None


class DocumentStore:
    """An open store; from any thread.

    root: a folder of this process alone, with its drafts and the index of components;
    that of the store itself where the store is a folder.  on_damage: called with the
    digest of a document that was found changed, after it was put aside.
    """

    def __init__(
        self,
        root: Path,
        hot: Shelf,
        cold: Shelf | None,
        on_damage: Callable[[bytes], object] = lambda digest: None,
    ) -> None:
        """Use what `tlog.documents.opening` has made or found."""
        self.root = root
        self.hot = hot
        self.tiers: Sequence[Shelf] = (hot,) if cold is None else (hot, cold)
        self.beside = Beside(hot)
        self.components = ComponentIndex(root / "components.db")
        self._announced = Announced(hot, self.components, root / "announced")
        self._on_damage = on_damage
        self._pieces = Pieces()
        # Writers of one document wait for each other, others do not.
        self._changing = [Lock() for _ in range(_LOCKS)]
        self._filling = Lock()

    def many(
        self, ask: Callable[[_Item], _Done], items: Iterable[_Item]
    ) -> Iterator[_Done]:
        """Return the answer for each item, in their order.

        Many are asked for at once where each answer comes over a network.
        """
        is_far, left = any(it.is_far for it in self.tiers), iter(items)
        while group := [*islice(left, _GROUP)]:
            yield from at_once(ask, group) if is_far else map(ask, group)

    def begin(self, needed_bytes: int = 0) -> Draft:
        """Return an empty draft; BusyError if the disk has no room."""
        return self.hot.begin(needed_bytes)

    def tombstone(self, digest: bytes) -> Tombstone | None:
        """Return what stays of a document; CorruptError if it cannot be read."""
        return self.beside.tombstone(digest)

    def facts(self, digest: bytes) -> Facts | None:
        """Return what is known of a document; CorruptError if it cannot be read."""
        return self.beside.facts(digest)

    def open(self, digest: bytes) -> OpenDocument:
        """Open a document that is whole.

        Raises GoneError, NoDocumentError, or DamagedDocumentError if no tier has it as
        it was; what has changed is put aside first.
        """
        if (tombstone := self.tombstone(digest)) is not None:
            raise GoneError(tombstone)
        is_damaged = False
        for tier in self.tiers:
            if (reader := tier.open(stored_at(digest))) is None:
                continue
            try:
                return OpenDocument(reader, digest, self._pieces)
            except DamagedDocumentError:
                is_damaged = True
                self._put_aside(tier, stored_at(digest), digest, reader)
            except FileNotFoundError:
                continue  # it went while it was read, perhaps to the next tier
        if is_damaged or self.hot.size(_aside(digest)) is not None:
            raise DamagedDocumentError(digest)
        raise NoDocumentError(f"no document sha256:{digest.hex()} is kept here")

    def status(self, digest: bytes) -> Status:
        """Return what became of a document; nothing of its bytes is read."""
        if (tombstone := self.tombstone(digest)) is not None:
            return Status(tombstone.disposition, None, tombstone)
        if (size := self.size(digest)) is not None:
            return Status("stored", size)
        is_damaged = self.hot.size(_aside(digest)) is not None
        return Status("damaged" if is_damaged else "absent")

    def size(self, digest: bytes) -> int | None:
        """Return the size of a document that lies in a tier, or None."""
        for tier in self.tiers:
            size = tier.size(stored_at(digest))
            if size is not None and not is_emptied(digest, size):
                return size
        return None

    def keep(self, draft: Draft, facts: Facts) -> Kept:
        """Store a whole draft under its own digest, with what is known of it.

        What is stored already is read first: where it has changed, the draft takes its
        place.

        Raises GoneError if the document was removed, also while it came.
        """
        digest = draft.digest
        with self._changing_of(digest):
            self._require_no_tombstone(digest)
            self._note(digest, facts)
            try:
                self.open(digest).close()
                self._confirm(digest)
                kept: Kept = "known"
            except NoDocumentError:
                self.hot.adopt(draft, stored_at(digest))
                kept = "new"
            except DamagedDocumentError:
                self.hot.adopt(draft, stored_at(digest))
                self.hot.remove(_aside(digest))
                kept = "new"
            self.hot.remove(_pending(digest))
            self._require_no_tombstone(digest)
        return kept

    def keep_pending(self, draft: Draft, facts: Facts, most_bytes: int) -> Kept:
        """Store a draft that no entry names yet.

        most_bytes: that may wait in all.  Raises BusyError if they would be more, and
        GoneError as `keep`.
        """
        digest = draft.digest
        with self._filling, self._changing_of(digest):
            self._require_no_tombstone(digest)
            if self.status(digest).state == "stored":
                self._confirm(digest)
                return "known"
            waiting = sum(size for it, size in self.pending().items() if it != digest)
            if waiting + draft.size > most_bytes:
                raise BusyError(
                    "too many bytes wait for their entries: submit the entry first",
                    retry_after_s=60,
                )
            self.beside.join_facts(digest, facts)
            self.hot.adopt(draft, _pending(digest))
            self._require_no_tombstone(digest)
        return "pending"

    def pending(self) -> dict[bytes, int]:
        """Return the sizes of the documents that wait for their entry."""
        return {
            digest: it.size
            for it in self.hot.files("pending")
            if (digest := digest_of(it.name)) is not None
            and self._is_waiting(digest, it.size)
        }

    def is_pending(self, digest: bytes) -> bool:
        """Whether a document waits for its entry."""
        size = self.hot.size(_pending(digest))
        return size is not None and self._is_waiting(digest, size)

    def promote(self, digest: bytes, named: tuple[int, str]) -> None:
        """Store a document that waits, because an entry names it; copies its bytes."""
        reader = self.hot.open(_pending(digest))
        if reader is None or not self._is_waiting(digest, reader.size):
            return
        with closing(reader), self.begin(reader.size) as draft:
            try:
                _copy(reader, draft)
            except FileNotFoundError:
                return  # another node was first
            if draft.digest != digest:
                self._put_aside(self.hot, _pending(digest), digest, reader)
                return
            known = self.facts(digest) or Facts(reader.modified_s, reader.size)
            self.keep(draft, replace(known, named=(named,)))

    def drop_pending(self, digest: bytes) -> None:
        """Forget a document that has waited too long, and what was known of it."""
        with self._changing_of(digest):
            self.hot.remove(_pending(digest))
            if self.status(digest).state == "absent":
                self.beside.forget_facts(digest)

    def settle(self, digest: bytes) -> None:
        """Forget an SBOM that was noted and never stored; a writer is waited for."""
        with self._changing_of(digest):
            if self.status(digest).state == "absent":
                self.components.forget(digest)
                self._announced.forget(digest)

    def catch_up(self) -> None:
        """Note the SBOMs that other nodes have stored, where a store has nodes."""
        if self.hot.is_far:
            self._announced.catch_up()

    def digests(self) -> Iterator[bytes]:
        """Return the digests of all documents that lie in any tier, some twice."""
        for tier in self.tiers:
            for digest, _ in stored_on(tier):
                yield digest

    def tombstones(self) -> Iterator[Tombstone]:
        """Return all tombstones, ascending by digest."""
        for it in self.many(self.tombstone, self.beside.removed()):
            if it is not None:
                yield it

    def verify(self, tier: Shelf, digest: bytes) -> bool:
        """Read a whole document of one tier; put it aside and return False if changed.

        True also for one that is gone meanwhile.
        """
        reader = tier.open(stored_at(digest))
        if reader is None:
            return True
        try:
            # Nothing remembered: the whole is hashed.
            OpenDocument(reader, digest, Pieces()).close()
        except FileNotFoundError:
            return True
        except DamagedDocumentError:
            self._put_aside(tier, stored_at(digest), digest, reader)
            return False
        return True

    def verify_all(self, digest: bytes) -> None:
        """Read a document in every tier, and put aside what has changed."""
        for tier in self.tiers:
            self.verify(tier, digest)

    def bury(self, tombstone: Tombstone) -> None:
        """Remove a document from every tier; the tombstone is durable first."""
        self.beside.put_tombstone(tombstone)
        self.remove_bytes(tombstone.digest)

    def remove_bytes(self, digest: bytes) -> None:
        """Remove the bytes of a document wherever they lie."""
        for tier in self.tiers:
            tier.remove(stored_at(digest))
            tier.remove(_marked(digest))
        self.hot.remove(_pending(digest))
        self.hot.remove(_aside(digest))
        self.components.forget(digest)

    def cool(self, digest: bytes) -> bool:
        """Move a document to the cold tier; False if it is not in the first.

        It is whole and durable there before it goes here.
        """
        cold = self.tiers[-1]
        reader = self.hot.open(stored_at(digest))
        if reader is None:
            return False
        with closing(reader), cold.begin(reader.size) as draft:
            _copy(reader, draft)
            if draft.digest != digest:
                self._put_aside(self.hot, stored_at(digest), digest, reader)
                return False
            cold.adopt(draft, stored_at(digest))
        self.hot.remove(stored_at(digest))
        if self.tombstone(digest) is not None:
            self.remove_bytes(digest)
        return True

    def _put_aside(self, tier: Shelf, name: str, digest: bytes, seen: Reader) -> None:
        """Take a changed file out of a tier, so that nobody gets it."""
        if tier is self.hot:
            is_ours = tier.put_aside(name, _aside(digest), seen)
        else:
            # Its bytes stay in their tier, which may be far from the first.
            self.hot.create(_aside(digest), b"")
            is_ours = tier.put_aside(name, _marked(digest), seen)
        if is_ours:
            self._on_damage(digest)

    def _note(self, digest: bytes, facts: Facts) -> None:
        """Add to what is known of a document, and note it if it is an SBOM."""
        if self.hot.is_far and (entries := sbom_entries(facts)):
            known = self.facts(digest)
            told = () if known is None else sbom_entries(known)
            for entry in {*entries}.difference(told):
                self._announced.tell(digest, entry)
        if entries := sbom_entries(self.beside.join_facts(digest, facts)):
            self.components.note(digest, entries)

    def _is_waiting(self, digest: bytes, size: int) -> bool:
        """Whether a file is a document that waits, and not what was put aside."""
        return not (self.hot.is_far and is_emptied(digest, size))

    def _changing_of(self, digest: bytes) -> Lock:
        return self._changing[digest[0] % _LOCKS]

    def _require_no_tombstone(self, digest: bytes) -> None:
        if (tombstone := self.tombstone(digest)) is not None:
            self.remove_bytes(digest)
            raise GoneError(tombstone)

    def _confirm(self, digest: bytes) -> None:
        for tier in self.tiers:
            if tier.size(stored_at(digest)) is not None:
                tier.confirm(stored_at(digest))


def _pending(digest: bytes) -> str:
    return f"pending/{digest.hex()}"


def _aside(digest: bytes) -> str:
    return f"damaged/{digest.hex()}"


def _marked(digest: bytes) -> str:
    """Return where a changed document of a cold tier lies."""
    return f"{stored_at(digest)}.damaged"


def _copy(reader: Reader, draft: Draft) -> None:
    at = 0
    while piece := reader.read(at, _COPY_BYTES):
        draft.write(piece)
        at += len(piece)
