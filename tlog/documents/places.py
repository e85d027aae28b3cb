"""Where a store is, and its cold tier: folders of this machine, or buckets."""

from pathlib import Path
from typing import Final, NamedTuple

from tlog.config import parse_place, require_plain_path
from tlog.documents.settings import DocumentSettings
from tlog.documents.shelf import Shelf
from tlog.errors import RejectedError

Place = Path | str
"""A folder, or s3://BUCKET/PREFIX of the store itself."""

IN_LOG: Final = "documents"
"""The folder of a store within a log's, and the last part of its prefix in a bucket."""

_HERE: Final = "documents-here"
_COLD_FILE: Final = "cold"
_MAX_COLD_BYTES: Final = 8 << 10


class Places(NamedTuple):
    """Where a log's documents are.

    here: what one process needs of a store in a bucket for itself, such as drafts.
    """

    hot: Place
    cold: Place | None
    here: Path


def places_of(
    settings: DocumentSettings, folder: Path, objects: str, origin: str
) -> Places | None:
    """Return where the documents of a log are, if it keeps any.

    folder: of the log.  objects: the URL of the bucket that nodes share, or "".

    Raises FormatError if the origin can be no part of a key, RejectedError if the two
    tiers are one, or if the second one is a folder and the first is not.
    """
    hot, cold = settings.documents, settings.document_cold
    if hot is False:
        return None
    if hot is True:
        hot = objects or folder / IN_LOG
    if isinstance(hot, str):
        hot = _below(hot, origin)
        if isinstance(cold, Path):
            raise RejectedError("the cold tier of documents in a bucket is a bucket")
    if isinstance(cold, str):
        cold = _below(cold, origin)
    if hot == cold:
        raise RejectedError(f"{cold} cannot be the first tier and the cold one")
    return Places(hot, cold, folder / _HERE)


def remember_cold(hot: Shelf, given: Place | None) -> Place | None:
    """Return the cold tier: the one that is given, else the one that was used last.

    A command that removes a document must find its bytes there too.

    Raises RejectedError if other nodes use another one, FormatError for a file that
    names none.
    """
    found = hot.read(_COLD_FILE, _MAX_COLD_BYTES)
    if given is not None:
        text = given if isinstance(given, str) else str(given.absolute())
        content = f"{text}\n".encode("utf-8", "surrogateescape")
        if found is not None and found != content and hot.is_far:
            known = found.decode("utf-8", "replace").strip()
            raise RejectedError(
                f"the documents in {hot.where} have the cold tier {known}: name that "
                f"one, or move its documents and remove {hot.where}/{_COLD_FILE}"
            )
        if found != content:
            hot.write(_COLD_FILE, content)
        found = content
    if found is None:
        return None
    return parse_place(found.decode("utf-8", "surrogateescape").strip("\n"))


def _below(url: str, origin: str) -> str:
    """Return where one log's documents are in a bucket of many logs."""
    require_plain_path("an origin", origin)
    return f"{url.rstrip('/')}/{origin}/{IN_LOG}"
