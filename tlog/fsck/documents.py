"""The documents of a store, judged from their bytes alone.

Every file under `stored/` is hashed, of the cold tier too.  Every tombstone must be the
tombstone of its name, and nothing may lie where a tombstone says that it is gone.  The
store may be in use: what goes meanwhile is passed over.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from tlog.errors import RejectedError
from tlog.fsck.damage import DamageError
from tlogverify.bundles import Progress

BLOCK_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[0-9a-f]{64}")
_FORMAT: Final = "documents.format"
_MAX_TOMBSTONE_BYTES: Final = 16 << 10
_MAX_COLD_BYTES: Final = 8 << 10


class DocumentFiles(Protocol):
    """The files of one tier, by their names below its root."""

    root: str

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of all files below a folder, ascending."""
        ...

    def blocks(self, name: str) -> Iterator[bytes]:
        """Return the bytes of a file; FileNotFoundError if it is not there."""
        ...


OpenFiles = Callable[[str], DocumentFiles]
"""Opens a tier at s3://BUCKET/PREFIX."""


class FolderFiles:
    """The files below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._root = root

    def names(self, folder: str) -> Sequence[str]:
        """Return the names of all files below a folder, ascending."""
        if folder == "stored":
            # Without this folder there is no tier, and nothing was verified.
            (self._root / folder).stat()
        found = (self._root / folder).rglob("*")
        return sorted(
            it.relative_to(self._root).as_posix()
            for it in found
            if it.is_symlink() or not it.is_dir()
        )

    def blocks(self, name: str) -> Iterator[bytes]:
        """Return the bytes of a file, and not of what a link leads to."""
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block


class Documents(NamedTuple):
    """How many documents were found whole, and how many tombstones."""

    whole: int
    gone: int


def find_documents(root: Path | str, open_files: OpenFiles) -> DocumentFiles:
    """Return the files of a store, which may be named by its log's place too.

    Raises RejectedError if there is none.
    """
    if isinstance(root, Path):
        places: list[DocumentFiles] = [
            FolderFiles(root),
            FolderFiles(root / "documents"),
        ]
    else:
        url = root.rstrip("/")
        places = [open_files(url), open_files(f"{url}/documents")]
    for files in places:
        if _read(files, _FORMAT, BLOCK_BYTES) is not None:
            return files
    raise RejectedError(f"{root} holds no documents: name their folder")


def check_documents(
    files: DocumentFiles, open_files: OpenFiles, progress: Progress
) -> Documents:
    """Hash all documents of a store and of its cold tier.

    Raises DamageError naming the first that is damaged, OSError if the machine cannot
    read one.
    """
    gone = set(_tombstones(files))
    tiers = [files, *_cold(files, open_files)]
    found = [(tier, name) for tier in tiers for name in tier.names("stored")]
    for done, (tier, name) in enumerate(found):
        _check(tier, name, gone)
        progress(done + 1, len(found))
    present = {name.rpartition("/")[2] for _, name in found}
    for name in files.names("damaged"):
        if name.rpartition("/")[2] not in gone | present:
            where = f"{files.root}/{name}"
            raise DamageError("document", where, "was found changed and put aside")
    return Documents(len(found), len(gone))


def _check(tier: DocumentFiles, name: str, gone: set[str]) -> None:
    where = f"{tier.root}/{name}"
    _, folder, digits = f"/{name}".rsplit("/", 2)
    if digits in gone:
        raise DamageError(
            "document", where, "lies here, and its tombstone says that it is gone"
        )
    if _NAME.fullmatch(digits) is None or folder != digits[:2]:
        raise DamageError("document", where, "is none of ours by its name")
    state = hashlib.sha256()
    try:
        for block in tier.blocks(name):
            state.update(block)
    except FileNotFoundError:
        return  # it went meanwhile
    if state.hexdigest() != digits:
        raise DamageError("document", where, "does not have the digest of its name")


def _cold(files: DocumentFiles, open_files: OpenFiles) -> Iterator[DocumentFiles]:
    content = _read(files, "cold", _MAX_COLD_BYTES)
    if content is not None:
        named = content.decode("utf-8", "surrogateescape").strip("\n")
        is_far = named.startswith("s3://")
        yield open_files(named) if is_far else FolderFiles(Path(named))


def _tombstones(files: DocumentFiles) -> Iterator[str]:
    for name in files.names("tombs"):
        digits = name.rpartition("/")[2].removesuffix(".json")
        if not name.endswith(".json") or digits.startswith("."):
            continue
        content = _read(files, name, _MAX_TOMBSTONE_BYTES + 1) or b""
        try:
            named = json.loads(content[: _MAX_TOMBSTONE_BYTES + 1])["digest"]
        except (ValueError, KeyError, TypeError, RecursionError):
            named = None
        if named != f"sha256:{digits}":
            where = f"{files.root}/{name}"
            raise DamageError("document", where, "is no tombstone of its name")
        yield digits


def _read(files: DocumentFiles, name: str, most: int) -> bytes | None:
    """Return the first bytes of a file; None if it is not there."""
    content = b""
    try:
        for block in files.blocks(name):
            content += block
            if len(content) >= most:
                break
    except (FileNotFoundError, NotADirectoryError):
        return None
    return content[:most]
