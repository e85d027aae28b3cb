"""Documents in a bucket: what is needed for them is loaded when one is named."""

from pathlib import Path

from tlog.cli.stores import needing_extra
from tlog.cli.verbs import load
from tlog.documents.shelf import Shelf


def open_shelf(url: str, drafts: Path) -> Shelf:
    """Return the files of a store in a bucket; drafts: a folder that exists.

    Raises RejectedError if the extra is missing, or the URL names no bucket.
    """
    with needing_extra("a store of documents in a bucket"):
        loaded = load("bucket_shelf")
    shelf: Shelf = loaded.open_shelf(url, drafts)
    return shelf
