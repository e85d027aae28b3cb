"""From a place to an open store."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from tlog.clock import Clock
from tlog.documents.metrics import DocumentMetrics
from tlog.documents.places import IN_LOG, Place, Places, remember_cold
from tlog.documents.settings import DocumentSettings
from tlog.documents.shelf import Shelf
from tlog.documents.shelf_folder import FolderShelf
from tlog.documents.store import DocumentStore
from tlog.documents.threads import COUNT, FAR_COUNT, Threads
from tlog.errors import CorruptError, RejectedError
from tlog.folders import (
    PRIVATE_FOLDER,
    hold_folder,
    make_folders,
    make_role_folder,
    making_folder,
    require_own_folder,
    set_modes,
)
from tlog.log_lines import log_event

FORMAT: Final = b"1\n"
_FORMAT_FILE: Final = "documents.format"
_MAX_FORMAT_BYTES: Final = 64

OpenShelf = Callable[[str, Path], Shelf]
"""Opens a bucket by its URL; the folder is for drafts.

Raises RejectedError if it cannot be used, MachineError if not now.
"""


@dataclass(frozen=True, slots=True)
class OpenDocuments:
    """A store that this process holds until `close`, and what it is set to.

    follows: another node writes the log; it looks after the documents, and knows of
    entries before this one does.  is_lent: whoever has lent it closes it.
    """

    store: DocumentStore
    settings: DocumentSettings
    metrics: DocumentMetrics
    clock: Clock
    threads: Threads
    lock: FileLock
    follows: bool = False
    is_lent: bool = False

    def close(self) -> None:
        """Finish what is under way, and let another server take the folder."""
        if self.is_lent:
            return
        self.threads.close()
        self.store.components.close()
        self.lock.release()


def no_bucket(url: str, drafts: Path) -> Shelf:
    """Refuse a store in a bucket."""
    raise RejectedError(f"documents in {url} cannot be used here: it is a bucket")


def open_documents(
    settings: DocumentSettings,
    places: Places,
    metrics: DocumentMetrics,
    clock: Clock,
    open_shelf: OpenShelf = no_bucket,
) -> OpenDocuments:
    """Open or make the store at its places, and hold what is this process's of it.

    Raises RejectedError if the folder is another role's, is in use, or the store has a
    newer format; what `open_shelf` raises; OSError that names the folder.
    """
    is_far = isinstance(places.hot, str)
    root = places.here if isinstance(places.hot, str) else places.hot
    if is_far:
        with making_folder(root):
            make_folders(root / "tmp", PRIVATE_FOLDER)
    else:
        require_own_folder(root, "documents")
        with making_folder(root):
            make_role_folder(root, "documents")
    lock = hold_folder(root)
    try:
        hot = _opened(places.hot, root, open_shelf)
        _prepare(hot)
        hot.create(_FORMAT_FILE, FORMAT)
        _require_format(hot)
        cold = remember_cold(hot, places.cold)
        if not is_far:
            set_modes(root, "documents")
        tier = None if cold is None else _opened(cold, root, open_shelf)
        if tier is not None:
            _prepare(tier)
        store = DocumentStore(root, hot, tier, _damage_counter(metrics))
        tiers = store.tiers
        metrics.failures.set_function(lambda: sum(it.failures for it in tiers))
        if next(hot.files("facts"), None) is None:
            # Nothing is stored so far: whatever comes is noted when it comes.
            store.components.note_listed()
    except BaseException:
        lock.release()
        raise
    threads = Threads(FAR_COUNT if is_far else COUNT)
    return OpenDocuments(store, settings, metrics, clock, threads, lock)


def find_store(folder: Path, open_shelf: OpenShelf = no_bucket) -> DocumentStore:
    """Return the store in a folder, or in a log's folder, without holding it.

    Raises RejectedError if there is none, or it has a newer format.
    """
    root = folder
    if not (root / _FORMAT_FILE).exists():
        root = folder / IN_LOG
    if not (root / _FORMAT_FILE).exists():
        raise RejectedError(f"{folder} holds no documents: name the folder of a store")
    return _found(FolderShelf(root), root, open_shelf)


def find_far_store(url: str, here: Path, open_shelf: OpenShelf) -> DocumentStore:
    """Return the store in a bucket, or below a log's prefix; here: a folder for drafts.

    Raises RejectedError as `find_store`, and what `open_shelf` raises.
    """
    url = url.rstrip("/")
    make_folders(here / "tmp", PRIVATE_FOLDER)
    for place in (url, f"{url}/{IN_LOG}"):
        shelf = open_shelf(place, here / "tmp")
        if shelf.read(_FORMAT_FILE, _MAX_FORMAT_BYTES) is not None:
            return _found(shelf, here, open_shelf)
    raise RejectedError(f"{url} holds no documents: name the URL of a store")


def _found(hot: Shelf, root: Path, open_shelf: OpenShelf) -> DocumentStore:
    _require_format(hot)
    cold = remember_cold(hot, None)
    if isinstance(cold, Path) and not cold.is_dir():
        raise RejectedError(f"the cold tier {cold} is not there: bring it back first")
    tier = None if cold is None else _opened(cold, root, open_shelf)
    return DocumentStore(root, hot, tier)


def _opened(place: Place, root: Path, open_shelf: OpenShelf) -> Shelf:
    """Return one tier; root: whose `tmp` has the drafts of what is far."""
    if isinstance(place, Path):
        return FolderShelf(place)
    return open_shelf(place, root / "tmp")


def _prepare(tier: Shelf) -> None:
    if tier.is_far:
        tier.prepare()
    else:
        with making_folder(Path(tier.where)):
            tier.prepare()
    tier.sweep()


def _require_format(shelf: Shelf) -> None:
    found = shelf.read(_FORMAT_FILE, _MAX_FORMAT_BYTES) or b""
    name = f"{shelf.where}/{_FORMAT_FILE}"
    if not found.strip().isdigit():
        raise CorruptError(name, "the format version is not a number")
    if int(found) > int(FORMAT):
        raise RejectedError(
            f"{name} says {int(found)}; this software knows up to {int(FORMAT)}: "
            "install a newer tlog-server"
        )


def _damage_counter(metrics: DocumentMetrics) -> Callable[[bytes], object]:
    def count(digest: bytes) -> None:
        metrics.tampered.labels("document").inc()
        log_event(
            "a document has changed", level="error", document=f"sha256:{digest.hex()}"
        )

    return count
