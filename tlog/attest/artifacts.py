"""Artifacts: which files the arguments of a command mean, and where their outputs lie.

    FILE                  itself
    FOLDER                each file in it and below, named by its path from there
    sha256:HEX            an artifact that is not here, such as an image in a registry
    NAME@sha256:HEX       the same, with the name that the statement gives it

Outputs lie beside a file; those of an artifact that is not here lie in the working
folder, as sha256-HEX.intoto.jsonl and sha256-HEX.tlog-proof.  What can be known to end
badly is refused before a file is hashed: nothing is signed or logged by then.
"""

import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from tlog.errors import RejectedError
from tlogverify.command.telling import printable
from tlogverify.errors import FormatError
from tlogverify.files import sha256_file
from tlogverify.record import MAX_SUBJECTS

_ENVELOPE: Final = ".intoto.jsonl"
_PROOF: Final = ".tlog-proof"
# Also of a run that was killed: an envelope that waits, and a draft of a file.
_OUTPUT: Final = re.compile(
    r"(?s).*(?:(?:\.intoto\.jsonl|\.sigstore\.json)(?:\.next)?|\.tlog-proof)"
    r"|\..*\.[0-9a-f]{16}\.new"
)
_DIGEST: Final = re.compile(r"(?s)(?:(?P<name>.+)@)?sha256:(?P<hex>.*)")
_HEX: Final = re.compile(r"[0-9a-f]{64}")
# Of nearly every file system, where it does not say itself.
_MAX_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class Sought:
    """An artifact before it is hashed.

    path: the file, or of an artifact that is not here the name that its outputs begin
    with.  name: in the statement, "" for none; None: the file's own.  sha256: of an
    artifact that is not here.  given: how people named it.
    """

    path: Path
    name: str | None = None
    sha256: bytes | None = None
    given: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact with its digest; name and given: as in `Sought`."""

    path: Path
    sha256: bytes
    name: str
    given: str

    @property
    def attestation(self) -> Path:
        """Where its envelope lies."""
        return self.path.with_name(f"{self.path.name}{_ENVELOPE}")

    @property
    def next_attestation(self) -> Path:
        """Where an envelope waits that shall replace another one."""
        name = f".{self.path.name}{_ENVELOPE}.next"
        if len(os.fsencode(name)) > _MAX_NAME_BYTES:
            # Another run must find it, so the name is made from the file's alone.
            digest = sha256(os.fsencode(self.path.name)).hexdigest()
            name = f".{digest}{_ENVELOPE}.next"
        return self.path.with_name(name)

    @property
    def proof(self) -> Path:
        """Where the proof of its record lies."""
        return self.path.with_name(f"{self.path.name}{_PROOF}")


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is no artifact, and why."""

    path: Path
    why: str


def find_artifacts(
    arguments: Sequence[str], *, is_recursive: bool
) -> tuple[tuple[Sought, ...], tuple[PassedOver, ...]]:
    """Return what the arguments mean, in their order, and what was passed over.

    is_recursive: folders may be among them; their files come by name.

    Raises RejectedError for an argument that cannot be attested, for none that can, and
    for two of the same name; FormatError for a digest that is none; FileNotFoundError.
    """
    found = [it for one in arguments for it in _meant(one, is_recursive=is_recursive)]
    sought = tuple(it for it in found if isinstance(it, Sought))
    if not sought:
        raise RejectedError("there is no artifact to attest")
    for it in sought:
        _require_short_name(it)
    _require_different([_name(it) for it in sought])
    return sought, tuple(it for it in found if isinstance(it, PassedOver))


def split_artifacts(
    sought: Sequence[Sought], *, beside: int = 0
) -> tuple[tuple[Sought, ...], ...]:
    """Return the artifacts of each statement: 256 at most, in their order.

    beside: subjects that each statement has besides.
    """
    most = MAX_SUBJECTS - beside
    starts = range(0, len(sought), most)
    return tuple(tuple(sought[at : at + most]) for at in starts)


def hash_artifacts(sought: Sequence[Sought]) -> tuple[Artifact, ...]:
    """Hash 1 to 256 artifacts of different names; RejectedError for others.

    One statement tells artifacts apart by their names.
    """
    if len(sought) > MAX_SUBJECTS:
        raise RejectedError(f"one attestation is of at most {MAX_SUBJECTS} files")
    _require_different([_name(it) for it in sought])
    return tuple(
        Artifact(
            it.path,
            sha256_file(it.path) if it.sha256 is None else it.sha256,
            _name(it),
            it.given or str(it.path),
        )
        for it in sought
    )


def require_room(sought: Sequence[Sought]) -> None:
    """Raise RejectedError unless outputs can be written beside each artifact.

    Each folder is tried, since its mode does not say all: an administrator may write to
    any folder, unless its disk is mounted to be read alone.
    """
    for folder in dict.fromkeys(it.path.parent for it in sought):
        draft = folder / f".tlog-attest.{secrets.token_hex(8)}.new"
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            draft.unlink()
        except OSError as error:
            where = printable(str(folder.resolve()))
            raise RejectedError(
                f"the folder {where} cannot be written to ({error.strerror}), and the "
                "outputs lie beside the artifacts: copy these to another folder",
            ) from error
    for it in sought:
        for output in (f"{it.path.name}{_ENVELOPE}", f"{it.path.name}{_PROOF}"):
            if it.path.with_name(output).is_dir():
                shown = printable(str(it.path.with_name(output)))
                raise RejectedError(f"{shown} is a folder, and shall be an output")


def _meant(argument: str, *, is_recursive: bool) -> Iterator[Sought | PassedOver]:
    digest = _DIGEST.fullmatch(argument)
    # Such a file is still meant by ./sha256:... ; `tlog verify` reads arguments so.
    if digest is not None and not argument.startswith((".", "/")):
        yield _digest(argument, digest)
        return
    path = Path(argument)
    if path.is_dir():
        if not is_recursive:
            raise RejectedError(
                f"{printable(argument)} is a folder: --recursive attests its files",
            )
        yield from _below(path)
    elif _OUTPUT.fullmatch(path.name):
        yield PassedOver(path, "it is no artifact by its name")
    else:
        _require_file(argument, path)
        yield Sought(path)


def _digest(argument: str, found: re.Match[str]) -> Sought:
    if _HEX.fullmatch(found["hex"]) is None:
        raise FormatError("a digest is sha256: and 64 lower-case hex", argument)
    path = Path(f"sha256-{found['hex']}")
    digest = bytes.fromhex(found["hex"])
    return Sought(path, found["name"] or "", digest, argument)


def _require_file(argument: str, path: Path) -> None:
    if argument == "-" and not path.exists():
        raise RejectedError(
            "standard input has no place for outputs: give a file, or its digest as "
            "sha256:HEX",
        )
    if not path.exists():
        raise FileNotFoundError(f"the artifact is not there: {printable(argument)}")
    if not path.is_file():
        raise RejectedError(
            f"{printable(argument)} is no regular file: give a file, or its digest as "
            "sha256:HEX",
        )


def _below(folder: Path) -> Iterator[Sought | PassedOver]:
    def refuse(error: OSError) -> None:
        # A folder that cannot be read would be missing without a word.
        raise error

    for place, folders, files in os.walk(folder, onerror=refuse):
        folders.sort()
        for name in folders:
            if (link := Path(place, name)).is_symlink():
                yield PassedOver(link, "it is a link to a folder")
        for name in sorted(files):
            path = Path(place, name)
            if _OUTPUT.fullmatch(name):
                yield PassedOver(path, "it is no artifact by its name")
            elif not path.is_file():
                yield PassedOver(path, "it is no regular file")
            else:
                yield Sought(path, path.relative_to(folder).as_posix())


def _name(sought: Sought) -> str:
    return sought.path.name if sought.name is None else sought.name


def _require_different(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise RejectedError(
            f"two artifacts are named {printable(twice[0])}: attest them apart",
        )


def _require_short_name(sought: Sought) -> None:
    """Raise RejectedError where an output's name is longer than its folder takes."""
    taken = len(os.fsencode(sought.path.name))
    most = _name_max(sought.path.parent) - max(len(_ENVELOPE), len(_PROOF))
    if taken > most:
        raise RejectedError(
            f"{printable(str(sought.path))}: its name has {taken} bytes, and with more "
            f"than {most} its outputs have no room: rename it, or give its digest as "
            "sha256:HEX",
        )


def _name_max(folder: Path) -> int:
    try:
        return os.pathconf(folder, "PC_NAME_MAX")
    except (OSError, ValueError):
        return _MAX_NAME_BYTES
