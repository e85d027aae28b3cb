"""Which keys a log signs with: read, made where they are missing, and announced."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

from tlog.clock import Clock
from tlog.errors import CorruptError, RejectedError
from tlog.folders import PUBLIC_FILE, set_mode, write_whole
from tlog.log.cosigning.opening import policy_text
from tlog.log.eras import (
    KeptEras,
    KeyEra,
    folder_eras,
    lasting_place,
    place_of,
    read_eras,
    retired_lines,
)
from tlog.log.settings import LogSettings
from tlog.log.storage.folder import FolderLayout
from tlog.log_lines import log_event
from tlog.signing import (
    HeadSigner,
    OpenToken,
    SigningKey,
    generate_key,
    open_signing_key,
    read_key,
)
from tlog.signing.telling import log_key_event
from tlog.signing.times import StatedTimes
from tlogverify.errors import TlogError
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key

_KEY_FILES: Final = {KeyType.ED25519: "log.ed25519", KeyType.MLDSA44: "log.mldsa44"}
_NAMELESS: Final = "a new log needs --origin NAME"


def require_origin(layout: FolderLayout, settings: LogSettings) -> None:
    """Raise RejectedError for a new log without a name, before anything is made."""
    is_new = not layout.journal.exists() and not layout.vkey_file.exists()
    if not settings.origin and is_new and not _file(layout, KeyType.ED25519).exists():
        raise RejectedError(_NAMELESS)


class LogKeys:
    """The keys of one log: read as it opens, and anew where other nodes change them.

    kept: where its eras stand.  times: of the heads that it signs.  Any thread may ask;
    what was read is replaced as a whole.
    """

    def __init__(
        self,
        layout: FolderLayout,
        settings: LogSettings,
        open_token: OpenToken,
        clock: Clock,
        times: StatedTimes,
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._open_token = open_token
        self._clock = clock
        self._times = times
        self._lock = Lock()
        self._own: dict[KeyType, SigningKey] = {}
        self._eras: tuple[KeyEra, ...] = ()
        self._signer: HeadSigner | None = None
        self._missing = ""
        self.kept: KeptEras = folder_eras(layout.root)
        self.keys: tuple[VerifierKey, ...] = ()
        self.known_keys: tuple[VerifierKey, ...] = ()
        self.policy = ""

    @property
    def origin(self) -> str:
        """The log's name; before `read` by what the folder and the settings say.

        Raises RejectedError if nothing does.
        """
        if self.keys:
            return self.keys[0].name
        return find_origin(self._settings, self._open_token)

    @property
    def are_here(self) -> bool:
        """Whether this process has all keys that sign."""
        return self._signer is not None

    def read(self) -> None:
        """Read which keys there are, and tell verifiers if they have changed.

        Keys that never changed and are missing are made, unless nodes share the log.
        Raises RejectedError, CorruptError, FormatError, KeyAwayError or OSError.
        """
        with self._lock:
            eras = read_eras(self.kept)
            if self.keys and eras == self._eras:
                return
            keys = self._signing(eras)
            retired = tuple(it.key for it in eras if it.retired is not None)
            policy = policy_text(self._settings, keys, retired_lines(eras))
            _write_public_keys(self._layout, keys, policy)
            self._eras, self._signer = eras, None
            self.keys, self.known_keys, self.policy = keys, (*keys, *retired), policy

    def signer(self) -> HeadSigner:
        """Return what signs heads with all these keys; raises as `read`."""
        with self._lock:
            if self._signer is None:
                places = {it.key: it for it in self._eras}
                opened = [
                    open_era(self._layout.root, places[key], self._open_token)
                    if key in places
                    else self._own[key.key_type]
                    for key in self.keys
                ]
                retired = [it for it in self.known_keys if it not in self.keys]
                self._signer = HeadSigner(
                    opened, self._clock, self._times.state, retired=retired
                )
            return self._signer

    def refresh(self) -> bool:
        """Read them anew, and return whether this process may sign.

        It may not without one of the private keys, which is said once.  Raises as
        `read`.
        """
        self.read()
        try:
            self.signer()
        except (TlogError, OSError) as error:
            if (why := str(error)) != self._missing:
                self._missing = why
                log_event("key missing", level="warning", error=why)
            return False
        self._missing = ""
        return True

    def _signing(self, eras: tuple[KeyEra, ...]) -> tuple[VerifierKey, ...]:
        types = [
            KeyType.ED25519,
            *([KeyType.MLDSA44] if self._settings.mldsa44 else []),
        ]
        keys: list[VerifierKey] = []
        for key_type in types:
            origin = self._settings.origin or (keys[0].name if keys else "")
            # Where one has changed the eras say which sign, and nothing else does.
            if ours := [it for it in eras if it.key.key_type is key_type]:
                found = [it.key for it in ours if it.signs]
            else:
                found = [self._own_key(key_type, origin).verifier_key]
            for key in found:
                _require_origin_is(key, origin)
            keys += found
        return tuple(keys)

    def _own_key(self, key_type: KeyType, origin: str) -> SigningKey:
        if key_type not in self._own:
            self._own[key_type] = _open_first(
                self._layout, self._settings, key_type, origin, self._open_token
            )
        return self._own[key_type]


def find_origin(settings: LogSettings, open_token: OpenToken) -> str:
    """Return the log's name, by the settings, the folder or the key there.

    Raises RejectedError if nothing says it.
    """
    layout = FolderLayout(settings.data)
    told = _announced(layout)
    if origin := settings.origin or (told[0].name if told else ""):
        return origin
    key = _open_first(layout, settings, KeyType.ED25519, "", open_token)
    return key.verifier_key.name


def first_eras(
    settings: LogSettings, key_type: KeyType, open_token: OpenToken
) -> tuple[KeyEra, ...]:
    """Return the era of the one key of its type in a log that never changed it.

    Empty if the log has signed with no such key.  Raises as `LogKeys.read`.
    """
    layout = FolderLayout(settings.data)
    if key_type not in signed_with(settings.data):
        return ()
    key = _open_first(layout, settings, key_type, settings.origin, open_token)
    place = _KEY_FILES[key_type]
    if key_type is KeyType.ED25519:
        place = lasting_place(settings.data, settings.ed25519_key) or place
    return (KeyEra(place, key.verifier_key.encode(), 0),)


def open_era(root: Path, era: KeyEra, open_token: OpenToken) -> SigningKey:
    """Open the key of an era; RejectedError if another one is there now."""
    place = place_of(root, era)
    key = open_signing_key(place, era.key.name, era.key.key_type, open_token)
    if key.verifier_key != era.key:
        raise RejectedError(f"{era.place} is not the log's key {era.vkey}")
    key.tell_of(log_key_event)
    return key


def _require_origin_is(key: VerifierKey, origin: str) -> None:
    if origin and key.name != origin:
        raise RejectedError(
            f"the log in this folder is {key.name}, and an origin "
            "never changes: another log needs another --data",
        )


def _write_public_keys(
    layout: FolderLayout, keys: Sequence[VerifierKey], policy: str
) -> None:
    """Write the verifier keys, and the policy for those who verify."""
    vkeys = "".join(f"{key.encode()}\n" for key in keys)
    for file, text in ((layout.vkey_file, vkeys), (layout.policy_file, policy)):
        content = text.encode()
        # What stands there already needs no room on a full disk.
        if file.exists() and file.read_bytes() == content:
            set_mode(file, PUBLIC_FILE)
        else:
            write_whole(file, content, mode=PUBLIC_FILE)


def _open_first(
    layout: FolderLayout,
    settings: LogSettings,
    key_type: KeyType,
    origin: str,
    open_token: OpenToken,
) -> SigningKey:
    """Open the key of a type that never changed."""
    if key_type is KeyType.ED25519 and settings.ed25519_key:
        # What was announced is read where it is needed: it can be written anew.
        known = _announced(layout)
        origin = origin or (known[0].name if known else "")
        return _open_elsewhere(settings.ed25519_key, origin, known, open_token)
    return _read_or_make(layout, key_type, origin, is_shared=bool(settings.database))


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
        if layout.journal.exists() and key_type in signed_with(layout.root):
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


def signed_with(root: Path) -> set[KeyType]:
    """Return the types of the keys that the log in a folder has signed with."""
    known = {key.key_type for key in _announced(FolderLayout(root))}
    return known or {KeyType.ED25519}
