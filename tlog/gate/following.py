"""Documents of a log without the log: its entries, which are here, and its store.

The entries are in the state of a monitor, which has verified them, or in the log's own
files.  There is no index of them: they are searched, once for each artifact, and those
that came since.  A search that the time ends goes on when it is asked again.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Protocol

from tlog.documents.store import DocumentStore
from tlog.gate.beliefs import Beliefs
from tlog.gate.sources import (
    LARGEST_BYTES,
    Asked,
    Found,
    LogBounds,
    Taken,
    document_of,
    read_stored,
)
from tlog.monitor.files import LogFiles
from tlog.monitor.verified import Named, Step, open_verified
from tlog.rules import Referred
from tlog.rules.references import MAX_REFERRED_BYTES
from tlogclient.findings import Digest
from tlogclient.sboms import is_sbom_type
from tlogverify import Proof, Record
from tlogverify.errors import FormatError, TlogError
from tlogverify.kinds import parse_entry

_MOST_REMEMBERED: Final = 10_000
_UNREAD: Final = "a document of the store could not be read"
_PUBLIC: Final = "public"
"""Where the public files are in a log's own folder."""


class Entries(Protocol):
    """The entries up to a head."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def search(self, sought: Digest, start: int) -> Iterator[Step]:
        """Return the entries from `start` on that name a digest, step by step."""
        ...

    def prove(self, index: int, entry: bytes) -> Proof:
        """Return the proof that an entry of them is in the tree of the head."""
        ...


class _Searched(NamedTuple):
    """What was found of one artifact in the entries below an index."""

    below: int = 0
    found: tuple[Named, ...] = ()


class EntriesSource:
    """Entries that are here, and the folder of the log's documents; name: for metrics.

    open_entries: opens the entries that there are now, and raises TlogError or OSError.
    """

    is_local, is_by_place = False, False

    def __init__(
        self,
        name: str,
        open_entries: Callable[[], AbstractContextManager[Entries]],
        store: DocumentStore,
        bounds: LogBounds,
    ) -> None:
        self.name = name
        self._open_entries = open_entries
        self._store = store
        self._bounds = bounds
        self._lock = Lock()
        self._searched: OrderedDict[bytes, _Searched] = OrderedDict()

    async def find(self, asked: Asked) -> Found:
        """Return the documents of all entries, each with a proof.

        Raises TimeoutError where the search is not over in time, and what
        `open_entries` raises.
        """
        end_s = time.monotonic() + self._bounds.wait_s
        return await asyncio.to_thread(self._find, asked.sha256, end_s)

    def _find(self, sha256: bytes, end_s: float) -> Found:
        with self._open_entries() as entries:
            found = self._search(entries, sha256, end_s)
            return self._read(entries, found)

    def _search(
        self, entries: Entries, sha256: bytes, end_s: float
    ) -> tuple[Named, ...]:
        with self._lock:
            below, found = self._searched.get(sha256, _Searched())
        if below > entries.size:
            # Another log's entries, or a state that was begun anew.
            below, found = 0, ()
        for step in entries.search(Digest("sha256", sha256), below):
            found += tuple(it for it in step.found if _is_about(it.entry, sha256))
            self._remember(sha256, _Searched(step.below, found))
            if time.monotonic() > end_s:
                raise TimeoutError
        return found

    def _remember(self, sha256: bytes, searched: _Searched) -> None:
        with self._lock:
            self._searched[sha256] = searched
            self._searched.move_to_end(sha256)
            while len(self._searched) > _MOST_REMEMBERED:
                self._searched.popitem(last=False)

    def _read(self, entries: Entries, found: Sequence[Named]) -> Found:
        taken = Taken(self._bounds)
        long: list[tuple[int, bytes]] = []
        for it in found:
            record = parse_entry(it.entry)
            if not isinstance(record, Record):
                continue
            try:
                content = read_stored(self._store, record.provenance, LARGEST_BYTES)
            except (TlogError, OSError):
                taken.pass_over(_UNREAD)
                continue
            if content is None:
                # Gone, or too long for an envelope: an SBOM may be referred to.
                if is_sbom_type(record.predicate_type):
                    long.append((it.index, record.provenance))
                continue
            proof = entries.prove(it.index, it.entry)
            if not taken.add(document_of(it.index, content, proof)):
                break
        self._refer(long, taken)
        return taken.found()

    def _refer(self, long: Sequence[tuple[int, bytes]], taken: Taken) -> None:
        """Take the long SBOMs that documents which were taken refer to."""
        for index, sha256 in long:
            if not taken.refers_to(sha256):
                continue
            try:
                content = read_stored(self._store, sha256, MAX_REFERRED_BYTES)
                is_there = self._store.status(sha256).state == "stored"
            except (TlogError, OSError):
                taken.pass_over(_UNREAD)
                continue
            if content is not None:
                taken.refer(Referred(f"entry {index}", content))
            elif is_there:
                # An SBOM may be of any size: the bound is ours.
                taken.pass_over(_UNREAD)


def monitor_source(
    state: Path, store: DocumentStore, bounds: LogBounds
) -> EntriesSource:
    """Return the entries of a monitor's state folder as a source."""
    return EntriesSource("monitor", lambda: open_verified(state), store, bounds)


def store_source(
    log: Path, beliefs: Beliefs, store: DocumentStore, bounds: LogBounds
) -> EntriesSource:
    """Return the entries of a log's own folder as a source."""
    files = LogFiles(log / _PUBLIC)

    def open_files() -> AbstractContextManager[Entries]:
        trusted = beliefs.policy
        if trusted is None:
            raise FormatError("--store needs --policy: its entries are verified")
        return nullcontext(files.entries(trusted))

    return EntriesSource("store", open_files, store, bounds)


def _is_about(entry: bytes, sha256: bytes) -> bool:
    """Whether an entry that names a digest names it as a subject."""
    parsed = parse_entry(entry)
    return isinstance(parsed, Record) and any(
        it.sha256 == sha256 for it in parsed.subjects
    )


def has_log_files(folder: Path) -> bool:
    """Whether a folder is a log's own, which has its public files in it."""
    return (folder / _PUBLIC).is_dir()
