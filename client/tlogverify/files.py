"""Reading files of bounded size: the one place that opens one."""

import hashlib
import os
from pathlib import Path

from tlogverify.errors import FormatError


def read_bounded(path: Path, rule: str, limit_bytes: int) -> bytes:
    """Return a file's bytes; FormatError above `limit_bytes`, read no further."""
    with path.open("rb") as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise FormatError(f"{rule} has at most {limit_bytes} bytes")
    return content


def sha256_file(path: Path) -> bytes:
    """Return the SHA-256 of a file of any size."""
    return hash_file(path, "sha256")


def hash_file(path: Path, algorithm: str) -> bytes:
    """Return the digest of a file of any size.  algorithm: as hashlib names it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).digest()


def lead_nowhere(descriptor: int) -> None:
    """Drop what a full stream still holds: at exit it would change the status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
