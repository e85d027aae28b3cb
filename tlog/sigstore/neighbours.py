"""What stands beside our log: all else that Sigstore's documents name.

Each item is the JSON object that its document has of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Document = Mapping[str, object]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Items of a TrustedRoot (the first four) and of a SigningConfig.

    logs: Rekor logs beside our own, to verify by; nothing is submitted to them.
    tsa_selection: how many of the timestamp authorities a file wants asked.
    """

    logs: tuple[Document, ...] = ()
    authorities: tuple[Document, ...] = ()
    ctlogs: tuple[Document, ...] = ()
    timestamp_authorities: tuple[Document, ...] = ()
    ca_urls: tuple[Document, ...] = ()
    oidc_urls: tuple[Document, ...] = ()
    tsa_urls: tuple[Document, ...] = ()
    tsa_selection: Document | None = None
