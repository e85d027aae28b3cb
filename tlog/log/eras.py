"""Which keys a log has had, has, and will have: a text, kept beside the log.

It is `keys/rotation.json`, or stands in the row of a log that nodes share.  It is there
from the first change of a key on.  A key that is about to join has no `joined`, and
signs nothing; it has one when the log's entry says so.  One that retired stays here,
with the size of the last head that it signed.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tlog.errors import CorruptError
from tlog.log.storage.folder import FolderLayout
from tlog.log.storage.kept import KeptText
from tlog.log.storage.stores_folder import kept_eras
from tlog.signing import file_of
from tlogverify.errors import FormatError
from tlogverify.keys import VerifierKey, parse_verifier_key

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class KeyEra:
    """One key's time in the log.

    place: a key URI, or the bare name of a file in the folder of keys, which can be
    moved with the log.  joined: the index of the entry that says so; None before it, 0
    for the first key.  until_s: POSIX seconds until which the key before it signs too.
    retired: the size of the last head that it signed, or from which on it was revoked.
    """

    place: str
    vkey: str
    joined: int | None
    until_s: int | None = None
    retired: int | None = None

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        return parse_verifier_key(self.vkey.encode())

    @property
    def signs(self) -> bool:
        """Whether heads are signed with it now."""
        return self.joined is not None and self.retired is None


KeptEras = KeptText
"""Where the eras of one log stand."""


def keys_folder(root: Path) -> Path:
    """Return the folder of private keys; root: the log's folder, or that of a node."""
    return FolderLayout(root).keys


def folder_eras(root: Path) -> KeptEras:
    """Return where the eras of a log in a folder stand."""
    return kept_eras(FolderLayout(root))


def place_of(root: Path, era: KeyEra) -> str:
    """Return the key URI of an era; root: as of `keys_folder`."""
    is_here = "/" not in era.place and ":" not in era.place
    return str(keys_folder(root) / era.place) if is_here else era.place


def lasting_place(root: Path, given: str) -> str:
    """Return a key URI that holds in every working folder; "" stays so.

    A file among the log's keys is known by its name, wherever that folder is.
    """
    path = file_of(given) if given else None
    if path is None:
        return given
    path = path.absolute()
    return path.name if path.parent == keys_folder(root).absolute() else str(path)


def read_eras(kept: KeptEras) -> tuple[KeyEra, ...]:
    """Return the eras, of each type the oldest first.

    Empty for a log that never changed a key.

    Raises CorruptError if the text is not what `write_eras` wrote.
    """
    text = kept.read()
    if text is None:
        return ()
    try:
        document: Any = json.loads(text)
        if document["version"] != _VERSION:
            raise ValueError
        eras = tuple(KeyEra(**it) for it in document["keys"])
        for era in eras:
            parse_verifier_key(era.vkey.encode())
    except (ValueError, KeyError, TypeError, FormatError):
        raise CorruptError(kept.where, "is not the list of a log's keys") from None
    if not any(era.signs for era in eras):
        raise CorruptError(kept.where, "names no key that signs")
    return eras


def write_eras(kept: KeptEras, eras: tuple[KeyEra, ...]) -> None:
    """Replace the text durably."""
    document = {"version": _VERSION, "keys": [asdict(era) for era in eras]}
    text = json.dumps(document, indent=1) + "\n"
    kept.write(text.encode())


def retired_lines(eras: tuple[KeyEra, ...]) -> str:
    """Return the lines of a policy about keys that sign no more."""
    lines = []
    for era in eras:
        if era.retired is not None:
            key = era.key
            lines.append(f"log {era.vkey}\n")
            name = f"{key.name}+{key.key_id.hex()}"
            lines.append(f"#!tlog retired {name} {era.retired}\n")
    return "".join(lines)
