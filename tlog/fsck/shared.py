"""A log that nodes share, from its bytes: the bucket against the database's head.

Its nodes may run.  The database is read before the public head, so that what lies above
that head is in one of its batches.  A head that was committed and published between
the two must have the database's head within its tree, and the database must know it by
then.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from tlog.errors import RejectedError
from tlog.fsck.bucket import BucketPlace
from tlog.fsck.check import (
    Verdict,
    check_entries,
    published_entries,
    read_keys,
    verdict_of,
)
from tlog.fsck.damage import DamageError
from tlog.fsck.database import DatabaseJournal
from tlog.fsck.index import IndexFolder
from tlog.fsck.journal import check_batches, check_published_batches
from tlog.fsck.tree import PublicTree
from tlogverify.bundles import Progress
from tlogverify.keys import VerifierKey


class SharedPlaces(NamedTuple):
    """Where a shared log lies.

    root: the folder of a node, with the log's keys and an index.  database: a URL that
    may hold a password.  objects: s3://BUCKET/PREFIX.
    """

    root: Path
    database: str
    objects: str

    def journal(self, keys: list[VerifierKey]) -> DatabaseJournal:
        """Return the head and the batches of the log with these keys, as they are."""
        return DatabaseJournal(self.database, keys[0].name, keys)

    def bucket(self, origin: str) -> BucketPlace:
        """Return the public files of the log of this origin."""
        return BucketPlace(self.objects, origin)


def check_shared(
    places: SharedPlaces, progress: Progress, *, tree_only: bool
) -> Verdict:
    """Verify a log that nodes share; they may write meanwhile.

    tree_only: leave out the index of the node, which must be stopped otherwise, and the
    entries' own format.

    Raises DamageError naming the first damaged place, RejectedError if the node runs or
    the stores may not be read, MachineError or OSError if they cannot be read now.
    """
    keys = read_keys(places.root)
    if tree_only:
        return _check(places, keys, None, progress)
    if not (places.root / "format").exists():
        raise RejectedError(f"{places.root} is not a node's folder")
    lock = FileLock(places.root / "lock", blocking=False)
    try:
        with lock, ExitStack() as opened:
            index = IndexFolder(places.root / "index")
            opened.callback(index.close)
            return _check(places, keys, index, progress)
    except Timeout:
        raise RejectedError(
            f"a node holds {places.root}: stop that one, or leave its index out by "
            "--tree-only"
        ) from None


def _check(
    places: SharedPlaces,
    keys: list[VerifierKey],
    index: IndexFolder | None,
    progress: Progress,
) -> Verdict:
    place = places.bucket(keys[0].name)
    journal, tree = _open(places, place, keys)
    check_entries(tree, index, progress)
    published = published_entries(place, tree.size)
    if journal.head.size < tree.size:
        check_published_batches(journal, published)
    else:
        # A node that follows has in its index what is in no bundle yet.
        watch = None if index is None else index.add
        check_batches(journal, tree.peaks, published, watch)
    if index is not None:
        index.check(max(journal.head.size, tree.size))
    tree.check_leftovers(lambda: places.journal(keys).head.size)
    return verdict_of(tree, journal, index)


def _open(
    places: SharedPlaces, place: BucketPlace, keys: list[VerifierKey]
) -> tuple[DatabaseJournal, PublicTree]:
    """Return the database as it was, and then the public tree.

    More may have been published between the two, up to what the database has by then.
    """
    journal = places.journal(keys)
    tree = PublicTree(place, keys)
    if tree.durable is None and journal.first_start() != 0:
        raise DamageError("head", place.where("checkpoint"), "is missing")
    if tree.size <= journal.head.size:
        return journal, tree
    where = f"{journal.where}: head"
    if places.journal(keys).head.size < tree.size:
        raise DamageError("journal", where, f"is below the public {tree.size}")
    tree.expect_within(
        journal.head, DamageError("journal", where, "is of another tree")
    )
    return journal, tree
