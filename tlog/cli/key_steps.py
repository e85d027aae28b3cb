"""What a change of a log's key is made of: the eras, whose turn it is, the steps."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tlog.cli.keys import open_token
from tlog.clock import BoundedClock, SystemClock
from tlog.errors import RejectedError
from tlog.log.eras import KeptEras, KeyEra, keys_folder, lasting_place, write_eras
from tlog.log.identity import open_era
from tlog.log.life import Log
from tlog.signing import generate_key, open_signing_key, read_key
from tlogclient import LogClient
from tlogclient.keychanges import ChangeKind, KeyChange
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType

_DAY_S: Final = 86_400
KEY_TYPES: Final = (KeyType.ED25519, KeyType.MLDSA44)
"""Without --mldsa44, and with it."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The eras of a log's keys; root: of its folder.  kept: where they stand.

    eras: of the type that changes, the oldest first; the last one may be pending.
    others: of the other type.
    """

    options: argparse.Namespace
    root: Path
    kept: KeptEras
    eras: tuple[KeyEra, ...]
    others: tuple[KeyEra, ...]

    @property
    def key_type(self) -> KeyType:
        """The type of the key that changes."""
        return KEY_TYPES[self.options.mldsa44]

    @property
    def signing(self) -> tuple[KeyEra, ...]:
        """The eras of the keys that sign now."""
        return tuple(era for era in self.eras if era.signs)

    @property
    def vouching(self) -> KeyEra:
        """The era of the key by whose word another one joins."""
        return [era for era in (*self.others, *self.eras) if era.signs][-1]

    @property
    def pending(self) -> KeyEra | None:
        """The era of the key that is about to join, if one is."""
        return next((it for it in self.eras[-1:] if it.joined is None), None)

    def replaced(self, *eras: KeyEra) -> "Keys":
        """Write other eras, and return them."""
        write_eras(self.kept, (*self.others, *eras))
        return replace(self, eras=eras)


def require_turn(keys: Keys) -> None:
    """Raise RejectedError if a step is out of turn, before anything is changed."""
    options, signing = keys.options, len(keys.signing)
    if options.retire:
        if signing != 2:
            raise RejectedError(
                "one key signs: join another one before this one retires"
            )
        _require_time(keys)
    elif options.revoke_from is None:
        _require_no_second(keys)
    elif options.revoke_from < 0:
        raise FormatError("--revoke-from is an index", options.revoke_from)
    elif not signing:
        raise RejectedError("the log has no ML-DSA-44 key")


def _require_time(keys: Keys) -> None:
    until_s = keys.signing[-1].until_s or 0
    now_s = BoundedClock(SystemClock()).now_s()
    if now_s < until_s and not keys.options.early:
        left = -(-(until_s - now_s) // _DAY_S)
        raise RejectedError(
            f"both keys are to sign for {left} more days, as the log says: wait, or "
            "--retire --early"
        )


def _require_no_second(keys: Keys) -> None:
    if len(keys.signing) > 1:
        raise RejectedError("two keys sign already: --retire the old one first")
    given, pending = keys.options.new_key, keys.pending
    if pending is None or given is None:
        return
    if lasting_place(keys.root, given) != pending.place:
        raise RejectedError(
            f"a change to {pending.place} is under way: end it first, without --new-key"
        )


class Step:
    """One step at an open log; client: of its door."""

    def __init__(self, log: Log, client: LogClient) -> None:
        self._log = log
        self._client = client

    async def join(self, keys: Keys, days: int) -> tuple[Keys, dict[str, object]]:
        """Let a new key join, or end what a run that was killed has begun."""
        old, pending = keys.vouching, keys.pending
        if pending is None:
            pending = _pending(keys, old, days)
            # Before the log says so: a run that was killed goes on with the same key.
            keys = keys.replaced(*keys.eras, pending)
        change = KeyChange(ChangeKind.JOINS, pending.until_s or 1, old.key, pending.key)
        index = await self._log_change(keys, change, [old, pending])
        joined = replace(pending, joined=index)
        return keys.replaced(*keys.eras[:-1], joined), _told(change, index)

    async def retire(self, keys: Keys) -> dict[str, object]:
        """Let the older of two keys sign no more."""
        old, new = keys.signing
        change = KeyChange(ChangeKind.RETIRES, 0, old.key, new.key)
        # The last entry of it is the last one of a head that both sign.
        change = replace(change, number=self._log.heads.signed.size + change.length)
        index = await self._log_change(keys, change, [old, new])
        await self._end(keys, old, change.number)
        return _told(change, index)

    async def revoke(self, keys: Keys, size: int) -> dict[str, object]:
        """Revoke the newest key but one, or the only one: a new one joins first."""
        if size > self._log.heads.signed.size:
            raise RejectedError(f"the log has no index {size}")
        if len(keys.eras) < 2 or keys.pending is not None:
            keys, _ = await self.join(keys, 0)
        old, new = keys.eras[-2:]
        change = KeyChange(ChangeKind.REVOKED, size, old.key, new.key)
        # A thief may hold the old key, and the log need not have it any more.
        index = await self._log_change(keys, change, [new])
        ends = size if old.retired is None else min(size, old.retired)
        await self._end(keys, old, ends)
        return _told(change, index)

    async def _end(self, keys: Keys, old: KeyEra, size: int) -> None:
        # Nothing is signed any more by the key that ends with what is written here.
        self._log.submitting.pool.close()
        await asyncio.to_thread(self._log.sequencer.join)
        keys.replaced(
            *(replace(era, retired=size) if era == old else era for era in keys.eras)
        )

    async def _log_change(
        self, keys: Keys, change: KeyChange, signers: Sequence[KeyEra]
    ) -> int:
        """Log a change; return the index of its first entry."""
        opened = [open_era(keys.root, it, open_token) for it in signers]
        by_old = opened[0].sign_text if len(opened) > 1 else None
        records = change.records(by_old, opened[-1].sign_text)
        # One request's entries stand in a row: nobody else's come between.
        proofs = await self._client.submit(records)
        return proofs[0].index


def _pending(keys: Keys, old: KeyEra, days: int) -> KeyEra:
    name, given = old.key.name, keys.options.new_key
    if given is None:
        number = len(keys.eras) + 1
        place = f"log.{keys.key_type.name.lower()}"
        place += f".{number}" if number > 1 else ""
        path = keys_folder(keys.root) / place
        if not path.exists():
            generate_key(name, keys.key_type).write(path)
        key = read_key(path).verifier_key
    else:
        place = lasting_place(keys.root, given)
        opened = open_signing_key(given, name, keys.key_type, open_token)
        key = opened.verifier_key
    if key.name != name or any(era.key == key for era in keys.eras):
        raise RejectedError(f"{place} is no new key of {name}: {key.encode()}")
    until_s = BoundedClock(SystemClock()).now_s() + days * _DAY_S
    return KeyEra(place, key.encode(), joined=None, until_s=until_s)


def _told(change: KeyChange, index: int) -> dict[str, object]:
    return {
        "change": change.kind.name.lower(),
        "number": change.number,
        "index": index,
        "old": change.old.encode(),
        "new": change.new.encode(),
    }
