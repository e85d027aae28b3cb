"""What is told of a document that is not served, or not taken."""

from tlog.documents.tombstones import Tombstone
from tlog.errors import CorruptError, RejectedError


class NoDocumentError(RejectedError):
    """This store has no such document, and never had."""


class GoneError(RejectedError):
    """The document was removed, and the tombstone says why."""

    def __init__(self, tombstone: Tombstone) -> None:
        self.tombstone = tombstone
        super().__init__(f"{tombstone.disposition}: {tombstone.reason}")


class WrongDigestError(RejectedError):
    """The bytes that came are not those that were announced."""


class UnnamedError(RejectedError):
    """No entry names the document."""


class DamagedDocumentError(CorruptError):
    """The store's own bytes do not have the digest that they are stored under."""

    def __init__(self, digest: bytes) -> None:
        super().__init__(f"document sha256:{digest.hex()}", "its bytes have changed")
