"""From settings to a witness: its folder, its keys, and the heads that it knows.

lock            held by the one process that may sign
witness.vkey    the verifier keys, one a line; written last at the first start
keys/           private keys, 0700; each file 0600
state.db        the newest head of each log, SQLite
evidence/       heads that were refused as inconsistent
tmp/            files on their way there
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tlog.clock import BoundedClock, Clock, SystemClock
from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.errors import (
    CorruptError,
    FatalError,
    RejectedError,
    telling_machine_trouble,
)
from tlog.folders import (
    hold_folder,
    make_role_folder,
    making_folder,
    require_own_folder,
    set_modes,
)
from tlog.lifeline import Lifeline
from tlog.signing import (
    OpenToken,
    SigningKey,
    generate_key,
    open_no_token,
    open_signing_key,
    read_key,
)
from tlog.signing.telling import log_key_event
from tlog.witness.commits import GroupCommit
from tlog.witness.cosigner import Cosigner
from tlog.witness.evidence import EvidenceFolder
from tlog.witness.lists import ListedLogs
from tlog.witness.metrics import WitnessMetrics
from tlog.witness.roster import Roster, parse_logs
from tlog.witness.settings import KEY_TYPES, WitnessSettings
from tlog.witness.state import FORGOTTEN, WitnessState
from tlogverify.keys import KeyType, VerifierKey, parse_verifier_key

_KEY_FILES: Final = {
    KeyType.COSIGNATURE: "witness.ed25519",
    KeyType.MLDSA44: "witness.mldsa44",
}


class OpenWitness:
    """One open witness, and the folder that it holds until `close`."""

    def __init__(
        self,
        settings: WitnessSettings,
        *,
        clock: Clock | None = None,
        open_token: OpenToken = open_no_token,
    ) -> None:
        """Open or make it; open_token: opens a key that is on a token.

        Raises RejectedError, CorruptError, FormatError or MachineError, or an OSError
        about a file; the folder is let go then.
        """
        self._clock = BoundedClock(clock or SystemClock())
        with telling_machine_trouble():
            self._open(settings, open_token)

    def _open(self, settings: WitnessSettings, open_token: OpenToken) -> None:
        self._clock.now_s()
        root = settings.data
        if not settings.name and not (root / "witness.vkey").exists():
            # Before anything is made.
            raise RejectedError("a new witness needs --name NAME")
        require_own_folder(root, "witness")
        _require_memory(settings)
        self.settings = settings
        self.metrics = WitnessMetrics()
        with making_folder(root):
            _make_folders(root)
        self._lock = hold_folder(root)
        with ExitStack() as undo:
            undo.callback(self._lock.release)
            set_modes(root, "witness")
            before = _read_vkeys(root)
            # Before the keys: where there are keys, there is a memory.
            self._state = WitnessState(root / "state.db", is_known=bool(before))
            undo.callback(self._state.close)
            keys = _load_keys(settings, before, open_token)
            heads = self._state.heads()
            self._write_vkeys(before, keys, is_used=bool(heads))
            configured = parse_logs(settings.log, qpd=settings.qpd)
            self.roster = Roster(configured, keys[0].verifier_key.name)
            self.roster.add_new(self._state.logs())
            self._undo = undo.pop_all()
        self._lifeline = Lifeline()
        self._commits = GroupCommit(self._state, heads, self.metrics, self._lifeline)
        files = DurableFolder(root / "evidence", root / "tmp", SystemDisk())
        self.cosigner = Cosigner(
            keys,
            self.roster,
            self._commits,
            EvidenceFolder(root / "evidence", files),
            clock=self._clock,
            metrics=self.metrics,
        )
        self._following: asyncio.Task[None] | None = None
        self.metrics.logs.set_function(lambda: len(self.roster))
        self.metrics.key_away.set_function(lambda: self.cosigner.is_key_away)

    @property
    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """The keys that verify its cosignatures, all of one name."""
        return self.cosigner.verifier_keys

    @property
    def failure(self) -> FatalError | None:
        """Why this witness has stopped by itself, if it has."""
        return self._lifeline.failure

    @property
    def cosigned_logs(self) -> int:
        """The number of logs of which a head was cosigned."""
        return len(self._commits.known)

    def claims(self) -> dict[str, bool]:
        """Return what must hold for a witness that can cosign."""
        return {
            "lock_held": self._lock.is_locked,
            "state_writable": self.failure is None and self._state.has_room,
            "knows_a_log": len(self.roster) > 0,
            "keys_sign": not self.cosigner.is_key_away,
        }

    async def start(self, on_stop: Callable[[], object]) -> None:
        """Read the list of logs, and read it again on each interval.

        on_stop: called when a commit's outcome is unknown.
        """
        self._lifeline.on_stop = on_stop
        if self.settings.log_list:
            lists = ListedLogs(
                self.settings.log_list, self.roster, self._state.add_logs, self.metrics
            )
            await lists.read_once()
            self._following = asyncio.create_task(
                lists.follow(self.settings.log_list_interval_s)
            )

    async def close(self) -> None:
        """Wait for the requests that are under way, and let go of the folder."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._commits.close()
        self._undo.close()

    def _write_vkeys(
        self, before: list[VerifierKey], keys: list[SigningKey], *, is_used: bool
    ) -> None:
        file = self.settings.data / "witness.vkey"
        if is_used and not file.exists():
            raise CorruptError(str(file), "is missing beside a state that was used")
        # A key that is not used today has signed, and must not be made anew tomorrow.
        new = [it.verifier_key for it in keys if it.verifier_key not in before]
        lines = "".join(f"{key.encode()}\n" for key in [*before, *new])
        DurableFolder(self.settings.data, self.settings.data / "tmp", SystemDisk()).put(
            {file: lines.encode()}
        )


def _require_memory(settings: WitnessSettings) -> None:
    """Refuse keys without a state: the witness would have forgotten what it signed."""
    root = settings.data
    keys = [root / "keys" / name for name in _KEY_FILES.values()]
    has_keys = any(key.exists() for key in keys)
    is_known = (root / "state.db").exists() or (root / "witness.vkey").exists()
    if has_keys and not is_known and not settings.unused_keys:
        raise RejectedError(
            f"{root} has keys and no state.db: a witness that has forgotten what it "
            "signed must not sign again. Make a new witness with a new --name in a new "
            "folder; or --unused-keys, if these have never signed",
        )


def _make_folders(root: Path) -> None:
    make_role_folder(root, "witness")
    for folder in (root.parent, root):
        SystemDisk().sync_folder(folder)


def _read_vkeys(root: Path) -> list[VerifierKey]:
    """Return the keys that this witness has had; the first start has no key."""
    vkey_file, state_file = root / "witness.vkey", root / "state.db"
    if not vkey_file.exists():
        return []
    known = [parse_verifier_key(it) for it in vkey_file.read_bytes().split()]
    if not known:
        raise CorruptError(str(vkey_file), "is empty")
    if not state_file.exists():
        # It would cosign every log from its beginning again.
        raise CorruptError(str(state_file), f"is missing: {FORGOTTEN}")
    return known


def _load_keys(
    settings: WitnessSettings, known: list[VerifierKey], open_token: OpenToken
) -> list[SigningKey]:
    """Read the witness's keys; make those that it never had."""
    keys = []
    for key_type in KEY_TYPES[settings.keys]:
        before = [key for key in known if key.key_type is key_type]
        where = settings.ed25519_key if key_type is KeyType.COSIGNATURE else ""
        name = settings.name or known[0].name
        if where:
            key = open_signing_key(where, name, key_type, open_token)
        else:
            path = settings.data / "keys" / _KEY_FILES[key_type]
            where = str(path)
            if not path.exists():
                if before:
                    raise CorruptError(where, "is missing, but has signed")
                generate_key(name, key_type).write(path)
            key = read_key(path)
        is_another = bool(before) and key.verifier_key not in before
        if key.verifier_key.key_type is not key_type or is_another:
            raise RejectedError(f"{where} is not this witness's key")
        keys.append(key)
    keys += _second_keys(settings, keys, open_token)
    # The keys of one type stand together, the first one first.
    keys.sort(key=lambda it: it.verifier_key.key_type)
    for key in keys:
        key.tell_of(log_key_event)
    names = {key.name for key in [*known, *(it.verifier_key for it in keys)]}
    names |= {settings.name} - {""}
    if len(names) != 1:
        raise RejectedError(
            f"one witness has one name, not {' and '.join(sorted(names))}"
        )
    return keys


def _second_keys(
    settings: WitnessSettings, first: Sequence[SigningKey], open_token: OpenToken
) -> list[SigningKey]:
    """Open the keys that take over; they may be new, and count as had from here on."""
    keys = []
    for key_type, where in (
        (KeyType.COSIGNATURE, settings.ed25519_second_key),
        (KeyType.MLDSA44, settings.mldsa44_second_key),
    ):
        if where:
            name = first[0].verifier_key.name
            key = open_signing_key(where, name, key_type, open_token)
            if any(key.verifier_key == it.verifier_key for it in first):
                raise RejectedError(f"{where} is the first key too")
            keys.append(key)
    return keys
