"""Which keys a log signs with: read, made where they are missing, and announced."""

from pathlib import Path
from typing import Final

from tlog.errors import CorruptError, RejectedError
from tlog.folders import PUBLIC_FILE, set_mode, write_whole
from tlog.log.eras import KeyEra, lasting_place, place_of, read_eras
from tlog.log.settings import LogSettings
from tlog.log.storage.folder import FolderLayout
from tlog.signing import (
    HeadSigner,
    OpenToken,
    SigningKey,
    generate_key,
    open_signing_key,
    read_key,
)
from tlog.signing.telling import log_key_event
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key

_KEY_FILES: Final = {KeyType.ED25519: "log.ed25519", KeyType.MLDSA44: "log.mldsa44"}
_NAMELESS: Final = "a new log needs --origin NAME"


def require_origin(layout: FolderLayout, settings: LogSettings) -> None:
    """Raise RejectedError for a new log without a name, before anything is made."""
    is_new = not layout.journal.exists() and not layout.vkey_file.exists()
    if not settings.origin and is_new and not _file(layout, KeyType.ED25519).exists():
        raise RejectedError(_NAMELESS)


def load_keys(
    layout: FolderLayout, settings: LogSettings, open_token: OpenToken
) -> list[SigningKey]:
    """Read the log's keys; make those that are missing.

    Raises RejectedError, CorruptError, FormatError, KeyAwayError or OSError.
    """
    types = [KeyType.ED25519, *([KeyType.MLDSA44] if settings.mldsa44 else [])]
    keys: list[SigningKey] = []
    eras = read_eras(layout.root)
    is_shared = bool(settings.database)
    if eras and is_shared:
        raise RejectedError(
            "the keys of a log that nodes share cannot change yet: each node must know "
            "of it at once"
        )
    for key_type in types:
        origin = settings.origin or (keys[0].verifier_key.name if keys else "")
        if ours := [it for it in eras if it.key.key_type is key_type]:
            # These have changed: where they are is written there, and nowhere else.
            found = [open_era(layout.root, it, open_token) for it in ours if it.signs]
        elif key_type is KeyType.ED25519 and settings.ed25519_key:
            # What was announced is read where it is needed: it can be written anew.
            known = _announced(layout)
            origin = origin or (known[0].name if known else "")
            found = [_open_elsewhere(settings.ed25519_key, origin, known, open_token)]
        else:
            found = [_read_or_make(layout, key_type, origin, is_shared=is_shared)]
        for key in found:
            _require_origin_is(key, origin)
        keys += found
    return keys


def first_eras(
    settings: LogSettings, key_type: KeyType, open_token: OpenToken
) -> tuple[KeyEra, ...]:
    """Return the era of the one key of its type in a log that never changed it.

    Empty if the log has signed with no such key.  Raises as above.
    """
    layout = FolderLayout(settings.data)
    if key_type not in _signed_with(layout):
        return ()
    keys = load_keys(layout, settings, open_token)
    (key,) = (it for it in keys if it.verifier_key.key_type is key_type)
    place = _KEY_FILES[key_type]
    if key_type is KeyType.ED25519:
        place = lasting_place(settings.ed25519_key) or place
    return (KeyEra(place, key.verifier_key.encode(), 0),)


def open_era(root: Path, era: KeyEra, open_token: OpenToken) -> SigningKey:
    """Open the key of an era; RejectedError if another one is there now."""
    place = place_of(root, era)
    key = open_signing_key(place, era.key.name, era.key.key_type, open_token)
    if key.verifier_key != era.key:
        raise RejectedError(f"{era.place} is not the log's key {era.vkey}")
    key.tell_of(log_key_event)
    return key


def _require_origin_is(key: SigningKey, origin: str) -> None:
    if origin and key.verifier_key.name != origin:
        raise RejectedError(
            f"the log in this folder is {key.verifier_key.name}, and an origin "
            "never changes: another log needs another --data",
        )


def write_public_keys(layout: FolderLayout, signer: HeadSigner, policy: str) -> None:
    """Write the verifier keys, and the policy for those who verify."""
    vkeys = "".join(f"{key.encode()}\n" for key in signer.verifier_keys)
    for file, text in ((layout.vkey_file, vkeys), (layout.policy_file, policy)):
        content = text.encode()
        # What stands there already needs no room on a full disk.
        if file.exists() and file.read_bytes() == content:
            set_mode(file, PUBLIC_FILE)
        else:
            write_whole(file, content, mode=PUBLIC_FILE)


def _open_elsewhere(
    place: str, origin: str, known: list[VerifierKey], open_token: OpenToken
) -> SigningKey:
    """Open the Ed25519 key that a setting names: it must be the one that has signed."""
    if not origin:
        raise RejectedError(_NAMELESS)
    key = open_signing_key(place, origin, KeyType.ED25519, open_token)
    key.tell_of(log_key_event)
    before = [it for it in known if it.key_type is KeyType.ED25519]
    if before not in ([], [key.verifier_key]) and key.verifier_key.name == origin:
        raise RejectedError(
            "the key of --ed25519-key is not the one that this log signs with, "
            f"{before[0].encode()}"
        )
    return key


def _read_or_make(
    layout: FolderLayout, key_type: KeyType, origin: str, *, is_shared: bool
) -> SigningKey:
    path = _file(layout, key_type)
    if not path.exists():
        if layout.journal.exists() and key_type in _signed_with(layout):
            raise CorruptError(
                str(path),
                "is missing, but the log has signed; a key that is elsewhere is named "
                "by --ed25519-key",
            )
        if not origin:
            raise RejectedError(_NAMELESS)
        if is_shared:
            # A node that made one would sign as another log than the rest.
            raise RejectedError(
                f"nodes that share a log share its keys too: put it at {path}; "
                f"tlog keygen {origin} --type {key_type.name.lower()} makes one"
            )
        generate_key(origin, key_type).write(path)
    return read_key(path)


def _file(layout: FolderLayout, key_type: KeyType) -> Path:
    return layout.keys / _KEY_FILES[key_type]


def _announced(layout: FolderLayout) -> list[VerifierKey]:
    """Return the keys that this log has told its verifiers."""
    if not layout.vkey_file.exists():
        return []
    return [parse_verifier_key(it) for it in layout.vkey_file.read_bytes().split()]


def _signed_with(layout: FolderLayout) -> set[KeyType]:
    """Return the types of the keys that this log has signed with."""
    known = {key.key_type for key in _announced(layout)}
    return known or {KeyType.ED25519}
