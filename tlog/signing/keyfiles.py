"""Files of private keys: mode 0600, whole or not there, never replaced."""

import os
import stat
from pathlib import Path
from typing import Final

from tlog.errors import RejectedError

_OPEN_MODES: Final = stat.S_IRWXG | stat.S_IRWXO


def write_key_file(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600, durably.

    FileExistsError rather than replace one; OSError that names the file.
    """
    try:
        _write_new(path, content)
    except FileExistsError:
        raise FileExistsError(f"{path} exists: choose another name") from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_new(path: Path, content: bytes) -> None:
    # Whole under another name first: a key file that was cut short by a crash could
    # be neither used nor made again.  `link` does not replace, as `rename` would.
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    finally:
        draft.unlink()
    # A log whose head is durable and whose key is not could never go on.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_key_file(path: Path, limit_bytes: int) -> bytes:
    """Return at most `limit_bytes` of a key file; RejectedError if others may read it.

    The mode is that of the opened file, because its name can be moved in between.
    """
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OPEN_MODES:
            raise RejectedError(f"{path} must have mode 0600: chmod it")
        return file.read(limit_bytes)
