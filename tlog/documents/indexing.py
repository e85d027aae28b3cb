"""Filling the index of components from the documents of a store.

A document is read as a whole for that, one at a time and only up to a bound.  A longer
one, and one that is no SBOM, is passed over and stays counted as unread.

All of it blocks, and belongs on threads.
"""

from threading import Lock
from typing import Final

from tlog.documents.components import sbom_entries
from tlog.documents.refusals import DamagedDocumentError, GoneError, NoDocumentError
from tlog.documents.store import DocumentStore
from tlog.errors import CorruptError
from tlog.folders import hold_folder
from tlogclient.sboms import open_logged_sbom
from tlogverify.errors import FormatError

_AT_ONCE: Final = 8

# The members of a long document take several times its bytes.
_reading = Lock()


def list_sboms(store: DocumentStore) -> int:
    """Note every stored document that an entry names as an SBOM; return how many.

    Facts say so.  Raises CorruptError if those of a document are damaged.
    """
    count, digests = 0, [*{*store.digests()}]
    for digest, facts in zip(digests, store.many(store.facts, digests), strict=True):
        entries = () if facts is None else sbom_entries(facts)
        if entries and store.tombstone(digest) is None:
            store.components.note(digest, entries)
            count += 1
    store.components.note_listed()
    return count


def list_anew(store: DocumentStore) -> int:
    """Forget the whole index, and note every SBOM again; return how many.

    A damaged file is replaced, for which the server must be stopped: RejectedError.
    """
    try:
        store.components.clear()
    except CorruptError:
        lock = hold_folder(store.root)
        try:
            store.components.discard()
        finally:
            lock.release()
    return list_sboms(store)


def read_noted(store: DocumentStore, most_bytes: int, after: int = 0) -> int | None:
    """Read the next SBOMs that were noted, each of at most `most_bytes`.

    after: as it was returned; None says that there are no more.
    """
    noted = store.components.noted(after, _AT_ONCE)
    for number, digest in noted:
        read_sbom(store, digest, most_bytes)
        after = number
    return after if noted else None


def read_sbom(store: DocumentStore, digest: bytes, most_bytes: int) -> None:
    """Read one stored SBOM that was noted; one that was never stored is forgotten."""
    index = store.components
    with _reading:
        try:
            with store.open(digest) as document:
                content = document.read_whole(most_bytes)
            if content is None:
                index.pass_over(digest)
            else:
                index.put(digest, open_logged_sbom(content))
        except FormatError:
            index.pass_over(digest)
        except GoneError:
            index.forget(digest)
        except NoDocumentError:
            store.settle(digest)
        except DamagedDocumentError:
            return  # it stays unread until the right bytes are stored again
    if store.tombstone(digest) is not None:
        # It went while it was read.
        index.forget(digest)
