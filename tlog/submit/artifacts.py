"""Artifacts to submit: files, the files of folders, a stream, or a digest alone.

Arguments are read in their order, and a folder's files in the order of their names.  A
file that this program writes is no artifact, although a shell pattern such as `dist/*`
names the outputs of the last run too.
"""

import errno
import hashlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from tlog.errors import RejectedError
from tlogverify.artifact import artifact_sha256

STATEMENT: Final = ".intoto.jsonl"
PROOF: Final = ".tlog-proof"

_DIGEST: Final = "sha256:"
_STREAM: Final = "-"
_DRAFT: Final = re.compile(r"\..*\.([0-9a-f]{16}\.new|intoto\.jsonl\.next)")
_DEVICES: Final = ("/dev/fd/", "/dev/stdin", "/proc/")
_OUTPUT: Final = "an output of ours by its name"
_NO_FILE: Final = "neither a file nor a link to one"
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Artifact:
    """One thing to submit.

    name: as it is shown, the argument itself or a path below a folder's argument.
    path: the file, or None for standard input and for a digest.
    stem: the relative path that a proof is named after, or None for a stream.
    sha256: the digest, if it is known before anything is read.
    """

    name: str
    path: Path | None
    stem: Path | None
    sha256: bytes | None = None

    @property
    def is_stream(self) -> bool:
        """Whether it can be read once, and has no name that a proof could have."""
        return self.stem is None

    def statement(self) -> Path | None:
        """Return the attestation that lies beside the file, if there is one."""
        if self.path is None or self.is_stream:
            return None
        beside = self.path.with_name(self.path.name + STATEMENT)
        try:
            beside.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            # No file can have that name; any other trouble is not an absence.
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise
        return beside

    def hash(self, step: Callable[[], None]) -> bytes:
        """Return its SHA-256; `step` is called after each MiB.  OSError."""
        if self.sha256 is not None:
            return self.sha256
        with self._opened() as file:
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                step()
            return digest.digest()

    def _opened(self) -> nullcontext[BinaryIO] | BinaryIO:
        if self.path is not None:
            return self.path.open("rb")
        return nullcontext(sys.stdin.buffer)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A path that is not submitted, and the reason."""

    path: Path
    why: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The artifacts that the arguments name, and the paths that are passed over."""

    artifacts: tuple[Artifact, ...]
    passed_over: tuple[PassedOver, ...]


def list_artifacts(arguments: list[str], *, recursive: bool) -> Listing:
    """Return what `arguments` name, each thing once.

    recursive: a folder stands for all files below it; links to folders are not
    followed.

    Raises RejectedError for a folder otherwise, or if nothing is left; FormatError for
    a malformed digest; OSError for a file that is not there.
    """
    artifacts: dict[str, Artifact] = {}
    passed_over: list[PassedOver] = []
    for argument in arguments:
        for found in _named_by(argument, recursive=recursive):
            if isinstance(found, PassedOver):
                passed_over.append(found)
            else:
                artifacts.setdefault(os.path.normpath(found.name), found)
    if not artifacts:
        why = f": all are passed over, {passed_over[0].why}" if passed_over else ""
        raise RejectedError(f"there is no file to submit{why}")
    return Listing(tuple(artifacts.values()), tuple(passed_over))


def _named_by(argument: str, *, recursive: bool) -> Iterator[Artifact | PassedOver]:
    if argument.startswith(_DIGEST):
        sha256 = artifact_sha256(argument)
        yield Artifact(argument, None, Path(argument.replace(":", "-")), sha256)
        return
    if argument == _STREAM:
        yield Artifact("-", None, None)
        return
    path = Path(argument)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        if not recursive:
            raise RejectedError(
                f"{argument!a} is a folder: --recursive submits its files"
            )
        yield from _below(path)
    elif not stat.S_ISREG(mode) or argument.startswith(_DEVICES):
        # A process substitution names such a file: it is read once, and lies nowhere.
        yield Artifact(argument, path, None)
    elif is_output(path):
        yield PassedOver(path, _OUTPUT)
    else:
        yield Artifact(argument, path, Path(path.name))


def _below(folder: Path) -> Iterator[Artifact | PassedOver]:
    for root, folders, names in os.walk(folder, onerror=_fail):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            if is_output(path):
                yield PassedOver(path, _OUTPUT)
            elif not path.is_file():
                yield PassedOver(path, _NO_FILE)
            else:
                yield Artifact(str(path), path, path.relative_to(folder))


def is_output(path: Path) -> bool:
    """Return whether a file is an output of this program, by its name."""
    name = path.name
    return name.endswith((STATEMENT, PROOF)) or _DRAFT.fullmatch(name) is not None


def _fail(error: OSError) -> None:
    # A folder that cannot be read is not a folder without files.
    raise error
