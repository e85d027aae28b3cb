"""What is watched: digests, files that stand for theirs, names, packages in SBOMs.

A file in PEM stands for the DER in it too, since entries name a signer by the SHA-256
of a key or certificate in DER.  The file of watches is read again when it changes.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.log_lines import log_event
from tlog.monitor.matching import AnyWatch, NameWatch, Watch
from tlogclient.purls import Purl, parse_question
from tlogclient.signers import MAX_SIGNER_BYTES, pem_contents
from tlogverify.errors import FormatError
from tlogverify.files import read_bounded, sha256_file
from tlogverify.hashing import DIGEST_BYTES

_MAX_FILE_BYTES: Final = 16 << 20
_MAX_NAME: Final = 2_048
_DIGEST: Final = re.compile(r"(sha256|sha384|sha512):([0-9a-fA-F]+)")
_BARE: Final = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{96}|[0-9a-fA-F]{128}")


@dataclass(frozen=True, slots=True)
class PackageWatch:
    """What is looked for: a package; without a version every one of it."""

    purl: Purl

    @property
    def label(self) -> str:
        """The package URL in normal form: what it is stored by."""
        return self.purl.encode()

    @property
    def name(self) -> str:
        """What the user called it: the same."""
        return self.label


AnyWatched = AnyWatch | PackageWatch


class WatchList:
    """The watches of flags and of a file.

    packages: those that `read` has found last and that documents are needed for.
    """

    def __init__(self, given: Sequence[str], file: Path | None) -> None:
        """Read the flags' watches; FormatError or OSError if one cannot be."""
        self.packages: tuple[PackageWatch, ...] = ()
        self._given = [watch for text in given for watch in parse_watch(text, Path())]
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._listed: list[AnyWatched] = []
        self._is_unread = False
        if file is not None:
            # It must be readable at start, so that nobody watches nothing unknowingly.
            read_bounded(file, "a file of watches", _MAX_FILE_BYTES)

    def read(self) -> tuple[AnyWatch, ...]:
        """Return all watches that are in force now, each once, without packages."""
        if self._file is not None:
            self._read_file(self._file)
        by_label = {it.label: it for it in reversed([*self._given, *self._listed])}
        found = sorted(by_label.values(), key=lambda it: it.label)
        self.packages = tuple(it for it in found if isinstance(it, PackageWatch))
        return tuple(it for it in found if not isinstance(it, PackageWatch))

    def _read_file(self, file: Path) -> None:
        try:
            found = file.stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
            if seen == self._seen:
                return
            content = read_bounded(file, "a file of watches", _MAX_FILE_BYTES)
        except (OSError, FormatError) as error:
            # It may be about to be replaced, so what it said last stays in force.
            if not self._is_unread:
                log_event("watch file not read", level="warning", error=str(error))
            self._is_unread, self._seen = True, None
            return
        self._is_unread, self._seen = False, seen
        self._listed = list(_parse_lines(content, file.parent))


def _parse_lines(content: bytes, folder: Path) -> list[AnyWatched]:
    listed: list[AnyWatched] = []
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            listed += parse_watch(text, folder)
        except (FormatError, OSError) as error:
            log_event(
                "watch line ignored", level="warning", line=number, error=str(error)
            )
    return listed


def parse_watch(text: str, folder: Path) -> list[AnyWatched]:
    """Return what a digest, a name, a package URL or a file stands for.

    A name begins with `identity:` or `issuer:`, a package URL with `pkg:`.

    folder: where a relative path starts.
    Raises FormatError, or OSError if a file cannot be read.
    """
    if text.partition(":")[0] in DIGEST_BYTES:
        match = _DIGEST.fullmatch(text)
        if match is None or len(match[2]) != 2 * DIGEST_BYTES[match[1]]:
            raise FormatError("a digest is sha256:, sha384: or sha512: and hex", text)
        return [Watch(bytes.fromhex(match[2]), text)]
    if text.startswith("pkg:"):
        return [PackageWatch(parse_question(text))]
    if text.startswith("identity:"):
        return [NameWatch("identity", _name(text.removeprefix("identity:")))]
    if text.startswith("issuer:"):
        return [NameWatch("issuer", _name(text.removeprefix("issuer:")))]
    if _BARE.fullmatch(text) and not (folder / text).exists():
        raise FormatError("a digest has sha256:, sha384: or sha512: before it", text)
    if "\0" in text:
        raise FormatError("a path has no null")
    file = folder / text
    digests = [sha256_file(file)]
    if file.stat().st_size <= MAX_SIGNER_BYTES:
        ders = pem_contents(file.read_bytes())
        digests += [hashlib.sha256(der).digest() for der in ders]
    return [Watch(digest, text) for digest in dict.fromkeys(digests)]


def _name(text: str) -> str:
    if not 0 < len(text) <= _MAX_NAME or not text.isprintable():
        raise FormatError(f"a name has 1 to {_MAX_NAME} printable characters", text)
    return text
