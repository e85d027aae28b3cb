"""Documents in a folder, found by the artifacts that they say that they are of.

    NAME.intoto.jsonl   NAME.tlog-proof     an envelope, and the proof of its record
    NAME.sigstore.json                      a bundle
    <64 hex>                                an SBOM that an envelope refers to

What a document says of its subject only selects it; the judge verifies it.  The folder
is listed again when its own time has changed, so files come and go by renaming, and
only files that are new or changed are read.  All of it blocks.
"""

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final

from tlog.gate.beliefs import Stamp, settles_ns, stamp_of
from tlog.log_lines import log_event
from tlog.rules import Attested, Bundled, Document
from tlog.rules.folders import (
    BUNDLE,
    ENVELOPE,
    find_referred,
    proof_beside,
    read_document,
)
from tlog.rules.opening import MAX_ENVELOPE_VALUES, require_few_values
from tlogverify.attestation.dsse import Envelope
from tlogverify.attestation.statement import parse_statement
from tlogverify.errors import FormatError
from tlogverify.sigstore import Bundle

MAX_FILES: Final = 100_000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

# What lies there is not there any more, or is no file.
_FACTS: Final = (FileNotFoundError, IsADirectoryError)


@dataclass(frozen=True, slots=True)
class _Known:
    """A file that was read: what it was, and the artifacts that it names.

    is_read: False where the machine did not give it, so that it may name any.
    """

    stamps: tuple[Stamp | None, Stamp | None]
    sha256s: frozenset[bytes]
    is_read: bool = True


class DocumentFolder:
    """One folder; from any thread."""

    def __init__(self, folder: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        """Look at it; OSError if that is not possible.

        now_ns: the time of the machine, which the file system takes its own from.
        """
        self._folder = folder
        self._now_ns = now_ns
        self._lock = Lock()
        self._stamp: Stamp | None = None
        self._known: dict[str, _Known] = {}
        self._unread = 0
        self._by_sha256: Mapping[bytes, tuple[str, ...]] = {}
        self._generation = 0
        self.generation()

    def settled(self) -> int | None:
        """Return the number of `generation` without listing; None if that is needed."""
        found = self._folder.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        return self._generation if stamp == self._stamp else None

    def generation(self) -> int:
        """Look at the folder, and return a number that changes with what it holds.

        Raises FormatError for too many files, OSError if it is not readable.
        """
        with self._lock:
            found = self._folder.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                # Asked before the listing: what comes within it has a later time.
                is_settled = self._now_ns() > settles_ns(stamp)
                self._list()
                self._stamp = stamp if is_settled and not self._unread else None
            return self._generation

    def find(self, sha256: bytes) -> tuple[tuple[Document, ...], int]:
        """Return the documents that name an artifact, and how many were not read.

        Those may name it or not.  What was changed in its place since it was listed is
        judged as it is now, and what is no document is left out.
        """
        self.generation()
        found, unread = list[Document](), self._unread
        for name in self._by_sha256.get(sha256, ()):
            try:
                found.append(read_document(self._folder / name))
            except (FormatError, OSError) as error:
                log_event("a document is not usable", level="warning", error=str(error))
                unread += _is_trouble(error)
        try:
            found += find_referred(self._folder, found)
        except (FormatError, OSError) as error:
            log_event("a document is not usable", level="warning", error=str(error))
            unread += 1
        return tuple(found), unread

    def _list(self) -> None:
        names = _names(self._folder)
        stamps = {it: _stamps(self._folder / it) for it in names}
        known = {
            name: self._known[name]
            for name in names
            if name in self._known
            and self._known[name].stamps == stamps[name]
            and self._known[name].is_read
        }
        changed = [it for it in names if it not in known]
        if not changed and len(known) == len(self._known):
            return
        for name in changed:
            known[name] = _known(self._folder / name, stamps[name])
        self._known = known
        self._unread = sum(not it.is_read for it in known.values())
        self._by_sha256 = _inverted(known)
        self._generation += 1
        log_event("documents listed", documents=len(known), changed=len(changed))


def _names(folder: Path) -> list[str]:
    with os.scandir(folder) as found:
        names = sorted(it.name for it in found if _is_listed(it.name))
    if len(names) > MAX_FILES:
        raise FormatError(f"a folder has at most {MAX_FILES} documents", len(names))
    return names


def _is_listed(name: str) -> bool:
    return name.endswith((ENVELOPE, BUNDLE)) or _DIGEST.fullmatch(name) is not None


def _stamps(path: Path) -> tuple[Stamp | None, Stamp | None]:
    proof = proof_beside(path) if path.name.endswith(ENVELOPE) else None
    return stamp_of(path), None if proof is None else stamp_of(proof)


def _known(path: Path, stamps: tuple[Stamp | None, Stamp | None]) -> _Known:
    """Read a document; it names no artifact if it is none."""
    if _DIGEST.fullmatch(path.name) is not None:
        # By its digest it is found through the document that refers to it.
        return _Known(stamps, frozenset())
    try:
        return _Known(stamps, _subjects(path))
    except (FormatError, OSError) as error:
        log_event("a document is not usable", level="warning", error=str(error))
        return _Known(stamps, frozenset(), not _is_trouble(error))


def _is_trouble(error: Exception) -> bool:
    """Whether it says something of the machine, and nothing of the document."""
    return isinstance(error, OSError) and not isinstance(error, _FACTS)


def _subjects(path: Path) -> frozenset[bytes]:
    """Return the artifacts that a document names; FormatError, or OSError."""
    document = read_document(path)
    if isinstance(document, Attested):
        require_few_values("an envelope", document.envelope, MAX_ENVELOPE_VALUES)
        envelope = Envelope.parse(document.envelope)
    elif isinstance(document, Bundled):
        content = Bundle.parse(document.bundle).content
        if not isinstance(content, Envelope):
            return frozenset()
        envelope = content
    else:
        raise FormatError("a document of a folder is an envelope or a bundle")
    subjects = parse_statement(envelope).subjects
    return frozenset(it.sha256 for it in subjects if it.sha256 is not None)


def _inverted(known: Mapping[str, _Known]) -> dict[bytes, tuple[str, ...]]:
    found: dict[bytes, list[str]] = {}
    for name, it in known.items():
        _append(found, it.sha256s, name)
    return {sha256: tuple(names) for sha256, names in found.items()}


def _append(found: dict[bytes, list[str]], sha256s: Iterable[bytes], name: str) -> None:
    for sha256 in sha256s:
        found.setdefault(sha256, []).append(name)
