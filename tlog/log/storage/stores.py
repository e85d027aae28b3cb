"""Everything of a log that is on disk, opened together and closed in order."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tlog.durable.disk import Disk
from tlog.errors import CorruptError
from tlog.log.storage.folder import LogFolder
from tlog.log.storage.index import Index
from tlog.log.storage.journal import Journal
from tlog.log.storage.objects import Objects
from tlog.log_lines import log_event


@dataclass(frozen=True, slots=True)
class Stores:
    """A folder that this process holds, and what lies in it."""

    folder: LogFolder
    journal: Journal
    objects: Objects
    index: Index

    @classmethod
    def open(cls, folder: LogFolder, disk: Disk) -> Self:
        """Open or make all; CorruptError if one is broken, or MachineError.

        An index that is damaged is made anew, empty: recovery fills it.
        """
        layout = folder.layout
        objects = Objects(layout.public, layout.temporary, disk)
        journal = Journal(layout.journal)
        try:
            index = _open_index(layout.index)
        except BaseException:
            journal.close()
            raise
        return cls(folder, journal, objects, index)

    def close(self) -> None:
        """Close all, and let go of the folder."""
        try:
            self.index.close()
        finally:
            self.journal.close()
            self.folder.close()


def _open_index(path: Path) -> Index:
    try:
        return Index(path)
    except CorruptError as error:
        log_event("index made anew", level="warning", error=str(error))
        shutil.rmtree(path, ignore_errors=True)
        return Index(path)
