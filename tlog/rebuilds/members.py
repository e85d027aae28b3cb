"""What an archive holds, apart from how it holds it: zip (wheels, jars) and tar.

A member is its name and its bytes.  All else of it is a trait, which has the name of
the stabiliser that levels it: dates, modes, owners, compression.
"""

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from tlogverify.errors import FormatError

MAX_MEMBERS: Final = 200_000
MAX_BYTES: Final = 4 << 30
"""The most that all members have when they are unpacked."""

_BLOCK_BYTES: Final = 1 << 18

_BROKEN: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile),
    *(EOFError, NotImplementedError),
)

Kind = Literal["zip", "tar"]


@dataclass(frozen=True, slots=True)
class Member:
    """One member; traits: by the stabiliser that levels each."""

    sha256: bytes
    size: int
    traits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive, in its order."""

    kind: Kind
    members: Mapping[str, Member]


def read_archive(path: Path) -> Archive | None:
    """Return what an archive holds; None for a file that is none.

    Raises FormatError for one with a name twice, or that is too large when unpacked.
    """
    kind: Kind
    if zipfile.is_zipfile(path):
        kind, found = "zip", _zip_members(path)
    elif tarfile.is_tarfile(path):
        kind, found = "tar", _tar_members(path)
    else:
        return None
    members: dict[str, Member] = {}
    total = 0
    try:
        for name, member in found:
            if name in members:
                raise FormatError("an archive has each name once", name)
            members[name] = member
            total += member.size
            if len(members) > MAX_MEMBERS or total > MAX_BYTES:
                raise FormatError("an archive is too large to compare", str(path))
    except _BROKEN as error:
        raise FormatError("an archive can be unpacked", str(error)) from error
    return Archive(kind, members)


def _zip_members(path: Path) -> Iterator[tuple[str, Member]]:
    with zipfile.ZipFile(path) as archive:
        for it in archive.infolist():
            with archive.open(it) as file:
                digest, size = _hash(file)
            traits = {
                "zip-dates": str(it.date_time),
                "zip-modes": f"{it.create_system} {it.external_attr:o}",
                "zip-compression": str(it.compress_type),
            }
            yield it.filename, Member(digest, size, traits)


def _tar_members(path: Path) -> Iterator[tuple[str, Member]]:
    with tarfile.open(path) as archive:
        for it in archive:
            file = archive.extractfile(it) if it.isreg() else None
            digest, size = (hashlib.sha256(_type(it)).digest(), 0)
            if file is not None:
                digest, size = _hash(file)
            traits = {
                "tar-dates": str(it.mtime),
                "tar-owners": f"{it.uid} {it.gid} {it.uname} {it.gname}",
                "tar-modes": f"{it.mode:o}",
            }
            yield it.name, Member(digest, size, traits)


def _type(it: tarfile.TarInfo) -> bytes:
    """Return what stands for the bytes of a member that has none: a link, a folder."""
    return it.type + it.linkname.encode("utf-8", "surrogateescape")


def _hash(file: IO[bytes]) -> tuple[bytes, int]:
    state, size = hashlib.sha256(), 0
    while block := file.read(_BLOCK_BYTES):
        state.update(block)
        size += len(block)
        if size > MAX_BYTES:
            raise FormatError("an archive is too large to compare", size)
    return state.digest(), size
