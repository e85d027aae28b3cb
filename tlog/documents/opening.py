"""From a folder to an open store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from tlog.clock import Clock
from tlog.documents.metrics import DocumentMetrics
from tlog.documents.settings import DocumentSettings
from tlog.documents.store import DocumentStore
from tlog.documents.threads import Threads
from tlog.errors import CorruptError, RejectedError
from tlog.folders import (
    PRIVATE_FILE,
    hold_folder,
    make_role_folder,
    making_folder,
    require_own_folder,
    set_modes,
    write_whole,
)
from tlog.log_lines import log_event

FORMAT: Final = b"1\n"
_FORMAT_FILE: Final = "documents.format"
_COLD_FILE: Final = "cold"
_IN_LOG: Final = "documents"


@dataclass(frozen=True, slots=True)
class OpenDocuments:
    """A store that this process holds until `close`, and what it is set to."""

    store: DocumentStore
    settings: DocumentSettings
    metrics: DocumentMetrics
    clock: Clock
    threads: Threads
    lock: FileLock

    def close(self) -> None:
        """Finish what is under way, and let another server take the folder."""
        self.threads.close()
        self.store.components.close()
        self.lock.release()


def open_documents(
    settings: DocumentSettings, log_folder: Path, metrics: DocumentMetrics, clock: Clock
) -> OpenDocuments | None:
    """Open or make the store of `settings`, and hold it; None if there is to be none.

    Raises RejectedError if the folder is another role's, is in use, or has a newer
    format; OSError that names it.
    """
    if settings.documents is False:
        return None
    root = log_folder / _IN_LOG if settings.documents is True else settings.documents
    require_own_folder(root, "documents")
    with making_folder(root):
        make_role_folder(root, "documents")
    lock = hold_folder(root)
    try:
        _require_format(root)
        cold = _remember_cold(root, settings.document_cold)
        set_modes(root, "documents")
        store = DocumentStore(root, cold, _damage_counter(metrics))
        for tier in store.tiers:
            with making_folder(tier.root):
                tier.prepare()
            tier.sweep()
        if not any((root / "facts").iterdir()):
            # Nothing is stored so far: whatever comes is noted when it comes.
            store.components.note_listed()
    except BaseException:
        lock.release()
        raise
    return OpenDocuments(store, settings, metrics, clock, Threads(), lock)


def find_store(folder: Path) -> DocumentStore:
    """Return the store in a folder, or in a log's folder, without holding it.

    Raises RejectedError if there is none, or it has a newer format.
    """
    root = folder
    if not (root / _FORMAT_FILE).exists():
        root = folder / _IN_LOG
    if not (root / _FORMAT_FILE).exists():
        raise RejectedError(f"{folder} holds no documents: name the folder of a store")
    _require_format(root)
    cold = _remember_cold(root, None)
    if cold is not None and not cold.is_dir():
        raise RejectedError(f"the cold tier {cold} is not there: bring it back first")
    return DocumentStore(root, cold)


def _require_format(root: Path) -> None:
    file = root / _FORMAT_FILE
    if not file.exists():
        write_whole(file, FORMAT, mode=PRIVATE_FILE)
    found = file.read_bytes()
    if not found.strip().isdigit():
        raise CorruptError(str(file), "the format version is not a number")
    if int(found) > int(FORMAT):
        raise RejectedError(
            f"{file} says {int(found)}; this software knows up to {int(FORMAT)}: "
            "install a newer tlog-server"
        )


def _remember_cold(root: Path, given: Path | None) -> Path | None:
    """Return the cold tier: the one that is given, else the one that was used last.

    A command that removes a document must find its bytes there too.
    """
    file = root / _COLD_FILE
    if given is not None:
        content = f"{given.absolute()}\n".encode("utf-8", "surrogateescape")
        if not file.exists() or file.read_bytes() != content:
            write_whole(file, content, mode=PRIVATE_FILE)
    if not file.exists():
        return None
    return Path(file.read_bytes().decode("utf-8", "surrogateescape").strip("\n"))


def _damage_counter(metrics: DocumentMetrics) -> Callable[[bytes], object]:
    def count(digest: bytes) -> None:
        metrics.tampered.labels("document").inc()
        log_event(
            "a document has changed", level="error", document=f"sha256:{digest.hex()}"
        )

    return count
