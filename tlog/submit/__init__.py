"""Submitting many files: one record each, and a proof file for each that is kept.

The files, in order of dependency:

    artifacts       what is submitted: files, folders, standard input, digests
    destinations    where each proof goes, and what must not be replaced there
    documents       provenance documents, stored by the log
    sending         requests, proofs written as they come, and how far it is

Everything that can be known to end badly is refused before anything is logged.  The
proofs that were written stay, and the same command again does the rest.
"""

from tlog.submit.artifacts import (
    Artifact,
    Listing,
    list_artifacts,
)
from tlog.submit.destinations import (
    Finder,
    Planned,
    choose_destinations,
    prepare_folders,
    require_free,
    satisfying,
    without_quorum,
)
from tlog.submit.documents import (
    store_documents,
)
from tlog.submit.sending import (
    Sender,
)

__all__ = [
    "Artifact",
    "Finder",
    "Listing",
    "Planned",
    "Sender",
    "choose_destinations",
    "list_artifacts",
    "prepare_folders",
    "require_free",
    "satisfying",
    "store_documents",
    "without_quorum",
]
