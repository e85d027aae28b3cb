"""The stores of a log that is one folder: the default."""

from tlog.durable.disk import Disk
from tlog.log.storage.folder import FolderLayout, LogFolder
from tlog.log.storage.journal import Journal
from tlog.log.storage.journal_sqlite import SqliteJournal
from tlog.log.storage.kept import FolderText, KeptText
from tlog.log.storage.moved import FolderMoved
from tlog.log.storage.objects import Objects
from tlog.log.storage.objects_folder import FolderObjects
from tlog.log.storage.stores import Stores, open_index
from tlog.log.storage.tenure_folder import FolderTenure


def open_folder_stores(folder: LogFolder, disk: Disk, origin: str) -> Stores:
    """Open or make all that lies in the folder; as `tlog.log.storage.stores` says."""
    layout = folder.layout
    objects = folder_objects(layout, disk)
    journal = folder_journal(layout)
    try:
        index = open_index(layout.index)
    except BaseException:
        journal.close()
        raise
    return Stores(
        folder=folder,
        tenure=FolderTenure(folder),
        journal=journal,
        objects=objects,
        index=index,
        contradictions=FolderText(layout.contradictions),
        eras=kept_eras(layout),
        moved=FolderMoved(layout.moved),
    )


def folder_objects(layout: FolderLayout, disk: Disk) -> Objects:
    """Return the objects of a folder."""
    return FolderObjects(layout.public, layout.temporary, disk)


def folder_journal(layout: FolderLayout) -> Journal:
    """Open or make the journal of a folder; CorruptError if it is not one."""
    return SqliteJournal(layout.journal)


def kept_eras(layout: FolderLayout) -> KeptText:
    """Return where it stands which keys a log in a folder has had."""
    return FolderText(layout.eras)
