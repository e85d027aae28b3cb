"""The store: documents by their digest, in one folder or two, and what stays of them.

    documents.format    the version of this layout
    lock                held by the server
    cold                the folder of the cold tier, if there is one
    stored/  tmp/       documents and drafts, as in every tier
    pending/            documents that came before their entry, for a while
    facts/              what is known of each document beside its bytes
    tombs/              a tombstone for each document that was removed
    components.db       which SBOM holds which package: made from the documents
    intents/            dispositions on their way into the log
    damaged/            what did not have its digest, kept for a person to look at

Order is the argument.  A tombstone is durable before the bytes go, and who gives bytes
a name looks for a tombstone afterwards.  So a server that stores and a command that
removes need no lock between them: whichever is later, the bytes are gone.

All of it blocks, and belongs on threads.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, Literal, NamedTuple, TypeVar

from tlog.documents.checked import OpenDocument, Pieces
from tlog.documents.components import ComponentIndex, sbom_entries
from tlog.documents.facts import MAX_FACTS_BYTES, Facts
from tlog.documents.refusals import (
    DamagedDocumentError,
    GoneError,
    NoDocumentError,
)
from tlog.documents.tier import Draft, Tier, adopt_file, open_file, remove_file
from tlog.documents.tombstones import MAX_TOMBSTONE_BYTES, Tombstone
from tlog.errors import BusyError, CorruptError
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, write_whole
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded

State = Literal["stored", "redacted", "expired", "absent", "damaged"]
"""What became of a document."""

Kept = Literal["new", "known", "pending"]
"""What became of a draft."""

_Parsed = TypeVar("_Parsed", Facts, Tombstone)

_COPY_BYTES: Final = 1 << 20
_LOCKS: Final = 64


class Status(NamedTuple):
    """What became of a document; size: of one that is stored."""

    state: State
    size: int | None = None
    tombstone: Tombstone | None = None


class DocumentStore:
    """An open store; from any thread.

    on_damage: called with the digest of a document that was found changed, after it
    was put aside.
    """

    def __init__(
        self,
        root: Path,
        cold: Path | None,
        on_damage: Callable[[bytes], object] = lambda digest: None,
    ) -> None:
        """Use a folder that `tlog.documents.opening` has made or found."""
        self.root = root
        self.hot = Tier(root)
        self.tiers: Sequence[Tier] = (
            (self.hot,) if cold is None else (self.hot, Tier(cold))
        )
        self.components = ComponentIndex(root / "components.db")
        self._on_damage = on_damage
        self._pieces = Pieces()
        # Writers of one document wait for each other, others do not.
        self._changing = [Lock() for _ in range(_LOCKS)]
        self._filling = Lock()

    def begin(self, needed_bytes: int = 0) -> Draft:
        """Return an empty draft; BusyError if the disk has no room."""
        return self.hot.begin(needed_bytes)

    def tombstone(self, digest: bytes) -> Tombstone | None:
        """Return what stays of a document; CorruptError if it cannot be read."""
        path = self._beside("tombs", digest)
        found = _read(path, "a tombstone", MAX_TOMBSTONE_BYTES)
        return None if found is None else _parsed(path, found, Tombstone.parse)

    def facts(self, digest: bytes) -> Facts | None:
        """Return what is known of a document; CorruptError if it cannot be read."""
        path = self._beside("facts", digest)
        found = _read(path, "facts", MAX_FACTS_BYTES)
        return None if found is None else _parsed(path, found, Facts.parse)

    def open(self, digest: bytes) -> OpenDocument:
        """Open a document that is whole.

        Raises GoneError, NoDocumentError, or DamagedDocumentError if no tier has it as
        it was; what has changed is put aside first.
        """
        if (tombstone := self.tombstone(digest)) is not None:
            raise GoneError(tombstone)
        for tier in self.tiers:
            descriptor = tier.open(digest)
            if descriptor is None:
                continue
            try:
                return OpenDocument(descriptor, digest, self._pieces)
            except DamagedDocumentError:
                self.put_aside(tier, digest)
        if self._aside(digest).exists():
            raise DamagedDocumentError(digest)
        raise NoDocumentError(f"no document sha256:{digest.hex()} is kept here")

    def status(self, digest: bytes) -> Status:
        """Return what became of a document; nothing of its bytes is read."""
        if (tombstone := self.tombstone(digest)) is not None:
            return Status(tombstone.disposition, None, tombstone)
        for tier in self.tiers:
            descriptor = tier.open(digest)
            if descriptor is not None:
                try:
                    return Status("stored", os.fstat(descriptor).st_size)
                finally:
                    os.close(descriptor)
        return Status("damaged" if self._aside(digest).exists() else "absent")

    def read_small(self, digest: bytes, most: int) -> bytes | None:
        """Return a stored document of at most `most` bytes, which is one piece at most.

        None if it is longer; raises as `open`.
        """
        with self.open(digest) as document:
            return document.read(0) if document.size <= most else None

    def keep(self, draft: Draft, facts: Facts) -> Kept:
        """Store a whole draft under its own digest, with what is known of it.

        What is stored already is read first: where it has changed, the draft takes its
        place.

        Raises GoneError if the document was removed, also while it came.
        """
        digest = draft.digest
        with self._changing_of(digest):
            self._require_no_tombstone(digest)
            if entries := sbom_entries(self._join_facts(digest, facts)):
                self.components.note(digest, entries)
            try:
                self.open(digest).close()
                self._confirm(digest)
                kept: Kept = "known"
            except (NoDocumentError, DamagedDocumentError):
                self.hot.adopt(draft, digest)
                remove_file(self._aside(digest))
                kept = "new"
            remove_file(self._pending(digest))
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
            draft.sync()
            self._join_facts(digest, facts)
            adopt_file(draft, self._pending(digest))
            self._require_no_tombstone(digest)
        return "pending"

    def pending(self) -> dict[bytes, int]:
        """Return the sizes of the documents that wait for their entry."""
        found: dict[bytes, int] = {}
        for path in (self.root / "pending").iterdir():
            try:
                found[bytes.fromhex(path.name)] = path.stat().st_size
            except FileNotFoundError:
                continue  # promoted meanwhile
        return found

    def is_pending(self, digest: bytes) -> bool:
        """Whether a document waits for its entry."""
        return self._pending(digest).exists()

    def promote(self, digest: bytes, named: tuple[int, str]) -> None:
        """Store a document that waits, because an entry names it; copies its bytes."""
        descriptor = open_file(self._pending(digest))
        if descriptor is None:
            return
        try:
            size = os.fstat(descriptor).st_size
            with self.begin(size) as draft:
                _copy(descriptor, draft)
                if draft.digest != digest:
                    self._put_file_aside(self._pending(digest), digest)
                    return
                since_s = int(os.fstat(descriptor).st_mtime)
                known = self.facts(digest) or Facts(since_s, size)
                self.keep(draft, replace(known, named=(named,)))
        finally:
            os.close(descriptor)

    def drop_pending(self, digest: bytes) -> None:
        """Forget a document that has waited too long, and what was known of it."""
        with self._changing_of(digest):
            remove_file(self._pending(digest))
            if self.status(digest).state == "absent":
                remove_file(self._beside("facts", digest))

    def settle(self, digest: bytes) -> None:
        """Forget an SBOM that was noted and never stored; a writer is waited for."""
        with self._changing_of(digest):
            if self.status(digest).state == "absent":
                self.components.forget(digest)

    def digests(self) -> Iterator[bytes]:
        """Return the digests of all documents that lie in any tier, some twice."""
        for tier in self.tiers:
            yield from tier.digests()

    def tombstones(self) -> Iterator[Tombstone]:
        """Return all tombstones, ascending by digest."""
        for path in sorted((self.root / "tombs").glob("*/*.json")):
            content = read_bounded(path, "a tombstone", MAX_TOMBSTONE_BYTES)
            yield _parsed(path, content, Tombstone.parse)

    def verify(self, tier: Tier, digest: bytes) -> bool:
        """Read a whole document of one tier; put it aside and return False if changed.

        True also for one that is gone meanwhile.
        """
        descriptor = tier.open(digest)
        if descriptor is None:
            return True
        try:
            # Nothing remembered: the whole is hashed.
            OpenDocument(descriptor, digest, Pieces()).close()
        except DamagedDocumentError:
            self.put_aside(tier, digest)
            return False
        return True

    def verify_all(self, digest: bytes) -> None:
        """Read a document in every tier, and put aside what has changed."""
        for tier in self.tiers:
            self.verify(tier, digest)

    def bury(self, tombstone: Tombstone) -> None:
        """Remove a document from every tier; the tombstone is durable first."""
        path = self._beside("tombs", tombstone.digest)
        if not path.exists():
            self._write(path, tombstone.encode())
        self.remove_bytes(tombstone.digest)

    def remove_bytes(self, digest: bytes) -> bool:
        """Remove the bytes of a document wherever they lie; tell whether any did."""
        found = [tier.remove(digest) for tier in self.tiers]
        found += [remove_file(_marked(it.path(digest))) for it in self.tiers]
        found += [remove_file(self._pending(digest)), remove_file(self._aside(digest))]
        self.components.forget(digest)
        return any(found)

    def cool(self, digest: bytes) -> bool:
        """Move a document to the cold tier; False if it is not in the first.

        It is whole and durable there before it goes here.
        """
        cold = self.tiers[-1]
        descriptor = self.hot.open(digest)
        if descriptor is None:
            return False
        try:
            with cold.begin(os.fstat(descriptor).st_size) as draft:
                _copy(descriptor, draft)
                if draft.digest != digest:
                    self.put_aside(self.hot, digest)
                    return False
                cold.adopt(draft, digest)
        finally:
            os.close(descriptor)
        self.hot.remove(digest)
        if self.tombstone(digest) is not None:
            self.remove_bytes(digest)
        return True

    def intent(self, name: str) -> Path:
        """Return where a disposition lies until the log has it."""
        return self.root / "intents" / name

    def write(self, path: Path, content: bytes) -> None:
        """Write a small file of this store durably, with mode 0600."""
        self._write(path, content)

    def put_aside(self, tier: Tier, digest: bytes) -> None:
        """Take a changed document out of a tier, so that nobody gets it."""
        self._put_file_aside(tier.path(digest), digest)

    def _put_file_aside(self, path: Path, digest: bytes) -> None:
        aside = self._aside(digest)
        make_folders(aside.parent, PRIVATE_FOLDER)
        try:
            if path.stat().st_dev == aside.parent.stat().st_dev:
                path.replace(aside)
            else:
                # Another file system: a mark that something lay there must do.
                self._write(aside, b"")
                path.rename(_marked(path))
        except FileNotFoundError:
            return  # another reader was first
        self._on_damage(digest)

    def _changing_of(self, digest: bytes) -> Lock:
        return self._changing[digest[0] % _LOCKS]

    def _require_no_tombstone(self, digest: bytes) -> None:
        if (tombstone := self.tombstone(digest)) is not None:
            self.remove_bytes(digest)
            raise GoneError(tombstone)

    def _confirm(self, digest: bytes) -> None:
        for tier in self.tiers:
            if tier.path(digest).exists():
                tier.confirm(digest)

    def _join_facts(self, digest: bytes, facts: Facts) -> Facts:
        known = self.facts(digest)
        joined = facts if known is None else known.joined(facts)
        if joined != known:
            self._write(self._beside("facts", digest), joined.encode())
        return joined

    def _write(self, path: Path, content: bytes) -> None:
        make_folders(path.parent, PRIVATE_FOLDER)
        write_whole(path, content, mode=PRIVATE_FILE)

    def _beside(self, folder: str, digest: bytes) -> Path:
        name = digest.hex()
        return self.root / folder / name[:2] / f"{name}.json"

    def _pending(self, digest: bytes) -> Path:
        return self.root / "pending" / digest.hex()

    def _aside(self, digest: bytes) -> Path:
        return self.root / "damaged" / digest.hex()


def _marked(path: Path) -> Path:
    """Return where a changed document lies that could not be put aside."""
    return path.with_name(f"{path.name}.damaged")


def _copy(descriptor: int, draft: Draft) -> None:
    at = 0
    while piece := os.pread(descriptor, _COPY_BYTES, at):
        draft.write(piece)
        at += len(piece)


def _read(path: Path, rule: str, most: int) -> bytes | None:
    try:
        return read_bounded(path, rule, most)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except FormatError as error:
        raise CorruptError(str(path), str(error)) from error


def _parsed(path: Path, content: bytes, parse: Callable[[bytes], _Parsed]) -> _Parsed:
    try:
        return parse(content)
    except FormatError as error:
        raise CorruptError(str(path), str(error)) from error
