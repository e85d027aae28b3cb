"""The stores of a log that nodes share: a database, a bucket, and a folder each.

The folder has what is the node's own: the keys, and an index, which is derived.
"""

import secrets
from functools import partial

from tlog.clock import SystemClock
from tlog.config import require_plain_path
from tlog.durable.bucket import open_bucket, probe_bucket
from tlog.durable.disk import Disk
from tlog.errors import MachineError, RejectedError
from tlog.log.storage.folder import LogFolder
from tlog.log.storage.journal_postgres import PostgresJournal
from tlog.log.storage.kept import KeptText
from tlog.log.storage.kept_row import RowText
from tlog.log.storage.moved_row import RowMoved
from tlog.log.storage.objects_bucket import BucketObjects
from tlog.log.storage.objects_counted import CountedObjects
from tlog.log.storage.postgres import Database
from tlog.log.storage.settings import SharedSettings
from tlog.log.storage.stores import OpenStores, Stores, open_index
from tlog.log.storage.tenure_term import TermTenure
from tlog.log.storage.writers import Writer
from tlog.log.storage.writers_row import RowWriters


def shared_stores(settings: SharedSettings, address: str = "") -> OpenStores:
    """Return how the stores of these settings are opened.

    address: the URL by which other nodes reach this one while it writes.

    Raises RejectedError if one of the two is not named.
    """
    if not settings.database or not settings.objects:
        raise RejectedError("nodes share a database and a bucket: name both")

    def open_stores(folder: LogFolder, disk: Disk, origin: str) -> Stores:
        return _open(settings, folder, origin, address)

    return open_stores


def shared_eras(settings: SharedSettings, origin: str) -> KeptText:
    """Return which keys a log has had, to be read by one that does not write.

    RejectedError if there is no such log, MachineError if the database cannot be used.
    """
    database = Database(settings.database)
    try:
        database.make_tables()
        if PostgresJournal(database, origin, lambda: 0).head() is None:
            raise RejectedError(f"the database holds no log {origin}")
    finally:
        database.close()
    return RowText(database, origin, lambda: 0, "eras")


def _open(
    settings: SharedSettings, folder: LogFolder, origin: str, address: str
) -> Stores:
    objects = CountedObjects(_open_objects(settings.objects, origin))
    writing, living = Database(settings.database), Database(settings.database)
    try:
        judge = partial(_require_durable, settings)
        judge(writing)
        writing.make_tables()
        here = Writer(0, address, secrets.token_bytes(32))
        clock, takeover_s = SystemClock(), settings.takeover_s
        tenure = TermTenure(living, origin, takeover_s, clock, judge, here)
        index = open_index(folder.layout.index)
    except BaseException:
        writing.close()
        raise

    def term() -> int:
        return tenure.term

    def beside() -> Database:
        return Database(settings.database)

    return Stores(
        folder=folder,
        tenure=tenure,
        journal=PostgresJournal(writing, origin, term),
        objects=objects,
        index=index,
        contradictions=RowText(beside(), origin, term, "contradictions"),
        eras=RowText(beside(), origin, term, "eras"),
        moved=RowMoved(beside(), origin, term),
        writers=RowWriters(beside(), origin, here),
        failures=lambda: objects.failures,
    )


def _require_durable(settings: SharedSettings, database: Database) -> None:
    database.require_durable(by_storage=settings.durability == "storage")


def _open_objects(url: str, origin: str) -> BucketObjects:
    """Open the objects of one log; its origin is the last part of their prefix."""
    require_plain_path("an origin", origin)
    store = open_bucket(url)
    try:
        probe_bucket(store, f"{origin}/probe/{secrets.token_hex(8)}")
    except OSError as error:
        raise MachineError(f"the bucket cannot be used now: {error}") from error
    return BucketObjects(store, origin)
