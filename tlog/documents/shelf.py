"""Where a store keeps its files, by name.  The seam, and drafts on their way there.

    documents.format    the version of this layout
    cold                where the cold tier is, if there is one
    stored/<first 2 hex digits>/<64 hex>         a document, under its SHA-256
    stored/<first 2 hex digits>/<64 hex>.damaged in a cold tier, what has changed
    pending/<64 hex>    documents that came before their entry, for a while
    facts/<2>/<64 hex>.json   what is known of each document beside its bytes
    tombs/<2>/<64 hex>.json   a tombstone for each document that was removed
    intents/<64 hex>    dispositions on their way into the log
    damaged/<64 hex>    what did not have its digest, kept for a person to look at
    sboms/              in a bucket, which SBOMs came when: for the nodes' indexes

What has its name is whole and durable, and what is written under a name is there as a
whole or as it was.  All methods raise OSError or MachineError where the machine, or the
store behind its network, cannot do its work now: that says nothing about a file.

A draft lies on this machine, until all of it came and its hash is known.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

from tlog.durable.database import RESERVE_BYTES
from tlog.durable.disk import free_bytes
from tlog.errors import BusyError
from tlog.folders import PRIVATE_FILE

_NAME: Final = re.compile(r"[0-9a-f]{64}")
_OF_NOTHING: Final = hashlib.sha256().digest()
# As much again as the log keeps free for its own commits: entries go before documents.
_RESERVE_BYTES: Final = 2 * RESERVE_BYTES


class Listed(NamedTuple):
    """A file by its whole name; size: in bytes."""

    name: str
    size: int


class Reader(Protocol):
    """A file as it was when it was opened; modified_s: when it was written.

    e_tag: what tells it from others of its name, where there can be others.
    """

    size: int
    modified_s: int
    e_tag: str

    def read(self, at: int, most: int) -> bytes:
        """Return up to `most` bytes from a place on; none at all behind the end.

        FileNotFoundError if it has gone since.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Shelf(Protocol):
    """The files of one store, or of its cold tier; from any thread.

    where: in words.  is_far: each call waits for a network, so that many go at once.
    failures: how often that could not be reached, or not do its work.
    """

    where: str
    is_far: bool
    failures: int

    def prepare(self) -> None:
        """Make ready what is missing."""
        ...

    def sweep(self) -> None:
        """Remove the drafts that a process left; for who holds the store."""
        ...

    def begin(self, needed_bytes: int) -> "Draft":
        """Return an empty draft; BusyError if the disk has no room for so much."""
        ...

    def open(self, name: str) -> Reader | None:
        """Return a file to read, or None."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size of a file, or None; nothing of its bytes is read."""
        ...

    def files(self, folder: str, after: str = "") -> Iterator[Listed]:
        """Return all files below a folder, ascending by name; after: and behind it."""
        ...

    def adopt(self, draft: "Draft", name: str) -> None:
        """Give a whole draft its name, in the place of whatever has it."""
        ...

    def confirm(self, name: str) -> None:
        """Make a name durable that another writer may have given."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file durably, if it is there."""
        ...

    def put_aside(self, name: str, aside: str, seen: Reader) -> bool:
        """Give a file that has changed another name, so that nobody gets it.

        seen: the file that was read; what was written there since stays.  Tells whether
        it is put aside.  What is left under its own name, if anything, is empty.
        """
        ...

    def read(self, name: str, most: int) -> bytes | None:
        """Return a small file, or None; FormatError if it is longer than `most`."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, in the place of whatever has its name."""
        ...

    def create(self, name: str, content: bytes) -> None:
        """Write a small file, unless there is one of its name: that one stays."""
        ...

    def change(
        self, name: str, most: int, edit: Callable[[bytes | None], bytes]
    ) -> bytes:
        """Replace a small file by what `edit` makes of it; return that.

        edit: is called with what is there or None, and again where another process has
        changed that meanwhile.  Raises as `read`.
        """
        ...


class Draft:
    """A document on its way: its bytes so far, their count and their hash.

    A context manager: what was not adopted is gone at its end.
    """

    def __init__(self, folder: Path) -> None:
        """Make an empty file of mode 0600 in `folder`."""
        self.path = folder / f"{secrets.token_hex(16)}.new"
        self.size = 0
        self.is_adopted = False
        self._hash = hashlib.sha256()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, PRIVATE_FILE)
        os.fchmod(self._descriptor, PRIVATE_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if not self.is_adopted:
            self.path.unlink(missing_ok=True)

    @property
    def digest(self) -> bytes:
        """The SHA-256 of what was written so far."""
        return self._hash.digest()

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._hash.update(piece)
        self.size += len(piece)

    def sync(self) -> None:
        """Make the bytes durable."""
        os.fsync(self._descriptor)


def begin_draft(folder: Path, needed_bytes: int) -> Draft:
    """Return an empty draft; BusyError if the disk has no room for so much."""
    if free_bytes(folder) < _RESERVE_BYTES + needed_bytes:
        raise BusyError("the disk is nearly full", retry_after_s=30)
    return Draft(folder)


def stored_at(digest: bytes) -> str:
    """Return the name of a stored document."""
    digits = digest.hex()
    return f"stored/{digits[:2]}/{digits}"


def beside_at(folder: str, digest: bytes) -> str:
    """Return the name of what a folder has of a document: facts, tombs."""
    digits = digest.hex()
    return f"{folder}/{digits[:2]}/{digits}.json"


def digest_of(name: str) -> bytes | None:
    """Return the digest that a file is named by, or None."""
    found = name.rpartition("/")[2].removesuffix(".json")
    return bytes.fromhex(found) if _NAME.fullmatch(found) is not None else None


def stored_on(shelf: Shelf) -> Iterator[tuple[bytes, int]]:
    """Return digest and size of all documents of one tier, ascending."""
    for it in shelf.files("stored"):
        if not it.name.endswith(".json") and (digest := digest_of(it.name)) is not None:
            yield digest, it.size


def is_emptied(digest: bytes, size: int) -> bool:
    """Whether a file cannot be what it is named by, because nothing is in it."""
    return size == 0 and digest != _OF_NOTHING
