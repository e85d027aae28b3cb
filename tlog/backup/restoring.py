"""A folder made from a copy: proven whole, then the witnesses, then a log.

    1  the copy's head verifies, and its bundles lead to it      else nothing is made
    2  bundles, keys, files and documents lie in the folder      it is no log yet
    3  tiles, index, journal and heads are derived               it is no log yet
    4  every witness of the policy has answered                  else it stays no log
    5  what they say against it is kept, then `format`           <- the commit point

A restore that is ended anywhere is resumed by the same command.  A folder whose head is
behind what a witness has cosigned becomes a log that serves and writes nothing.
"""

import asyncio
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.backup.documents import mirror_documents
from tlog.backup.place import Copy, Place, open_head, read_keys
from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.errors import CorruptError, RejectedError
from tlog.folders import (
    PRIVATE_FILE,
    PUBLIC_FILE,
    hold_folder,
    making_folder,
    require_own_folder,
    write_whole,
)
from tlog.log.restoring import (
    Heads,
    Heard,
    ask_witnesses,
    begin_folder,
    derive,
    end_folder,
    is_restored,
)
from tlogclient.witness import witnesses_by_url
from tlogverify import Policy
from tlogverify.bundles import Progress
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import TlogError
from tlogverify.tiles import bundles_of_size

_MARK: Final = "restoring"
_STEP_BUNDLES: Final = 64
_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Asking:
    """Whom to ask before the folder becomes a log.

    policy: names the witnesses; None takes the one that the log handed out.  left_out:
    names of witnesses that cannot be asked any more.  has_none: the operator's word
    that the head is the newest ever given, for a log without witnesses.
    """

    policy: Policy | None = None
    left_out: Collection[str] = ()
    has_none: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What was made: the head, and what the witnesses said of it."""

    head: Checkpoint
    heard: Heard


class UnheardError(TlogError):
    """A witness was not heard: nobody knows yet whether the log may write."""


def restore(place: Path, to: Path, asking: Asking, progress: Progress) -> Restored:
    """Make a log's folder at `to` from the copy at `place`.

    Raises RejectedError if `to` holds something, or there is nobody to ask,
    CorruptError if the copy is damaged, UnheardError.  The same call resumes.
    """
    with ExitStack() as stack:
        held = Place(place, makes=False)
        stack.callback(held.close)
        copy = held.read()
        if copy is None:
            raise RejectedError(f"{place} holds no copy of a log")
        heads, policy = _read(held, copy, asking)
        _take(to, stack)
        _copy_all(held, to, heads.head, progress)
        derive(to, heads, progress)
        heard = asyncio.run(ask_witnesses(policy, heads, asking.left_out, _TIMEOUT_S))
        if heard.unheard and not heard.against:
            name, why = next(iter(heard.unheard.items()))
            raise UnheardError(
                f"{to} is no log yet: the witness {name} was not heard: {why}. The "
                f"same command asks again; --without {name} goes on without it"
            )
        end_folder(to, heard.against)
        (to / _MARK).unlink()
        return Restored(heads.head, heard)


def _read(held: Place, copy: Copy, asking: Asking) -> tuple[Heads, Policy]:
    """Return what the folder is to hold, and whom to ask."""
    keys = read_keys(held.files)
    head = open_head(copy.note, keys, "the copy's head")
    policy = asking.policy or Policy.read(held.files / "policy")
    if not witnesses_by_url(policy) and not asking.has_none:
        raise RejectedError(
            f"no witness can tell whether {head.size} entries are all that this log "
            "has signed: compare with the newest proof files and readers' checkpoints, "
            "then say --without-witnesses; or name a --policy with witnesses"
        )
    # Where nothing waits for cosignatures, the signed head is the public one.
    waits = bool(Policy.read(held.files / "policy").witnesses)
    shown_note = copy.shown if waits else copy.note
    shown = None if shown_note is None else open_head(shown_note, keys, "checkpoint")
    return Heads(copy.note, head, shown, shown_note), policy


def _take(to: Path, stack: ExitStack) -> None:
    """Take the folder: it is new, or what an earlier restore has left."""
    require_own_folder(to, "log")
    if is_restored(to):
        # Never touched again, even if a restore was ended right behind its last step:
        # the log may have taken entries since.
        raise RejectedError(f"{to} is a log already: restore into another folder")
    if to.is_dir() and not (to / _MARK).exists() and any(to.iterdir()):
        raise RejectedError(f"{to} is not empty: restore into a new folder")
    with making_folder(to):
        to.mkdir(parents=True, exist_ok=True)
        write_whole(to / _MARK, b"", mode=PRIVATE_FILE)
        stack.callback(hold_folder(to).release)
        begin_folder(to)


def _copy_all(held: Place, to: Path, head: Checkpoint, progress: Progress) -> None:
    durable = DurableFolder(to / "public", to / "tmp", SystemDisk())
    waiting: dict[Path, bytes] = {}
    for bundle in bundles_of_size(head.size):
        try:
            content = held.path(bundle).read_bytes()
        except FileNotFoundError as error:
            raise CorruptError(str(held.path(bundle)), "is missing") from error
        path = to / "public" / bundle.path
        if not path.exists() or path.read_bytes() != content:
            waiting[path] = content
        if len(waiting) == _STEP_BUNDLES:
            durable.put(waiting)
            waiting.clear()
        progress(min(bundle.index * 256 + bundle.width, head.size), head.size)
    durable.put(waiting)
    for path in sorted(it for it in held.files.rglob("*") if it.is_file()):
        name = path.relative_to(held.files)
        mode = PRIVATE_FILE if name.parts[0] == "keys" else PUBLIC_FILE
        write_whole(to / name, path.read_bytes(), mode=mode)
    _, damaged = mirror_documents(held.documents, to / "documents")
    if damaged:
        raise CorruptError(str(held.documents), f"{damaged[0]} has changed")
