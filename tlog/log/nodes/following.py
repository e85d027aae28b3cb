"""A recovery that goes on: what the writer has committed, read along.

    writer     tells its heads: a head is shown only when it said so
    database   has the batches between two heads, which let the tree grow
    bucket     has what is in no batch any more; its checkpoint is shown too, when
               nobody writes
    index      has an entry before the head that shows it

A head that is not the continuation of the ones before it ends the node: it has seen
what the writer does not have.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Condition, Event, Thread
from typing import Final, Protocol

from tlog.clock import Clock
from tlog.entries.packed import Packed
from tlog.errors import BusyError, CorruptError, FatalError, MachineError
from tlog.lifeline import Lifeline
from tlog.log.merkle.snapshot import Snapshot
from tlog.log.merkle.tree import EMPTY_TREE, Tree
from tlog.log.nodes.link import Link
from tlog.log.nodes.wire import (
    HEADS,
    Told,
    ToldWitnesses,
    digest_of,
    parse_told,
)
from tlog.log.publishing.backlog import Backlog
from tlog.log.sequencer.recovery import (
    KnownKeys,
    catch_up,
    open_head,
    replay,
    tree_at,
)
from tlog.log.storage.stores import Stores
from tlog.log.storage.writers import Writer, Writers
from tlog.log_lines import log_event
from tlogverify.checkpoint import Checkpoint
from tlogverify.errors import FormatError
from tlogverify.hashing import HASH_SIZE
from tlogverify.tiles import Tile

_PAUSE_S: Final = 0.1
_BUCKET_S: Final = 1.0
_ANSWER_S: Final = 2.0
_KEPT_TREES: Final = 512


class FollowedKeys(KnownKeys, Protocol):
    """The keys that a followed log is known by, which may change."""

    def refresh(self) -> object:
        """Read them anew; raises CorruptError, or what the machine cannot do now."""
        ...


class Following:
    """Where the log stands, as far as this node has been told.

    signed, shown: snapshots, replaced as a whole; their notes are empty before `open`.
    public_note, public_size: of the public checkpoint.  writer: whom to ask, if known.
    told_size: of the newest head that the writer has told.  witnesses: what it has told
    of them.  on_change: called on the
    thread of this, when a head is new.
    """

    def __init__(
        self, keys: FollowedKeys, stores: Stores, writers: Writers, clock: Clock
    ) -> None:
        self._keys = keys
        self._stores = stores
        self._writers = writers
        self._clock = clock
        self._link = Link(_ANSWER_S)
        self._ending = Event()
        self._changed = Condition()
        self._thread: Thread | None = None
        self._known = ""
        self._looked_s: float | None = None
        self._tree: Tree = EMPTY_TREE
        self._trees: OrderedDict[int, Tree] = OrderedDict({0: EMPTY_TREE})
        self._tiles: dict[Tile, bytes] = {}
        self._unstored: deque[tuple[int, list[Tile]]] = deque()
        self._term = 0
        self._bucket_note = b""
        self._moved_s: float | None = None
        self._successor: Backlog | None = None
        self.on_change: Callable[[], object] = lambda: None
        self.signed = self.shown = Snapshot(b"", EMPTY_TREE)
        self.public_note = b""
        self.public_size = 0
        self.told_size = 0
        self.told_s: float | None = None
        self.witnesses: ToldWitnesses | None = None
        self.writer: Writer | None = None

    @property
    def term(self) -> int:
        """The term of the writer that told the newest head; 0 before."""
        return self._term

    @property
    def quiet_s(self) -> float | None:
        """For how long no head was new; None before the first."""
        if self._moved_s is None:
            return None
        return round(self._clock.monotonic_s() - self._moved_s, 3)

    @property
    def is_told(self) -> bool:
        """Whether the writer was heard within the last seconds."""
        told_s = self.told_s
        now_s = self._clock.monotonic_s()
        return self.writer is not None and told_s is not None and now_s - told_s < 5

    def open(self) -> bool:
        """Read along until there is a head to show; False if it was ended before.

        Raises CorruptError if the bucket does not hold this log, and FatalError.
        """
        while not self.signed.note and not self._ending.is_set():
            self._step_safely()
        return bool(self.signed.note)

    def start(self, lifeline: Lifeline) -> None:
        """Go on reading along, on a thread."""
        self._thread = lifeline.start_thread(
            "following", self._run, lambda _: self.end()
        )

    def end(self) -> None:
        """Let the thread and all that wait come to their end."""
        self._ending.set()
        self._link.cut()
        with self._changed:
            self._changed.notify_all()

    @property
    def is_ending(self) -> bool:
        """Whether it was told to end."""
        return self._ending.is_set()

    def join(self) -> None:
        """Wait for the thread; what it used is free for others then."""
        if self._thread is not None:
            self._thread.join()
        self._link.close()

    def get(self, tile: Tile) -> bytes | None:
        """Return a full tile or bundle that may not be in the bucket yet."""
        content = self._tiles.get(tile)
        if content is None and self._successor is not None:
            return self._successor.get(tile)
        return content

    def hand_over(self, backlog: Backlog) -> None:
        """Have the tiles of a log that this process writes from now on."""
        self._successor = backlog

    def snapshot_of(self, note: bytes, timeout_s: float) -> Snapshot | None:
        """Return the snapshot of a head that the writer has signed, once it is read.

        None if that takes too long or the head is long past.  FatalError if this node
        has another tree of its size.
        """
        if note == (signed := self.signed).note:
            return signed
        head = self._open(note, "the writer's head")
        with self._changed:
            self._changed.wait_for(
                lambda: self.signed.size >= head.size or self._ending.is_set(),
                timeout_s,
            )
        tree = self._trees.get(head.size)
        if tree is None:
            return None
        _require_root(tree, head)
        return Snapshot(note, tree)

    def _run(self) -> None:
        while not self._ending.is_set():
            self._step_safely()

    def _step_safely(self) -> None:
        """Take one step; try again what machine or network cannot do now."""
        try:
            self._step()
        except (BusyError, OSError, FormatError) as error:
            if self._ending.is_set():
                return
            if self.writer is not None:
                log_event("not following", level="warning", error=str(error))
            self.writer = None
            self._ending.wait(_PAUSE_S)
            self._look_into_the_bucket()

    def _step(self) -> None:
        if self.writer is None:
            # The row outlives its writer: who is named there answers, or it is nobody.
            found = self._writers.find()
            if found is None or found.address == self._writers.here.address:
                raise MachineError("no node writes")
            body = self._ask(found, "")
            # A key changes between two terms, and never within one.
            self._keys.refresh()
            log_event("following", term=found.term, address=found.address)
            self.writer = found
        else:
            body = self._ask(self.writer, self._known)
        told = parse_told(body)
        if told.term < self._term:
            raise MachineError("a node of an earlier term answers")
        self._take(told)
        self._known = digest_of(body)
        self.told_s = self._clock.monotonic_s()

    def _ask(self, writer: Writer, known: str) -> bytes:
        return self._link.ask(writer, "GET", f"{HEADS}?known={known}")

    def _take(self, told: Told) -> None:
        """Move on to what the writer tells; FatalError if that is not ahead of this."""
        head = self._open(told.signed, "the writer's head")
        if head.size < self.signed.size:
            raise FatalError(
                f"the writer's head of {head.size} is behind the {self.signed.size} "
                "that this node has seen"
            )
        self.told_size = head.size
        self._read_to(head)
        signed, shown = self.signed, self.shown
        if self._tree.size > head.size:
            # The bucket was ahead of what was told; the writer tells it next.
            signed = Snapshot(self._bucket_note, self._tree)
        elif told.signed != signed.note:
            signed = Snapshot(told.signed, self._tree)
        if told.shown == told.signed:
            shown = signed
        elif told.shown and told.shown != shown.note:
            shown = self._shown(told.shown, is_public=told.shown == told.public)
        self._term, self.witnesses = told.term, told.witnesses
        self._move(signed, shown)
        self._take_public(told.public)
        self._forget(told.stored)

    def _read_to(self, head: Checkpoint) -> None:
        """Let the tree grow up to a head, from batches or from the bucket."""
        while self._tree.size < head.size:
            before = self._tree.size
            self._read_batches(head)
            if self._tree.size < head.size:
                self._read_bucket()
            if self._tree.size == before:
                raise MachineError(f"the batches up to {head.size} are not there yet")
        if self._tree.size == head.size:
            _require_root(self._tree, head)

    def _read_batches(self, head: Checkpoint) -> None:
        for batch in self._stores.journal.batches(self._tree.size):
            if batch.start > self._tree.size or batch.end > head.size:
                return
            growth, entries = replay(batch, self._tree)
            self._index_from(batch.start, growth.leaf_hashes, entries)
            self._tiles.update(growth.full)
            self._unstored.append((batch.end, list(growth.full)))
            self._grow(growth.tree)

    def _index_from(self, start: int, leaf_hashes: bytes, entries: Packed) -> None:
        """Add entries to the index, which may have some of them from before."""
        index = self._stores.index
        first = max(index.complete_to - start, 0)
        if first < len(entries):
            later = entries.cut(first, len(entries))
            index.add_entries(later, leaf_hashes[first * HASH_SIZE :])

    def _read_bucket(self) -> None:
        """Go on from the bucket, whose tiles are those of batches that were dropped.

        Of no other head than these two the incomplete tiles need be there.
        """
        objects = self._stores.objects
        notes = [it for it in (objects.checkpoint(), objects.stored_head()) if it]
        heads = [self._open(it, "a head of the bucket") for it in notes]
        for head, note in sorted(zip(heads, notes, strict=True), key=_size)[-1:]:
            self._read_stored(head, note)

    def _read_stored(self, head: Checkpoint, note: bytes) -> None:
        if head.size > self._tree.size:
            tree = tree_at(head, self._stores.objects)
            catch_up(self._stores.index, self._stores.objects, tree)
            self._grow(tree)
            self._bucket_note = note

    def _grow(self, tree: Tree) -> None:
        self._tree = tree
        self._trees[tree.size] = tree
        if len(self._trees) > _KEPT_TREES:
            self._trees.popitem(last=False)

    def _shown(self, note: bytes, *, is_public: bool) -> Snapshot:
        """Return the snapshot of a cosigned head; the one of before if it has to wait.

        is_public: its incomplete tiles are in the bucket.
        """
        head = self._open(note, "the head that is shown")
        if head.size < self.shown.size:
            return self.shown
        tree = self._trees.get(head.size)
        if tree is None and not is_public:
            return self.shown
        tree = tree or tree_at(head, self._stores.objects)
        _require_root(tree, head)
        return Snapshot(note, tree)

    def _open(self, note: bytes, where: str) -> Checkpoint:
        """Return a head of the log, as `open_head`; a key may have joined since."""
        try:
            return open_head(self._keys, note, where)
        except CorruptError:
            self._keys.refresh()
        return open_head(self._keys, note, where)

    def _move(self, signed: Snapshot, shown: Snapshot) -> None:
        if signed is self.signed and shown is self.shown:
            return
        with self._changed:
            self.signed, self.shown = signed, shown
            self._moved_s = self._clock.monotonic_s()
            self._changed.notify_all()
        self.on_change()

    def _take_public(self, note: bytes) -> None:
        if note and note != self.public_note:
            head = self._open(note, "the public checkpoint")
            if head.size >= self.public_size:
                self.public_note, self.public_size = note, head.size

    def _forget(self, stored: int) -> None:
        """Forget the tiles that the bucket has."""
        while self._unstored and self._unstored[0][0] <= stored:
            for tile in self._unstored.popleft()[1]:
                self._tiles.pop(tile, None)

    def _look_into_the_bucket(self) -> None:
        """Show what is public: nobody tells more, for now."""
        now_s = self._clock.monotonic_s()
        if self._looked_s is not None and now_s - self._looked_s < _BUCKET_S:
            return
        self._looked_s = now_s
        objects = self._stores.objects
        try:
            note = objects.checkpoint()
            if note is None:
                return
            head = self._open(note, "the public checkpoint")
            if head.size < self.public_size:
                return
            self._read_stored(head, note)
            tree = self._tree
            if tree.size != head.size:
                tree = tree_at(head, objects)
            _require_root(tree, head)
        except (BusyError, OSError) as error:
            log_event("bucket not reached", level="warning", error=str(error))
            return
        except CorruptError as error:
            raise FatalError(str(error)) from error
        self._take_public(note)
        if not self.signed.note or head.size > self.signed.size:
            shown = Snapshot(note, tree)
            self._move(shown, shown)
        elif head.size > self.shown.size:
            self._move(self.signed, Snapshot(note, tree))


def _size(found: tuple[Checkpoint, bytes]) -> int:
    return found[0].size


def _require_root(tree: Tree, head: Checkpoint) -> None:
    if (tree.size, tree.root) != (head.size, head.root):
        raise FatalError(
            f"the head of {head.size} is of another history than this node has read"
        )
