"""What stands beside our log: all else that Sigstore's documents name.

Each item is the JSON object that its document has of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

Document = Mapping[str, object]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Items of a TrustedRoot (the first four) and of a SigningConfig.

    logs: Rekor logs beside our own, to verify by; nothing is submitted to them.
    """

    logs: tuple[Document, ...] = ()
    authorities: tuple[Document, ...] = ()
    ctlogs: tuple[Document, ...] = ()
    timestamp_authorities: tuple[Document, ...] = ()
    ca_urls: tuple[Document, ...] = ()
    oidc_urls: tuple[Document, ...] = ()
    tsa_urls: tuple[Document, ...] = ()

    def joined(self, other: "Neighbours") -> "Neighbours":
        """Return the items of both, each once, those of `self` first."""
        return Neighbours(
            *(
                _each_once(getattr(self, field.name) + getattr(other, field.name))
                for field in fields(Neighbours)
            )
        )


def _each_once(items: tuple[Document, ...]) -> tuple[Document, ...]:
    return tuple(
        item for number, item in enumerate(items) if item not in items[:number]
    )
