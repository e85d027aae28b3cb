"""Change the key of a log under one origin: join, retire, revoke.

The new key joins beside the old one, and both sign all heads.  Later the old one
retires.  An entry of the log says either, at its index.  Ed25519 and ML-DSA-44 keys
change each for itself.  A log in a folder is stopped first; its policy and verifier
keys are written anew by each step.  The nodes of one that they share go on: for this
one step, DIR's takes the place of the one that writes.
"""

import argparse
import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from tlog.cli.document_log import open_stopped, opened_here, settings_of
from tlog.cli.key_steps import KEY_TYPES, Keys, Step, require_turn
from tlog.cli.keys import open_token
from tlog.cli.output import Output
from tlog.cli.retries import silence_retries
from tlog.cli.stores import add_stores, may_be_shared, needing_extra
from tlog.cli.verbs import load
from tlog.errors import RejectedError, telling_machine_trouble
from tlog.log.eras import KeptEras, KeyEra, folder_eras, read_eras
from tlog.log.identity import first_eras, signed_with
from tlog.log.life import Log
from tlog.log.opening import OpenStores
from tlog.log.settings import LogSettings
from tlogclient import LogClient
from tlogverify import Policy
from tlogverify.errors import FormatError
from tlogverify.keys import KeyType

_MAX_DAYS: Final = 36_500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this verb's arguments."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        help="a stopped log's --data, or that of a stopped node",
    )
    add_stores(parser)
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


def run(options: argparse.Namespace) -> int:
    """Take one step, and say at which index the log says so."""
    if not 0 <= options.days <= _MAX_DAYS:
        raise FormatError(f"--days is 0 to {_MAX_DAYS}", options.days)
    silence_retries()
    with telling_machine_trouble():
        told = asyncio.run(_change(options))
    output = Output()
    for line in [json.dumps(told)] if options.json else _sentences(told):
        output.tell(line)
    output.require()
    return 0


async def _change(options: argparse.Namespace) -> dict[str, object]:
    settings, kept, open_stores = _places(options)
    written = read_eras(kept)
    keys = _read(options, settings, kept, written)
    require_turn(keys)
    signing = signed_with(settings.data)
    if open_stores is not None:
        # The folder has not seen the changes before this one.
        signing |= {it.key.key_type for it in written if it.signs}
    has_mldsa44 = settings.mldsa44 or KeyType.MLDSA44 in signing
    settings = replace(settings, mldsa44=has_mldsa44)
    async with open_stopped(settings, takes_records=True, open_stores=open_stores) as (
        url,
        log,
    ):
        if read_eras(log.stores.eras) != written:
            raise RejectedError("another change of a key was quicker: try again")
        told = await _step(replace(keys, kept=log.stores.eras), url, log)
    if open_stores is None:
        # The newest head is signed anew and shown.  A node that takes over does both.
        mldsa44 = settings.mldsa44 or options.mldsa44
        async with open_stopped(replace(settings, mldsa44=mldsa44)):
            pass
    return told


def _places(
    options: argparse.Namespace,
) -> tuple[LogSettings, KeptEras, OpenStores | None]:
    """Return what the log is opened by; no stores are named for one in a folder."""
    shared = None
    if may_be_shared(options):
        shared = load("shared_stores").read_stores(options)
    if shared is None:
        settings = settings_of(options)
        return settings, folder_eras(settings.data), None
    settings = opened_here(shared)
    with needing_extra():
        open_stores, kept = load("rotate_key_shared").open_shared(settings, open_token)
    return settings, kept, open_stores


def _read(
    options: argparse.Namespace,
    settings: LogSettings,
    kept: KeptEras,
    written: tuple[KeyEra, ...],
) -> Keys:
    root = settings.data
    ed25519, mldsa44 = (
        tuple(it for it in written if it.key.key_type is key_type)
        for key_type in KEY_TYPES
    )
    # An ML-DSA-44 key vouches for no other type: it needs no era before it changes.
    ed25519 = ed25519 or first_eras(settings, KeyType.ED25519, open_token)
    if not options.mldsa44:
        return Keys(options, root, kept, eras=ed25519, others=mldsa44)
    mldsa44 = mldsa44 or first_eras(settings, KeyType.MLDSA44, open_token)
    return Keys(options, root, kept, eras=mldsa44, others=ed25519)


async def _step(keys: Keys, url: str, log: Log) -> dict[str, object]:
    """Take the step at a log that this process alone writes."""
    policy = Policy.parse(log.standing.policy.encode())
    async with LogClient(url, policy) as client:
        step = Step(log, client)
        if keys.options.retire:
            return await step.retire(keys)
        if keys.options.revoke_from is not None:
            return await step.revoke(keys, keys.options.revoke_from)
        _, told = await step.join(keys, keys.options.days)
        return told


def _sentences(told: dict[str, object]) -> list[str]:
    said = {
        "joins": "the new key joins, both sign until {number} (POSIX seconds)",
        "retires": "the old key retires at size {number}",
        "revoked": "the old key is revoked from index {number} on",
    }[str(told["change"])]
    return [f"entry {told['index']}: {said.format(**told)}", f"new key {told['new']}"]
