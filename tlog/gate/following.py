"""Documents of a log without the log: its entries in a monitor's state, and its store.

The monitor has verified every entry up to its head, and its state is read beside it.
There is no index of it: the entries are searched, once for each artifact, and those
that came since.  A search that the time ends goes on when it is asked again.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from tlog.documents.store import DocumentStore
from tlog.gate.sources import (
    LARGEST_BYTES,
    Asked,
    Found,
    LogBounds,
    Taken,
    document_of,
    read_stored,
)
from tlog.monitor.verified import Named, VerifiedEntries, open_verified
from tlog.rules import Referred
from tlog.rules.references import MAX_REFERRED_BYTES
from tlogclient.findings import Digest
from tlogclient.sboms import is_sbom_type
from tlogverify import Proof, Record
from tlogverify.errors import TlogError
from tlogverify.kinds import parse_entry
from tlogverify.tiles import TILE_WIDTH

_STEP_ENTRIES: Final = 64 * TILE_WIDTH
"""What `VerifiedEntries.search` reads in one step, from the start of a bundle on."""

_MOST_REMEMBERED: Final = 10_000
_UNREAD: Final = "a document of the store could not be read"


class _Searched(NamedTuple):
    """What was found of one artifact in the entries below an index."""

    below: int = 0
    found: tuple[Named, ...] = ()


class MonitorSource:
    """A monitor's state folder, and the folder of the log's documents."""

    name, is_local, is_by_place = "monitor", False, False

    def __init__(self, state: Path, store: DocumentStore, bounds: LogBounds) -> None:
        self._state = state
        self._store = store
        self._bounds = bounds
        self._lock = Lock()
        self._searched: OrderedDict[bytes, _Searched] = OrderedDict()

    async def find(self, asked: Asked) -> Found:
        """Return the documents of all entries, each with the monitor's proof.

        Raises TimeoutError where the search is not over in time, and what
        `open_verified` raises.
        """
        end_s = time.monotonic() + self._bounds.wait_s
        return await asyncio.to_thread(self._find, asked.sha256, end_s)

    def _find(self, sha256: bytes, end_s: float) -> Found:
        with open_verified(self._state) as entries:
            named = self._search(entries, sha256, end_s)
            return self._read(entries, named)

    def _search(
        self, entries: VerifiedEntries, sha256: bytes, end_s: float
    ) -> tuple[Named, ...]:
        with self._lock:
            below, found = self._searched.get(sha256, _Searched())
        if below > entries.size:
            # Another monitor's state, or one that was begun anew.
            below, found = 0, ()
        # Entries of the incomplete bundle, which come last, are searched again.
        step_end, full = (
            below - below % TILE_WIDTH,
            entries.size - entries.size % TILE_WIDTH,
        )
        for step in entries.search(Digest("sha256", sha256), below):
            step_end += _STEP_ENTRIES
            known = {it.index for it in found}
            found += tuple(
                it
                for it in step
                if it.index not in known and _is_about(it.entry, sha256)
            )
            self._remember(sha256, _Searched(min(step_end, full), found))
            if time.monotonic() > end_s:
                raise TimeoutError
        self._remember(sha256, _Searched(entries.size, found))
        return found

    def _remember(self, sha256: bytes, searched: _Searched) -> None:
        with self._lock:
            self._searched[sha256] = searched
            self._searched.move_to_end(sha256)
            while len(self._searched) > _MOST_REMEMBERED:
                self._searched.popitem(last=False)

    def _read(self, entries: VerifiedEntries, named: tuple[Named, ...]) -> Found:
        tree, head = entries.tree(), entries.cursor.head
        taken = Taken(self._bounds)
        long: list[tuple[int, bytes]] = []
        for it in named:
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
            path = tree.inclusion_path(it.index, head.size)
            proof = Proof(it.index, path, head.note, it.entry)
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


def _is_about(entry: bytes, sha256: bytes) -> bool:
    """Whether an entry that names a digest names it as a subject."""
    parsed = parse_entry(entry)
    return isinstance(parsed, Record) and any(
        it.sha256 == sha256 for it in parsed.subjects
    )
