"""The layout of a log's folder, its lock and its format version.

lock            held by the one process that may write
format          the version of this layout
log.vkey        the log's verifier keys, one a line
policy          this log, and its witnesses if it has any: what to hand to verifiers
keys/           private keys, 0700; each file 0600
journal.db      SQLite
index/          RocksDB, derived
contradictions  what witnesses have said against the log, if they have
tmp/            files on their way to their place
moved           only if the log lies elsewhere now, or is on its way here
stored          a head signed by the log alone, whose tiles are durable; only where the
                public checkpoint waits for cosignatures
public/         what any static file server may serve: checkpoint, tile/...
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.errors import CorruptError, RejectedError
from tlog.folders import (
    hold_folder,
    make_role_folder,
    making_folder,
    require_own_folder,
    set_modes,
)

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class FolderLayout:
    """Where each part of a log lies below `root`."""

    root: Path

    @property
    def format_file(self) -> Path:
        """The version of this layout, a decimal and LF."""
        return self.root / "format"

    @property
    def vkey_file(self) -> Path:
        """The log's verifier keys."""
        return self.root / "log.vkey"

    @property
    def policy_file(self) -> Path:
        """The policy for those who verify."""
        return self.root / "policy"

    @property
    def keys(self) -> Path:
        """The folder of the private keys."""
        return self.root / "keys"

    @property
    def eras(self) -> Path:
        """Which keys the log has had; only where one has changed."""
        return self.keys / "rotation.json"

    @property
    def journal(self) -> Path:
        """The SQLite file."""
        return self.root / "journal.db"

    @property
    def index(self) -> Path:
        """The RocksDB folder."""
        return self.root / "index"

    @property
    def temporary(self) -> Path:
        """The folder of files on their way to their place; emptied at start."""
        return self.root / "tmp"

    @property
    def contradictions(self) -> Path:
        """What witnesses have said against the log."""
        return self.root / "contradictions"

    @property
    def moved(self) -> Path:
        """The mark of a log that has moved, or that is on its way here."""
        return self.root / "moved"

    @property
    def public(self) -> Path:
        """The folder that is served."""
        return self.root / "public"


class LogFolder:
    """A log's folder, made if it is new, held by this process until `close`."""

    def __init__(self, root: Path) -> None:
        """Take the folder.

        Raises RejectedError if it is no folder, another process holds it or the format
        is newer than this software, CorruptError if its version cannot be read, and
        OSError that names the folder if it cannot be made or written to.
        """
        self.layout = FolderLayout(root)
        require_own_folder(root, "log")
        with making_folder(root):
            make_role_folder(root, "log")
            for folder in (root.parent, root):
                SystemDisk().sync_folder(folder)
        self._lock = hold_folder(root)
        try:
            self._require_format()
            set_modes(root, "log")
        except BaseException:
            self._lock.release()
            raise
        for leftover in self.layout.temporary.iterdir():
            leftover.unlink()

    def close(self) -> None:
        """Let another process take the folder."""
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_locked(self) -> bool:
        """Whether this process still holds the lock."""
        return self._lock.is_locked

    def _require_format(self) -> None:
        file = self.layout.format_file
        if not file.exists():
            if self.layout.journal.exists():
                raise CorruptError(str(file), "the format version is missing")
            version = b"%d\n" % FORMAT_VERSION
            layout = self.layout
            DurableFolder(layout.root, layout.temporary, SystemDisk()).put(
                {file: version}
            )
        found = file.read_bytes()
        if not found.strip().isdigit():
            raise CorruptError(str(file), "the format version is not a number")
        if int(found) > FORMAT_VERSION:
            raise RejectedError(
                f"{file} says {int(found)}; this software knows up to "
                f"{FORMAT_VERSION}: install a newer tlog-server",
            )
