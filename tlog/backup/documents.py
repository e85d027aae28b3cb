"""The documents that a log keeps, mirrored into a copy.

Tombstones come last, and what they name is removed: a document that was redacted leaves
the copy at the next run, and one that was redacted within a run is gone at its end.  A
document's name is the digest of its bytes, and bytes that have another digest are not
copied.
"""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from tlog.errors import MISSING
from tlog.folders import PRIVATE_FILE, PRIVATE_FOLDER, make_folders, set_mode
from tlogverify.files import sha256_file

_FORMAT: Final = "documents.format"
_BESIDE: Final = ("facts", "tombs")


def mirror_documents(source: Path, target: Path) -> tuple[int, tuple[str, ...]]:
    """Copy what is new; return how many documents, and the digests of damaged ones.

    source: the folder of documents; without one nothing is done.
    """
    if not (source / _FORMAT).exists():
        return 0, ()
    make_folders(target, PRIVATE_FOLDER)
    _copy(source / _FORMAT, target / _FORMAT)
    removed = {path.stem for path in _files(source / "tombs")}
    told = _copy_stored(source, target, removed)
    for kind in _BESIDE:
        for path in _files(source / kind):
            copied = target / path.relative_to(source)
            if _differs(path, copied):
                with suppress(*MISSING):
                    _copy(path, copied)
    removed = {path.stem for path in _files(target / "tombs")}
    for path in _files(target / "stored"):
        if path.name in removed:
            path.unlink()
    return told


def _copy_stored(
    source: Path, target: Path, removed: Collection[str]
) -> tuple[int, tuple[str, ...]]:
    count, damaged = 0, list[str]()
    for path in _files(source / "stored"):
        copied = target / path.relative_to(source)
        if path.name in removed or copied.exists():
            continue
        try:
            is_whole = _copy(path, copied, digest=path.name)
        except MISSING:
            # It was removed since: its tombstone comes with the next run.
            continue
        if is_whole:
            count += 1
        else:
            damaged.append(f"sha256:{path.name}")
    return count, tuple(damaged)


def _files(folder: Path) -> list[Path]:
    found = folder.rglob("*")
    return sorted(it for it in found if not it.name.startswith(".") and it.is_file())


def _differs(path: Path, copied: Path) -> bool:
    return not copied.exists() or copied.read_bytes() != path.read_bytes()


def _copy(path: Path, copied: Path, *, digest: str = "") -> bool:
    """Copy a file durably; tell whether its bytes have the digest, if one is given."""
    make_folders(copied.parent, PRIVATE_FOLDER)
    draft = copied.with_name(f".{copied.name}.new")
    shutil.copyfile(path, draft)
    if digest and sha256_file(draft).hex() != digest:
        draft.unlink()
        return False
    set_mode(draft, PRIVATE_FILE)
    _sync(draft)
    draft.replace(copied)
    _sync(copied.parent)
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
