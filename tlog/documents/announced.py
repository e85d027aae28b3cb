"""SBOMs that nodes tell each other of, because each has an index of components.

    sboms/<POSIX seconds, 12 digits>-<64 hex>-<entry>     empty

An SBOM is announced before it is stored.  Whoever looks lists the names behind those
that it knows, and the last of them again: clocks of nodes differ, and a document may be
stored long after it was announced.
"""

import re
from pathlib import Path
from threading import Lock
from typing import Final

from tlog.clock import SystemClock
from tlog.documents.components import ComponentIndex
from tlog.documents.shelf import Shelf
from tlog.folders import PRIVATE_FILE, write_whole

OVERLAP_S: Final = 600
"""How far clocks may differ, and how long an upload may last."""

_NAME: Final = re.compile(r"sboms/([0-9]{12})-([0-9a-f]{64})-([0-9]{1,19})")


class Announced:
    """The announcements in one store; mark: a file of this process's folder."""

    def __init__(self, shelf: Shelf, components: ComponentIndex, mark: Path) -> None:
        self._shelf = shelf
        self._components = components
        self._mark = mark
        self._recent: frozenset[str] = frozenset()
        self._lock = Lock()

    def tell(self, digest: bytes, entry: int) -> None:
        """Tell the other nodes that an entry names a document as an SBOM."""
        now_s = SystemClock().now_s()
        self._shelf.create(f"sboms/{now_s:012d}-{digest.hex()}-{entry}", b"")

    def catch_up(self) -> None:
        """Note what other nodes have told since the last time."""
        with self._lock:
            found = [it.name for it in self._shelf.files("sboms", self._after())]
            named: dict[bytes, list[int]] = {}
            for name in found:
                told = _NAME.fullmatch(name)
                if told is not None and name not in self._recent:
                    named.setdefault(bytes.fromhex(told[2]), []).append(int(told[3]))
            if named:
                self._components.note_all(named)
                write_whole(self._mark, found[-1].encode(), mode=PRIVATE_FILE)
            self._recent = frozenset(found)

    def forget(self, digest: bytes) -> None:
        """Note a document again if it was announced a moment ago."""
        with self._lock:
            digits = digest.hex()
            self._recent = frozenset(it for it in self._recent if digits not in it)

    def _after(self) -> str:
        """Return a name that is behind nothing which may be new."""
        known = self._mark.read_text() if self._mark.exists() else ""
        told = _NAME.fullmatch(known)
        if told is None:
            return ""
        # A clock that is ahead must not hide what others announce by theirs.
        last_s = min(int(told[1]), SystemClock().now_s())
        return f"sboms/{max(last_s - OVERLAP_S, 0):012d}"
