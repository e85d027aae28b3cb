"""Where a copy lies, and the one file that says what it holds.

    copy.json     the head, the public checkpoint, and the peaks of its full bundles
    lock          held by a run or a restore
    tile/entries  entry bundles, at their paths of tlog-tiles
    files/        keys and the small files of the log's folder; 0700
    documents/    the documents that the log keeps
    tmp/          drafts

`copy.json` is replaced last of all, when what it names is durable: so a copy never
claims more than it holds, wherever a run was ended.  No log can be started on a place:
`tlog restore` asks the witnesses first.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.errors import CorruptError, RejectedError
from tlog.folders import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    hold_folder,
    make_folders,
    making_folder,
    write_whole,
)
from tlog.fsck.peaks import Peaks
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError, SignatureError
from tlogverify.hashing import HASH_SIZE
from tlogverify.keys import VerifierKey, parse_verifier_key
from tlogverify.signed import open_checkpoint
from tlogverify.tiles import Tile

_VERSION: Final = 1
VKEYS: Final = "log.vkey"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a place holds.

    note: the newest head, signed by the log.  shown: the public checkpoint, which may
    have cosignatures and is not larger; None before the first.  peaks: the roots of the
    complete subtrees that cover the full bundles, with their heights, largest first.
    """

    note: bytes
    shown: bytes | None
    peaks: tuple[tuple[int, bytes], ...] = ()

    def encode(self) -> bytes:
        """Return the text of `copy.json`."""
        document = {
            "version": _VERSION,
            "head": self.note.decode(),
            "checkpoint": None if self.shown is None else self.shown.decode(),
            "peaks": [
                [height, base64.b64encode(root).decode()] for height, root in self.peaks
            ],
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    def grown(self) -> Peaks:
        """Return the peaks to go on from."""
        peaks = Peaks()
        for height, root in self.peaks:
            peaks.push(height, root)
        return peaks


class Place:
    """A place that this process holds until `close`."""

    def __init__(self, root: Path, *, makes: bool) -> None:
        """Take the place; makes: it may be new.

        Raises RejectedError if it is no place, or another process holds it.
        """
        self.root = root
        if not self._file.exists() and not makes:
            raise RejectedError(f"{root} holds no copy of a log")
        if self._is_foreign():
            raise RejectedError(
                f"{root} holds something else: a copy needs a folder of its own"
            )
        with making_folder(root):
            for folder in (root, self.files, self._temporary):
                make_folders(folder, PRIVATE_FOLDER)
            SystemDisk().sync_folder(root.parent)
        self._lock: FileLock = hold_folder(root)
        for leftover in self._temporary.iterdir():
            leftover.unlink()

    @property
    def files(self) -> Path:
        """The folder of keys and small files."""
        return self.root / "files"

    @property
    def documents(self) -> Path:
        """The folder of documents."""
        return self.root / "documents"

    @property
    def _file(self) -> Path:
        return self.root / "copy.json"

    @property
    def _temporary(self) -> Path:
        return self.root / "tmp"

    def close(self) -> None:
        """Let another process take the place."""
        self._lock.release()

    def durable(self) -> DurableFolder:
        """Return the folder to write bundles into."""
        return DurableFolder(self.root, self._temporary, SystemDisk())

    def path(self, bundle: Tile) -> Path:
        """Return where a bundle lies or would lie."""
        return self.root / bundle.path

    def read(self) -> Copy | None:
        """Return what the place holds; None before the first run has ended.

        Raises CorruptError if it cannot be read.
        """
        try:
            found = self._file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _parse(json.loads(found))
        except (ValueError, TypeError, KeyError) as error:
            raise CorruptError(str(self._file), "is not what a run writes") from error

    def replace(self, copy: Copy) -> None:
        """Let the place hold this from now on: the commit point of a run."""
        write_whole(self._file, copy.encode(), mode=PRIVATE_FILE)

    def _is_foreign(self) -> bool:
        """Whether the folder holds what no run has made."""
        if not self.root.is_dir() or (self.root / "lock").exists():
            return (self.root / "format").exists()
        return any(self.root.iterdir())


def read_keys(folder: Path) -> list[VerifierKey]:
    """Return the verifier keys of the log; CorruptError without any."""
    try:
        lines = (folder / VKEYS).read_bytes().split()
        keys = [parse_verifier_key(line) for line in lines]
    except (OSError, FormatError) as error:
        raise CorruptError(str(folder / VKEYS), str(error)) from error
    if not keys:
        raise CorruptError(str(folder / VKEYS), "has no key")
    return keys


def open_head(note: bytes, keys: Sequence[VerifierKey], where: str) -> Checkpoint:
    """Return a head that the log's keys signed; CorruptError for any other."""
    try:
        return open_checkpoint(note, *keys)
    except (FormatError, SignatureError) as error:
        raise CorruptError(where, str(error)) from error


def _parse(document: dict[str, object]) -> Copy:
    note, shown, peaks = document["head"], document["checkpoint"], document["peaks"]
    if document["version"] != _VERSION or not isinstance(note, str):
        raise ValueError
    if not isinstance(peaks, list) or not isinstance(shown, str | None):
        raise TypeError
    parsed = [
        (int(height), base64.b64decode(root, validate=True)) for height, root in peaks
    ]
    if any(len(root) != HASH_SIZE for _, root in parsed):
        raise ValueError
    return Copy(note.encode(), None if shown is None else shown.encode(), tuple(parsed))
