"""A log's folder made from a copy of its entries and heads, before it is a log.

Who makes it hands over bundles that lie in their places already.  What is derived of
them is made here; the witnesses are asked here; and the file `format`, without which no
log starts, is written last of all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tlog.durable.disk import DurableFolder, SystemDisk
from tlog.errors import CorruptError
from tlog.folders import make_private_file, make_role_folder, set_modes
from tlog.log.cosigning.guard import Contradiction, WriteGuard
from tlog.log.merkle.frontier import edge_tiles
from tlog.log.metrics import LogMetrics
from tlog.log.sequencer.rebuild import rebuild
from tlog.log.storage.folder import FORMAT_VERSION, FolderLayout
from tlog.log.storage.index import Index
from tlog.log.storage.journal import SignedHead
from tlog.log.storage.kept import FolderText
from tlog.log.storage.objects import Objects
from tlog.log.storage.stores_folder import folder_journal, folder_objects
from tlogclient.cosigning import AddCheckpoint
from tlogclient.errors import RefusedError
from tlogclient.witness import KnownSize, WitnessClient, witnesses_by_url
from tlogverify.bundles import Progress, encode_bundle, parse_bundle
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import SignatureError, TlogError
from tlogverify.hashing import HASH_SIZE
from tlogverify.policy import Policy, PolicyWitness
from tlogverify.signed import verify_signature
from tlogverify.tiles import ENTRIES, TILE_WIDTH, Tile

_CONFLICTS: Final = {409, 422}


@dataclass(frozen=True, slots=True)
class Heads:
    """What the folder is to hold.  shown: the public checkpoint; None before any."""

    note: bytes
    head: Checkpoint
    shown: Checkpoint | None
    shown_note: bytes | None


@dataclass(slots=True)
class Heard:
    """What witnesses said of a head.

    agreed: names of those that have cosigned no more.  against: contradictions.
    unheard: why nothing is known of a witness, by its name.
    """

    agreed: list[str] = field(default_factory=list)
    against: list[Contradiction] = field(default_factory=list)
    unheard: dict[str, str] = field(default_factory=dict)


def begin_folder(root: Path) -> None:
    """Make the folders of a log that is about to be restored.

    From now on no log starts there: a journal without `format` is refused.  Otherwise a
    key that was put back would sign a new history from size 0.
    """
    make_role_folder(root, "log")
    make_private_file(FolderLayout(root).journal)


def derive(root: Path, heads: Heads, progress: Progress) -> None:
    """Write hash tiles, index, journal and heads of a folder that has the bundles.

    Raises CorruptError if the bundles do not lead to the head.
    """
    layout, head = FolderLayout(root), heads.head
    # What an earlier attempt left; the file itself stays, as `begin_folder` says.
    layout.journal.write_bytes(b"")
    for name in ("journal.db-wal", "journal.db-shm"):
        (root / name).unlink(missing_ok=True)
    for leftover in layout.index.iterdir():
        leftover.unlink()
    objects = folder_objects(layout, SystemDisk())
    index = Index(layout.index)
    try:
        rebuild(head, objects, (), index, progress)
    finally:
        index.close()
    journal = folder_journal(layout)
    try:
        journal.commit(None, SignedHead(head.size, heads.note), None, 0)
    finally:
        journal.close()
    objects.replace_stored(heads.note)
    if heads.shown is not None and heads.shown_note is not None:
        objects.put(_edge_of(heads.shown.size, head.size, objects))
        objects.replace_checkpoint(heads.shown_note)


async def ask_witnesses(
    policy: Policy, heads: Heads, left_out: Collection[str], timeout_s: float
) -> Heard:
    """Ask every witness of a policy that has a URL whether it has seen more.

    left_out: names, as in the policy, of those that are not asked.
    """
    heard = Heard()
    for url, witnesses in witnesses_by_url(policy).items():
        name = witnesses[0].name.decode("utf-8", "backslashreplace")
        if name in left_out:
            continue
        try:
            async with WitnessClient(url, timeout_s=timeout_s) as client:
                found = await _ask(client, name, witnesses, heads)
        except (TlogError, ValueError) as error:
            heard.unheard[name] = str(error)
            continue
        if found is None:
            heard.agreed.append(name)
        else:
            heard.against.append(found)
    return heard


def end_folder(root: Path, against: Sequence[Contradiction]) -> None:
    """Make the folder a log, which writes nothing if witnesses contradict it."""
    kept = FolderText(FolderLayout(root).contradictions)
    guard = WriteGuard(kept, LogMetrics())
    for found in against:
        guard.contradict(found)
    if not guard.keep_again():
        raise CorruptError(kept.where, "could not be written")
    set_modes(root, "log")
    layout = FolderLayout(root)
    disk = SystemDisk()
    for folder in (root.parent, root):
        disk.sync_folder(folder)
    files = DurableFolder(root, layout.temporary, disk)
    files.put({layout.format_file: b"%d\n" % FORMAT_VERSION})


def is_restored(root: Path) -> bool:
    """Whether the folder is a log already."""
    return FolderLayout(root).format_file.exists()


async def _ask(
    client: WitnessClient,
    name: str,
    witnesses: Sequence[PolicyWitness],
    heads: Heads,
) -> Contradiction | None:
    """Return what one witness says against the head; None if it has cosigned no more.

    The head is sent as one that extends itself, so that a witness which knows less
    answers with its size, and signs nothing.
    """
    head = heads.head
    try:
        answer = await client.add_checkpoint(AddCheckpoint(head.size, (), heads.note))
    except RefusedError as error:
        if error.status not in _CONFLICTS:
            raise
        said = f"{name} says that the restored head of {head.size} entries does not "
        said += f"extend what it has cosigned: {error}"
        return Contradiction(name, None, said)
    if isinstance(answer, KnownSize):
        if answer.size < head.size:
            return None
        said = f"{name} says that it has cosigned {answer.size} entries of "
        said += f"{head.origin}; the restored copy has {head.size}"
        return Contradiction(name, answer.size, said)
    for witness in witnesses:
        for line in answer:
            if line.is_by(witness.key):
                verify_signature(witness.key, head, line)
                return None
    raise SignatureError(f"{name} signed with no key of the policy")


def _edge_of(size: int, larger: int, objects: Objects) -> dict[Tile, bytes]:
    """Return the incomplete tiles of an older tree, cut from those of a larger one."""
    cut: dict[Tile, bytes] = {}
    for tile in edge_tiles(size):
        if tile.width:
            found = objects.read(_widest(tile, larger))
            cut[tile] = found[: tile.width * HASH_SIZE]
    if width := size % TILE_WIDTH:
        bundle = Tile(ENTRIES, size // TILE_WIDTH, width)
        widest = _widest(bundle, larger)
        entries = parse_bundle(objects.read(widest), widest.width)
        cut[bundle] = encode_bundle(entries[:width])
    return {tile: content for tile, content in cut.items() if size < larger}


def _widest(tile: Tile, size: int) -> Tile:
    """Return the form that a tile has in a tree of `size`."""
    hashes = size >> 8 * max(tile.level, 0)
    return Tile(tile.level, tile.index, min(hashes - tile.index * TILE_WIDTH, 256))
