"""Which keys a log has had, has, and will have: `keys/rotation.json`.

The file is there from the first change of a key on.  A key that is about to join has no
`joined`, and signs nothing; it has one when the log's entry says so.  One that retired
stays here, with the size of the last head that it signed.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tlog.errors import CorruptError
from tlog.folders import PRIVATE_FILE, write_whole
from tlog.log.storage.folder import FolderLayout
from tlog.signing import file_of
from tlogverify.errors import FormatError
from tlogverify.keys import VerifierKey, parse_verifier_key

_VERSION: Final = 1
_FILE: Final = "rotation.json"


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


def keys_folder(root: Path) -> Path:
    """Return the folder of a log's private keys; root: the log's."""
    return FolderLayout(root).keys


def place_of(root: Path, era: KeyEra) -> str:
    """Return the key URI of an era; root: the log's folder."""
    is_here = "/" not in era.place and ":" not in era.place
    return str(keys_folder(root) / era.place) if is_here else era.place


def lasting_place(given: str) -> str:
    """Return a key URI that holds in every working folder; "" stays so."""
    path = file_of(given) if given else None
    return given if path is None else str(path.absolute())


def read_eras(root: Path) -> tuple[KeyEra, ...]:
    """Return the eras, of each type the oldest first.

    Empty for a log that never changed a key.

    Raises CorruptError if the file is not what `write_eras` wrote.
    """
    file = keys_folder(root) / _FILE
    if not file.exists():
        return ()
    try:
        document: Any = json.loads(file.read_bytes())
        if document["version"] != _VERSION:
            raise ValueError
        eras = tuple(KeyEra(**it) for it in document["keys"])
        for era in eras:
            parse_verifier_key(era.vkey.encode())
    except (ValueError, KeyError, TypeError, FormatError):
        raise CorruptError(str(file), "is not the list of a log's keys") from None
    if not any(era.signs for era in eras):
        raise CorruptError(str(file), "names no key that signs")
    return eras


def write_eras(root: Path, eras: tuple[KeyEra, ...]) -> None:
    """Replace the file durably."""
    document = {"version": _VERSION, "keys": [asdict(era) for era in eras]}
    text = json.dumps(document, indent=1) + "\n"
    write_whole(keys_folder(root) / _FILE, text.encode(), mode=PRIVATE_FILE)


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
