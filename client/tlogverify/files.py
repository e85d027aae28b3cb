"""Reading files of bounded size: the one place that opens one."""

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Final

from tlogverify.errors import FormatError

_BLOCK_BYTES: Final = 1 << 18


def read_bounded(path: Path, rule: str, limit_bytes: int) -> bytes:
    """Return a file's bytes; FormatError above `limit_bytes`, read no further."""
    with path.open("rb") as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise FormatError(f"{rule} has at most {limit_bytes} bytes")
    return content


def sha256_file(path: Path) -> bytes:
    """Return the SHA-256 of a file of any size."""
    return hash_file(path, {"sha256"})["sha256"]


def hash_file(path: Path, algorithms: Collection[str]) -> dict[str, bytes]:
    """Return a file's digests, of one reading; algorithms: as hashlib names them."""
    states = {name: hashlib.new(name) for name in algorithms}
    block = memoryview(bytearray(_BLOCK_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):
            for state in states.values():
                state.update(block[:count])
    return {name: state.digest() for name, state in states.items()}


def lead_nowhere(descriptor: int) -> None:
    """Drop what a full stream still holds: at exit it would change the status."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
