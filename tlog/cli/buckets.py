"""Documents in a bucket: what is needed for them is loaded when one is named."""

from pathlib import Path
from types import ModuleType

from tlog.cli.stores import needing_extra
from tlog.cli.verbs import load
from tlog.documents.settings import DocumentSettings
from tlog.documents.shelf import Shelf


def require_buckets(settings: DocumentSettings) -> None:
    """Raise RejectedError if documents are in a bucket and the extra is missing."""
    if any(isinstance(it, str) for it in (settings.documents, settings.document_cold)):
        _loaded()


def open_shelf(url: str, drafts: Path) -> Shelf:
    """Return the files of a store in a bucket; drafts: a folder that exists.

    Raises RejectedError if the extra is missing, or the URL names no bucket.
    """
    shelf: Shelf = _loaded().open_shelf(url, drafts)
    return shelf


def _loaded() -> ModuleType:
    with needing_extra("a store of documents in a bucket"):
        return load("bucket_shelf")
