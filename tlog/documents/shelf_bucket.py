"""A store in a bucket that several nodes write, with no lock between them.

A document's name says what its bytes are: whoever writes it writes the same.  What is
known of a document is changed by its ETag, and a tombstone is created once.  What has
changed in the bucket is put aside by its ETag too, so that the right bytes, which
another node may store at that moment, stay.

A long document is read in ranges and written in parts: it never lies in memory as a
whole.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from tlog.documents.shelf import Draft, Listed, Reader, begin_draft
from tlog.durable.bucket import (
    FoundObject,
    get_object,
    open_bucket,
    probe_bucket,
    require_e_tag,
    telling,
)
from tlog.errors import BusyError, MachineError

SHORT_BYTES: Final = 256 << 10
"""A piece, as `tlog.documents.checked` reads them."""

_PART_BYTES: Final = 5 << 20
_MOST_PARTS: Final = 10_000
_PARTS_AT_ONCE: Final = 1
_ATTEMPTS: Final = 32


class BucketShelf:
    """The objects below a prefix; drafts: a folder of this machine.

    failures: how many questions ended by an OSError; what is not there is none.
    """

    is_far = True

    def __init__(self, store: S3Store, where: str, drafts: Path) -> None:
        """Use a client whose keys are below the prefix; where: its URL."""
        self.where = where
        self._store = store
        self._drafts = drafts
        self.failures = 0

    def prepare(self) -> None:
        """Require that the bucket can be used, and tells writers apart.

        Raises RejectedError if not, MachineError if it does not answer now.
        """
        try:
            probe_bucket(self._store, f"probe/{secrets.token_hex(8)}")
        except OSError as error:
            raise MachineError(f"{self.where} cannot be used now: {error}") from error

    def sweep(self) -> None:
        """Remove the drafts that a process left; for who holds their folder."""
        for leftover in self._drafts.iterdir():
            leftover.unlink(missing_ok=True)

    def begin(self, needed_bytes: int) -> Draft:
        """Return an empty draft; BusyError if this disk has no room for so much."""
        return begin_draft(self._drafts, needed_bytes)

    def open(self, name: str) -> "ObjectReader | None":
        """Return an object to read, or None; a short one is read already."""
        try:
            with self._telling(name):
                return ObjectReader(self._store, name, self._telling)
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int | None:
        """Return the size of an object, or None."""
        try:
            with self._telling(name):
                return int(obstore.head(self._store, name)["size"])
        except FileNotFoundError:
            # The answer to HEAD has no words: whether the bucket is there is asked.
            found = self.open(name)
            return None if found is None else found.size

    def files(self, folder: str, after: str = "") -> Iterator[Listed]:
        """Return all objects below a folder, ascending by name."""
        with self._telling(folder):
            listed = obstore.list(
                self._store, f"{folder}/", offset=after or None, chunk_size=1_000
            )
            for page in listed:
                for it in page:
                    yield Listed(it["path"], int(it["size"]))

    def adopt(self, draft: Draft, name: str) -> None:
        """Write a whole draft under its name, in parts if it is long."""
        with self._telling(name):
            obstore.put(
                self._store,
                name,
                draft.path,
                chunk_size=max(_PART_BYTES, -(-draft.size // _MOST_PARTS)),
                max_concurrency=_PARTS_AT_ONCE,
            )

    def confirm(self, name: str) -> None:
        """Do nothing: what can be read in a bucket is durable."""

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError), self._telling(name):
            obstore.delete(self._store, name)

    def put_aside(self, name: str, aside: str, seen: Reader) -> bool:
        """Copy an object to another name, and empty it if it is still as it was seen.

        No object is removed here: none can be on a condition.
        """
        if not seen.size:
            is_known = self.size(aside) is not None
            self.create(aside, b"")
            return not is_known
        try:
            with self._telling(name):
                obstore.copy(self._store, name, aside)
                obstore.put(self._store, name, b"", mode={"e_tag": seen.e_tag})
        except FileNotFoundError:
            return False
        except PreconditionError:
            # Another reader, or this one, whose answer was lost; or other bytes came.
            is_emptied = self.size(name) == 0
            if not is_emptied:
                self.remove(aside)
            return is_emptied
        return True

    def read(self, name: str, most: int) -> bytes | None:
        """Return a small object, or None; FormatError if it is longer."""
        found = self._read(name, most)
        return None if found is None else found.content

    def write(self, name: str, content: bytes) -> None:
        """Write a small object, in the place of whatever has its name."""
        with self._telling(name):
            obstore.put(self._store, name, content)

    def create(self, name: str, content: bytes) -> None:
        """Write a small object, unless there is one of its name."""
        with suppress(AlreadyExistsError), self._telling(name):
            obstore.put(self._store, name, content, mode="create")

    def change(
        self, name: str, most: int, edit: Callable[[bytes | None], bytes]
    ) -> bytes:
        """Replace a small object if nobody else does, and else begin again.

        Raises BusyError if too many others do so.
        """
        for _ in range(_ATTEMPTS):
            known = self._read(name, most)
            content = edit(None if known is None else known.content)
            if known is not None and known.content == content:
                return content
            try:
                with self._telling(name):
                    if known is None:
                        obstore.put(self._store, name, content, mode="create")
                    else:
                        obstore.put(
                            self._store, name, content, mode={"e_tag": known.e_tag}
                        )
            except (AlreadyExistsError, PreconditionError):
                # Another node was first, or this one, whose answer was lost.
                continue
            return content
        raise BusyError(f"too many write {name}", retry_after_s=1)

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Let the store's trouble leave the body as OSError, and count it."""
        try:
            with telling(name):
                yield
        except FileNotFoundError:
            raise
        except OSError:
            # Several threads may count at once: one that is lost does no harm.
            self.failures += 1
            raise

    def _read(self, name: str, most: int) -> FoundObject | None:
        try:
            with self._telling(name):
                return get_object(self._store, name, most)
        except FileNotFoundError:
            return None


class ObjectReader:
    """An object, of which a short one is read when it is opened; e_tag: of then.

    What is read later may be of another object of that name: who reads compares hashes.
    """

    def __init__(
        self,
        store: S3Store,
        name: str,
        telling: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """Ask for an object; raises as obstore does.

        telling: lets the trouble of what is read later leave as OSError.
        """
        self._telling = telling
        self._store = store
        self._name = name
        found = obstore.get(store, name)
        self.size = int(found.meta["size"])
        self.modified_s = int(found.meta["last_modified"].timestamp())
        self.e_tag = require_e_tag(name, found.meta["e_tag"])
        self._content = bytes(found.bytes()) if self.size <= SHORT_BYTES else None

    def read(self, at: int, most: int) -> bytes:
        """Return up to `most` bytes from a place on; FileNotFoundError if it went."""
        end = min(at + most, self.size)
        if self._content is not None:
            return self._content[at:end]
        if at >= end:
            return b""
        with self._telling(self._name):
            return bytes(obstore.get_range(self._store, self._name, start=at, end=end))

    def close(self) -> None:
        """Do nothing: no connection waits for it."""


def open_shelf(url: str, drafts: Path) -> BucketShelf:
    """Return the files of a store at s3://BUCKET/PREFIX; drafts: a folder that exists.

    Raises RejectedError if the URL or the environment names no bucket.
    """
    return BucketShelf(open_bucket(url), url, drafts)
