"""Change the key of a stopped log under one origin: join, retire, revoke.

The new key joins beside the old one, and both sign all heads.  Later the old one
retires.  An entry of the log says either, at its index.  The policy and the verifier
keys in the log's folder are written anew by each step.  Ed25519 and ML-DSA-44 keys
change each for itself.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tlog.cli.document_log import open_stopped, settings_of
from tlog.cli.keys import open_token
from tlog.cli.output import Output
from tlog.cli.retries import silence_retries
from tlog.clock import BoundedClock, SystemClock
from tlog.errors import RejectedError
from tlog.log.eras import (
    KeyEra,
    keys_folder,
    lasting_place,
    read_eras,
    write_eras,
)
from tlog.log.identity import first_eras, open_era
from tlog.log.opening import open_log
from tlog.signing import generate_key, open_signing_key, read_key
from tlogclient import LogClient
from tlogclient.keychanges import ChangeKind, KeyChange
from tlogverify import Policy
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType
from tlogverify.record import Record

_DAY_S: Final = 86_400
_MAX_DAYS: Final = 36_500
_TYPES: Final = (KeyType.ED25519, KeyType.MLDSA44)
"""Without --mldsa44, and with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="a stopped log's --data"
    )
    parser.add_argument("--config", type=Path, help="as of tlog serve")
    parser.add_argument(
        "--mldsa44",
        action="store_true",
        help="the ML-DSA-44 key of the log; it gets its first one so, too",
    )
    step = parser.add_mutually_exclusive_group()
    step.add_argument(
        "--retire", action="store_true", help="the old key signs no more from here on"
    )
    step.add_argument(
        "--revoke-from",
        type=int,
        metavar="INDEX",
        help="heads of more than INDEX entries do not count if the old key alone "
        "signed them",
    )
    parser.add_argument(
        "--new-key",
        metavar="URI",
        help="where the new key is (default: made in the folder)",
    )
    parser.add_argument(
        "--days", type=int, default=90, help="how long both keys sign, at least"
    )
    parser.add_argument(
        "--early", action="store_true", help="with --retire: before these days are over"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stopped log, its folder, and the eras of its keys.

    eras: of the type that changes, the oldest first; the last one may be pending.
    others: of the other type.
    """

    options: argparse.Namespace
    root: Path
    eras: tuple[KeyEra, ...]
    others: tuple[KeyEra, ...]

    @property
    def key_type(self) -> KeyType:
        """The type of the key that changes."""
        return _TYPES[self.options.mldsa44]

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

    def replaced(self, *eras: KeyEra) -> "Stopped":
        """Write other eras, and return the log with them."""
        write_eras(self.root, (*self.others, *eras))
        return replace(self, eras=eras)


def run(options: argparse.Namespace) -> int:
    """Take one step, and say at which index the log says so."""
    if not 0 <= options.days <= _MAX_DAYS:
        raise FormatError(f"--days is 0 to {_MAX_DAYS}", options.days)
    silence_retries()
    stopped = _read(options)
    if options.retire:
        told = _retire(stopped)
    elif options.revoke_from is not None:
        told = _revoke(stopped, options.revoke_from)
    else:
        _, told = _join(stopped, options.days)
    asyncio.run(_publish(stopped))
    output = Output()
    for line in [json.dumps(told)] if options.json else _sentences(told):
        output.tell(line)
    output.require()
    return 0


def _read(options: argparse.Namespace) -> Stopped:
    settings = settings_of(options)
    written = read_eras(settings.data)
    ed25519, mldsa44 = (
        tuple(it for it in written if it.key.key_type is key_type)
        for key_type in _TYPES
    )
    # An ML-DSA-44 key vouches for no other type: it needs no era before it changes.
    ed25519 = ed25519 or first_eras(settings, KeyType.ED25519, open_token)
    if not options.mldsa44:
        return Stopped(options, settings.data, eras=ed25519, others=mldsa44)
    mldsa44 = mldsa44 or first_eras(settings, KeyType.MLDSA44, open_token)
    return Stopped(options, settings.data, eras=mldsa44, others=ed25519)


def _join(stopped: Stopped, days: int) -> tuple[Stopped, dict[str, object]]:
    if len(stopped.signing) > 1:
        raise RejectedError("two keys sign already: --retire the old one first")
    old, pending = stopped.vouching, stopped.pending
    if pending is None:
        pending = _pending(stopped, old, days)
        # Before the log says so: a run that was killed goes on with the same key.
        stopped = stopped.replaced(*stopped.eras, pending)
    elif stopped.options.new_key not in (None, pending.place):
        raise RejectedError(
            f"a change to {pending.place} is under way: end it first, without --new-key"
        )
    change = KeyChange(ChangeKind.JOINS, pending.until_s or 1, old.key, pending.key)
    index = _log(stopped, change, [old, pending])
    joined = replace(pending, joined=index)
    return stopped.replaced(*stopped.eras[:-1], joined), _told(change, index)


def _pending(stopped: Stopped, old: KeyEra, days: int) -> KeyEra:
    name, given = old.key.name, stopped.options.new_key
    if given is None:
        number = len(stopped.eras) + 1
        place = f"log.{stopped.key_type.name.lower()}"
        place += f".{number}" if number > 1 else ""
        path = keys_folder(stopped.root) / place
        if not path.exists():
            generate_key(name, stopped.key_type).write(path)
        key = read_key(path).verifier_key
    else:
        place = lasting_place(given)
        opened = open_signing_key(place, name, stopped.key_type, open_token)
        key = opened.verifier_key
    if key.name != name or any(era.key == key for era in stopped.eras):
        raise RejectedError(f"{place} is no new key of {name}: {key.encode()}")
    until_s = BoundedClock(SystemClock()).now_s() + days * _DAY_S
    return KeyEra(place, key.encode(), joined=None, until_s=until_s)


def _retire(stopped: Stopped) -> dict[str, object]:
    if len(stopped.signing) != 2:
        raise RejectedError("one key signs: join another one before this one retires")
    old, new = stopped.signing
    now_s = BoundedClock(SystemClock()).now_s()
    if now_s < (new.until_s or 0) and not stopped.options.early:
        left = -(-((new.until_s or 0) - now_s) // _DAY_S)
        raise RejectedError(
            f"both keys are to sign for {left} more days, as the log says: wait, or "
            "--retire --early"
        )
    change = KeyChange(ChangeKind.RETIRES, 0, old.key, new.key)
    # The last entry of it is the last one of a head that both sign.
    change = replace(change, number=_size(stopped) + change.length)
    index = _log(stopped, change, [old, new])
    _end(stopped, old, change.number)
    return _told(change, index)


def _revoke(stopped: Stopped, size: int) -> dict[str, object]:
    if size < 0:
        raise FormatError("--revoke-from is an index", size)
    if not stopped.signing:
        raise RejectedError("the log has no ML-DSA-44 key")
    if len(stopped.eras) < 2 or stopped.pending is not None:
        stopped, _ = _join(stopped, 0)
    old, new = stopped.eras[-2:]
    if size > _size(stopped):
        raise RejectedError(f"the log has no index {size}")
    change = KeyChange(ChangeKind.REVOKED, size, old.key, new.key)
    # The thief may hold the old key, and the log need not have it any more.
    _end(stopped, old, size if old.retired is None else min(size, old.retired))
    return _told(change, _log(stopped, change, [new]))


def _end(stopped: Stopped, old: KeyEra, size: int) -> None:
    stopped.replaced(
        *(replace(era, retired=size) if era == old else era for era in stopped.eras)
    )


def _log(stopped: Stopped, change: KeyChange, signers: Sequence[KeyEra]) -> int:
    """Log a change; return the index of its first entry."""
    keys = [open_era(stopped.root, it, open_token) for it in signers]
    by_old = keys[0].sign_text if len(keys) > 1 else None
    records = change.records(by_old, keys[-1].sign_text)
    return asyncio.run(_submit(stopped, records))


async def _publish(stopped: Stopped) -> None:
    """Sign the newest head anew and show it; write the policy and the verifier keys."""
    async with open_stopped(stopped.options):
        pass


async def _submit(stopped: Stopped, records: Sequence[Record]) -> int:
    async with open_stopped(stopped.options, takes_records=True) as (url, log):
        policy = Policy.parse(log.standing.policy.encode())
        async with LogClient(url, policy) as client:
            # One request's entries stand in a row: nobody else's come between.
            proofs = await client.submit(records)
    return proofs[0].index


def _size(stopped: Stopped) -> int:
    """Return the size of the stopped log."""
    log = open_log(settings_of(stopped.options), open_token=open_token)
    size = log.heads.signed.size
    log.close()
    return size


def _told(change: KeyChange, index: int) -> dict[str, object]:
    return {
        "change": change.kind.name.lower(),
        "number": change.number,
        "index": index,
        "old": change.old.encode(),
        "new": change.new.encode(),
    }


def _sentences(told: dict[str, object]) -> list[str]:
    said = {
        "joins": "the new key joins, both sign until {number} (POSIX seconds)",
        "retires": "the old key retires at size {number}",
        "revoked": "the old key is revoked from index {number} on",
    }[str(told["change"])]
    return [f"entry {told['index']}: {said.format(**told)}", f"new key {told['new']}"]
