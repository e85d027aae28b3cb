"""What the monitor answers about an artifact: all entries that name it as a subject.

The answer has the form of the log's own (`docs/http.md`, "Documents"), and no document
with it.  An organisation asks its monitor in place of the log, or beside it.

Each page reads entries until it is full.  So one page is made at a time, and few may
wait.
"""

import asyncio
from typing import Final

from tlog.errors import BusyError
from tlog.monitor.verified import Named, VerifiedEntries
from tlogclient.findings import Digest
from tlogverify.kinds import parse_entry
from tlogverify.record import Record

PAGE_ATTESTATIONS: Final = 100

_MOST_WAITING: Final = 16
_RETRY_S: Final = 5


class Answering:
    """Answers one question after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def attestations(
        self, entries: VerifiedEntries, artifact: Digest, start: int
    ) -> dict[str, object]:
        """Return one page of the entries from `start` on about an artifact.

        Raises BusyError if too many wait, CorruptError if an entry is not what was
        stored.
        """
        if self._waiting == _MOST_WAITING:
            raise BusyError("too many questions wait", retry_after_s=_RETRY_S)
        self._waiting += 1
        try:
            async with self._turn:
                return await _page(entries, artifact, start)
        finally:
            self._waiting -= 1


async def _page(
    entries: VerifiedEntries, artifact: Digest, start: int
) -> dict[str, object]:
    found: list[Named] = []
    steps = entries.search(artifact, start)
    # A thread for each step: the loop goes on between them, and a stop need not wait.
    while (step := await asyncio.to_thread(next, steps, None)) is not None:
        found += [it for it in step.found if _is_about(it.entry, artifact)]
        if len(found) > PAGE_ATTESTATIONS:
            break
    page, rest = found[:PAGE_ATTESTATIONS], found[PAGE_ATTESTATIONS:]
    told = await asyncio.to_thread(_tell, entries, page)
    return {
        "checkpoint": entries.cursor.head.note.decode(),
        "complete_to": entries.size,
        "attestations": told,
        "next": rest[0].index if rest else None,
    }


def _tell(entries: VerifiedEntries, page: list[Named]) -> list[dict[str, object]]:
    tree, size = entries.tree(), entries.size
    return [
        {
            "index": it.index,
            "entry": it.entry,
            "path": tree.inclusion_path(it.index, size),
            "document": None,
        }
        for it in page
    ]


def _is_about(entry: bytes, artifact: Digest) -> bool:
    """Whether an entry that names a digest names it as a subject."""
    parsed = parse_entry(entry)
    if isinstance(parsed, Record):
        name = artifact.algorithm
        return any(getattr(it, name) == artifact.value for it in parsed.subjects)
    return parsed.kind == "hashedrekord" and parsed.digest == artifact.value
