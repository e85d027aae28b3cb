"""What Sigstore's clients are handed of a log: whom to trust, and where to submit.

    instance      the log itself: its URL, key and id, and the rule of its name
    neighbours    what stands beside it: certificate, CT and timestamp authorities
    authorities   these out of PEM files
    existing      these out of documents that somebody has already
    shapes        the strict shapes of such documents
    validity      times, and whom clients ask at one
    combining     what flags and files name, made one
    documents     the three documents
    summary       what is in them, and what they lack for which client

PURE: bytes, text and times come in, values and JSON objects go out.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, `sigstore_common.proto`.
"""

from tlog.sigstore.authorities import (
    MAX_PEM_BYTES,
    certificate_authority,
    ct_log,
    timestamp_authority,
)
from tlog.sigstore.combining import (
    combine,
)
from tlog.sigstore.documents import (
    ClientDocuments,
    make_documents,
)
from tlog.sigstore.existing import (
    MAX_DOCUMENT_BYTES,
    parse_existing,
)
from tlog.sigstore.instance import (
    LogInstance,
    choose_log_keys,
    endpoint,
    require_operator,
    require_root_url,
    require_url,
)
from tlog.sigstore.neighbours import (
    Document,
    Neighbours,
)
from tlog.sigstore.summary import (
    count_neighbours,
    moment_of_use,
    name_gaps,
)
from tlog.sigstore.validity import (
    NS_PER_S,
)

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_PEM_BYTES",
    "NS_PER_S",
    "ClientDocuments",
    "Document",
    "LogInstance",
    "Neighbours",
    "certificate_authority",
    "choose_log_keys",
    "combine",
    "count_neighbours",
    "ct_log",
    "endpoint",
    "make_documents",
    "moment_of_use",
    "name_gaps",
    "parse_existing",
    "require_operator",
    "require_root_url",
    "require_url",
    "timestamp_authority",
]
