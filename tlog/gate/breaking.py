"""Break-glass: what is let through without a verdict is on record first.

    {"expires":"2026-01-31T13:00:00Z","images":["..."],"name":"...","namespace":"...",
     "reason":"...","type":"urn:tlog:break-glass:v1","uid":"...","user":"...",
     "when":"2026-01-31T12:00:00Z"}

    SPOOL/<sha256>.json             a use that the log does not have yet
    SPOOL/logged/<sha256>.json      one that it has, beside the proof of its entry

The use is durable in the spool before the log is asked.  A crash leaves it there, and
it is submitted again later: its bytes are the same, so the log's entry is the same.
The log holds a record whose subjects are the images' digests, or the use itself if no
image has one, and whose provenance is the digest of this document.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.errors import BusyError
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, write_all_whole
from tlog.gate.links import LogLink
from tlog.log_lines import log_event
from tlog.rules.moments import show_time
from tlogclient import LogClient
from tlogclient.errors import RefusedError, UnavailableError
from tlogverify import Proof, Record
from tlogverify.errors import TlogError
from tlogverify.files import read_bounded
from tlogverify.record import MAX_SUBJECTS, Subject

BREAK_GLASS_TYPE: Final = "urn:tlog:break-glass:v1"
"""The predicate type of the entry of a use."""

MAX_TEXT_CHARS: Final = 1_000
"""Of a reason, a name, an image: what is longer is cut."""

MAX_SPOOLED: Final = 10_000
MAX_USE_BYTES: Final = 16 << 20

_FAILURES: Final = (TlogError, OSError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True)
class Use:
    """One use of break-glass; sha256s: of the images that are named by digest."""

    uid: str
    user: str
    namespace: str
    name: str
    reason: str
    images: tuple[str, ...]
    sha256s: tuple[bytes, ...]
    when_s: int
    expires_s: int

    def encode(self) -> bytes:
        """Return the document, in the one form that it has."""
        members = {
            "type": BREAK_GLASS_TYPE,
            "uid": self.uid,
            "user": _cut(self.user),
            "namespace": _cut(self.namespace),
            "name": _cut(self.name),
            "reason": _cut(self.reason),
            "images": list(map(_cut, self.images)),
            "digests": [f"sha256:{it.hex()}" for it in sorted(set(self.sha256s))],
            "when": show_time(self.when_s),
            "expires": show_time(self.expires_s),
        }
        return json.dumps(members, separators=(",", ":"), sort_keys=True).encode()


def _cut(text: str) -> str:
    return text[:MAX_TEXT_CHARS]


def record_of(document: bytes, sha256s: Sequence[bytes]) -> Record:
    """Return the entry of a use's document."""
    sha256 = hashlib.sha256(document).digest()
    subjects = sorted(set(sha256s))[:MAX_SUBJECTS] or [sha256]
    return Record(tuple(map(Subject, subjects)), sha256, BREAK_GLASS_TYPE)


class Spool:
    """The folder of uses, and the way to the log that shall have them, or None."""

    def __init__(self, folder: Path, link: LogLink | None) -> None:
        """Make the folder if it is new; OSError that names it."""
        self._folder = folder
        self._logged = folder / "logged"
        self._link = link
        self._turn = asyncio.Lock()
        # The folder and what is counted of it change together.
        self._counting = asyncio.Lock()
        make_folders(self._logged, PRIVATE_FOLDER)
        self._waiting = {*self._list()}

    @property
    def waiting(self) -> int:
        """How many uses the log does not have yet."""
        return len(self._waiting)

    async def keep(self, use: Use) -> Path:
        """Write a use down durably; BusyError if too many wait, OSError."""
        if self.waiting >= MAX_SPOOLED:
            raise BusyError(f"{MAX_SPOOLED} uses of break-glass wait for the log")
        document = use.encode()
        path = self._folder / f"{hashlib.sha256(document).hexdigest()}.json"
        async with self._counting:
            await asyncio.to_thread(
                write_all_whole, {path: document}, mode=PRIVATE_FILE
            )
            self._waiting.add(path)
        return path

    async def submit(self, path: Path) -> int | None:
        """Give a use to the log, and return its index; None if the log did not take it.

        It stays in the spool then.
        """
        if self._link is None:
            return None
        try:
            return await self._give(self._link, path)
        except _FAILURES as error:
            _tell(path, error)
            return None

    async def forget(self, path: Path) -> None:
        """Drop a use that the log has, or that was not let through."""
        async with self._counting:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            self._waiting.discard(path)

    async def submit_waiting(self) -> None:
        """Give the log what it does not have yet, as long as it answers.

        What it refuses stays, and keeps no other back.
        """
        try:
            async with self._counting:
                paths = await asyncio.to_thread(self._list)
                self._waiting = {*paths}
        except OSError as error:
            _tell(self._folder, error)
            return
        if self._link is None:
            return
        for path in paths:
            try:
                await self._give(self._link, path)
            except UnavailableError as error:
                _tell(path, error)
                return
            except _FAILURES as error:
                _tell(path, error)

    async def _give(self, link: LogLink, path: Path) -> int:
        # One at a time: a use that just came may be found among those that wait.
        async with self._turn:
            given = self._logged / f"{path.stem}.tlog-proof"
            if not await asyncio.to_thread(path.exists):
                return (await asyncio.to_thread(Proof.read, given)).index
            document = await asyncio.to_thread(
                read_bounded, path, "a use of break-glass", MAX_USE_BYTES
            )
            digests = json.loads(document)["digests"]
            record = record_of(document, [bytes.fromhex(it[7:]) for it in digests])
            log = await link.client()
            (proof,) = await log.submit([record])
            await _put(log, document, proof.index)
            files = {self._logged / path.name: document, given: proof.encode()}
            await asyncio.to_thread(write_all_whole, files, mode=PRIVATE_FILE)
            await self.forget(path)
            return proof.index

    def _list(self) -> list[Path]:
        return sorted(self._folder.glob("*.json"))


def _tell(path: Path, error: Exception) -> None:
    log_event(
        "break-glass not logged",
        level="error",
        use=path.name,
        error=type(error).__name__,
    )


async def _put(log: LogClient, document: bytes, index: int) -> None:
    """Let the log keep the document too, if it keeps any."""
    try:
        await log.put_document(document, entry=index)
    except RefusedError as error:
        log_event("break-glass document not kept", level="warning", error=error.type)
