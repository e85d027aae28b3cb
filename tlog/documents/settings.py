"""Whether a log keeps documents, where, and how many."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlog.config import SettingsGroup, setting

INDEX_BYTES: Final = 16 << 20
"""The longest SBOM that the index of components reads, unless another bound is set."""


@dataclass(frozen=True, kw_only=True)
class DocumentSettings(SettingsGroup):
    """The store of documents beside a log."""

    documents: Path | str | bool = setting(
        False,
        "keep the documents that entries name: true, in the log's folder or beside the "
        "objects that nodes share; or a folder; or s3://BUCKET/PREFIX",
    )
    document_bytes: int = setting(
        64 << 20, "the most bytes of one document", least=1, most=1 << 40
    )
    document_cold: Path | str | None = setting(
        None,
        "a second folder of documents, or s3://BUCKET/PREFIX, which retention moves "
        "old ones to",
    )
    document_pending_bytes: int = setting(
        256 << 20,
        "bytes of documents that may wait for their entries; 0 takes none before its "
        "entry",
        least=0,
    )
    document_pending_s: int = setting(
        3_600, "how long a document waits for its entry", least=1
    )
    document_index_bytes: int = setting(
        INDEX_BYTES,
        "the most bytes of an SBOM that is read for the index of components; 0 reads "
        "none",
        least=0,
    )
    document_scrub_bytes_per_s: int = setting(
        4 << 20,
        "how fast stored documents are read again to find those that have changed; 0 "
        "is never",
        least=0,
    )
