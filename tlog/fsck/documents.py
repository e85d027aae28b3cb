"""The documents of a folder, judged from their bytes alone.

Every file under `stored/` is hashed, of the cold tier too.  Every tombstone must be the
tombstone of its name, and nothing may lie where a tombstone says that it is gone.  The
store may be in use: what goes meanwhile is passed over.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tlog.errors import RejectedError
from tlog.fsck.damage import DamageError
from tlogverify.bundles import Progress

_NAME: Final = re.compile(r"[0-9a-f]{64}")
_BLOCK_BYTES: Final = 1 << 20
_MAX_TOMBSTONE_BYTES: Final = 16 << 10


class Documents(NamedTuple):
    """How many documents were found whole, and how many tombstones."""

    whole: int
    gone: int


def find_documents(root: Path) -> Path:
    """Return the folder of the store in a log's folder, or of the store itself.

    Raises RejectedError if there is none.
    """
    for folder in (root, root / "documents"):
        if (folder / "documents.format").exists():
            return folder
    raise RejectedError(f"{root} holds no documents: name their folder")


def check_documents(root: Path, progress: Progress) -> Documents:
    """Hash all documents of a store and of its cold tier.

    Raises DamageError naming the first that is damaged, OSError if the machine cannot
    read one.
    """
    gone = set(_tombstones(root))
    files = [it for tier in _tiers(root) for it in _files(tier)]
    for done, path in enumerate(files):
        _check(path, gone)
        progress(done + 1, len(files))
    for path in sorted((root / "damaged").glob("*")):
        if path.name not in gone and not _has(files, path.name):
            raise DamageError("document", str(path), "was found changed and put aside")
    return Documents(len(files), len(gone))


def _has(files: list[Path], name: str) -> bool:
    return any(it.name == name for it in files)


def _check(path: Path, gone: set[str]) -> None:
    if path.name in gone:
        raise DamageError(
            "document", str(path), "lies here, and its tombstone says that it is gone"
        )
    if _NAME.fullmatch(path.name) is None or path.parent.name != path.name[:2]:
        raise DamageError("document", str(path), "is none of ours by its name")
    try:
        digest = _sha256(path)
    except FileNotFoundError:
        return  # it went meanwhile
    if digest != path.name:
        raise DamageError("document", str(path), "does not have the digest of its name")


def _sha256(path: Path) -> str:
    state = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        while block := file.read(_BLOCK_BYTES):
            state.update(block)
    return state.hexdigest()


def _tiers(root: Path) -> Iterator[Path]:
    yield root
    if (root / "cold").exists():
        named = (root / "cold").read_bytes().decode("utf-8", "surrogateescape")
        yield Path(named.strip("\n"))


def _files(tier: Path) -> Iterator[Path]:
    for folder in sorted((tier / "stored").iterdir()):
        yield from sorted(folder.iterdir())


def _tombstones(root: Path) -> Iterator[str]:
    for path in sorted((root / "tombs").glob("*/*.json")):
        with path.open("rb") as file:
            content = file.read(_MAX_TOMBSTONE_BYTES + 1)
        try:
            named = json.loads(content)["digest"]
        except (ValueError, KeyError, TypeError, RecursionError):
            named = None
        if named != f"sha256:{path.stem}":
            raise DamageError("document", str(path), "is no tombstone of its name")
        yield path.stem
