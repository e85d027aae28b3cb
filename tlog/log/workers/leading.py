"""Questions to the process that writes, over its Unix socket.

The socket has mode 0600 and lies in a folder of mode 0700, and each question has a
secret that the processes of one start share.

    POST /nodes/v1/entries        as between nodes: a bunch, then its outcomes
    POST /front/v1/search         Search, then indexes, ascending
    POST /front/v1/known          leaf hashes, then an index or null for each
    GET  /front/v1/head?note=<hex of its SHA-256>    a head, as the board has it
    GET  /tile/...                as everybody is answered
"""

import os
import socket
import threading
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import msgspec

from tlog.errors import BusyError, MachineError, RejectedError
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.nodes.forwarding import Terms
from tlog.log.nodes.link import Link, NotReachedError
from tlog.log.storage.writers import Writer
from tlog.log.workers.board import Reader, note_digest
from tlogverify.errors import FormatError

SEARCH: Final = "/front/v1/search"
KNOWN: Final = "/front/v1/known"
HEAD: Final = "/front/v1/head"
SOCKET: Final = "leader.sock"

# The address of a Unix socket has 108 bytes on Linux, and fewer elsewhere.
_ADDRESS_BYTES: Final = 100
_OWN_FILES: Final = Path("/proc/self/fd")
_GONE_S: Final = 0.5
# With two under way both are smaller, and a bunch costs who writes as much as entries.
_AT_ONCE: Final = 1


class Search(msgspec.Struct, frozen=True):
    """Up to `limit` indexes are asked for that `key` finds, from `start` on."""

    key: bytes
    start: int
    limit: int


_search: Final = msgspec.msgpack.Decoder(Search)
_indexes: Final = msgspec.msgpack.Decoder(list[int])
_places: Final = msgspec.msgpack.Decoder(list[int | None])
_hashes: Final = msgspec.msgpack.Decoder(list[bytes])
_encode: Final = msgspec.msgpack.encode


def parse_search(body: bytes) -> Search:
    """Return what is searched for; FormatError if that cannot be read."""
    try:
        return _search.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"a front end searches: {error}") from error


def parse_known(body: bytes) -> list[bytes]:
    """Return leaf hashes; FormatError if these are none."""
    try:
        return _hashes.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"a front end looks for leaves: {error}") from error


def address_of(path: Path) -> str:
    """Return a name of a path that fits into the address of a Unix socket.

    A long one is told through its folder, which stays open in this process.

    Raises RejectedError where that cannot be done.
    """
    if len(os.fsencode(path)) <= _ADDRESS_BYTES:
        return str(path)
    if not _OWN_FILES.is_dir():
        raise RejectedError(f"{path} is too long for a socket: choose another --data")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    return str(_OWN_FILES / str(folder) / path.name)


class Leader:
    """The process that writes, for one front end; its methods from any thread.

    prefix: of the log's URL.  It is the log elsewhere of `tlog.log.nodes.forwarding`.
    """

    def __init__(self, path: Path, secret: bytes, prefix: str, reader: Reader) -> None:
        self.address = address_of(path)
        self.writer = Writer(0, f"http://leader{prefix}", secret)
        self._reader = reader
        self._own = threading.local()
        self._links: list[Link] = []

    @property
    def terms(self) -> Terms:
        """The terms on which it is asked: it is there, or the whole log ends."""
        return Terms(_GONE_S, self._link, is_final=True, at_once=_AT_ONCE)

    @property
    def signed(self) -> Snapshot:
        """The newest signed head."""
        return self._reader.stand.signed

    def snapshot_of(self, note: bytes, timeout_s: float) -> Snapshot | None:
        """Return the snapshot of a signed head, which was posted before it is told."""
        if (found := self._reader.head(note)) is not None:
            return found
        content = self.ask("GET", f"{HEAD}?note={note_digest(note)}")
        return self._reader.take(content) if content else None

    def search(self, key: bytes, start: int, limit: int) -> list[int]:
        """Return up to `limit` indexes of entries that `key` finds, from `start`."""
        body = self.ask("POST", SEARCH, _encode(Search(key, start, limit)))
        return _indexes.decode(body)

    def find(self, leaf_hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Return the indexes of those of `leaf_hashes` that the log has."""
        body = self.ask("POST", KNOWN, _encode(list(leaf_hashes)))
        found = zip(leaf_hashes, _places.decode(body), strict=True)
        return {it: index for it, index in found if index is not None}

    def close(self) -> None:
        """End all conversations, once nobody asks any more."""
        for it in self._links:
            it.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return an answer; MachineError if there is none."""
        link: Link | None = getattr(self._own, "link", None)
        if link is None:
            link = self._own.link = self._link()
            self._links.append(link)
        try:
            return link.ask(self.writer, method, path, body)
        except NotReachedError:
            raise
        except BusyError as error:
            raise MachineError(str(error)) from error

    def _link(self) -> Link:
        return Link(None, lambda _: _UnixConnection(self.address))


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, address: str) -> None:
        super().__init__("leader")
        self._address = address

    def connect(self) -> None:  # type: ignore[explicit-override]  # typing: from 3.12
        """Connect; OSError if nobody listens there."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._address)
