"""The three documents of one log.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; media types as released
clients read them.
"""

from dataclasses import dataclass

from tlog.sigstore import shapes
from tlog.sigstore.instance import LogInstance
from tlog.sigstore.neighbours import Document, Neighbours


@dataclass(frozen=True, slots=True)
class ClientDocuments:
    """What a client of one log is handed; the third holds the other two."""

    trusted_root: Document
    signing_config: Document
    client_trust_config: Document


def make_documents(log: LogInstance, neighbours: Neighbours) -> ClientDocuments:
    """Return the documents; FormatError if one of them is of another shape."""
    root = _trusted_root(log, neighbours)
    config = _signing_config(log, neighbours)
    shapes.TRUSTED_ROOT("the trusted root", root)
    shapes.SIGNING_CONFIG("the signing config", config)
    both: Document = {
        "mediaType": shapes.CLIENT_TRUST_CONFIG_TYPE,
        "trustedRoot": root,
        "signingConfig": config,
    }
    return ClientDocuments(root, config, both)


def _trusted_root(log: LogInstance, neighbours: Neighbours) -> Document:
    return {
        "mediaType": shapes.TRUSTED_ROOT_TYPES[0],
        "tlogs": [*log.trusted(), *neighbours.logs],
        "certificateAuthorities": [*neighbours.authorities],
        "ctlogs": [*neighbours.ctlogs],
        "timestampAuthorities": [*neighbours.timestamp_authorities],
    }


def _signing_config(log: LogInstance, neighbours: Neighbours) -> Document:
    config: dict[str, object] = {
        "mediaType": shapes.SIGNING_CONFIG_TYPE,
        "caUrls": [*neighbours.ca_urls],
        "oidcUrls": [*neighbours.oidc_urls],
        "rekorTlogUrls": [log.endpoint()],
        "tsaUrls": [*neighbours.tsa_urls],
        # ANY is the one selector that all clients know.
        "rekorTlogConfig": {"selector": "ANY"},
    }
    if neighbours.tsa_urls:
        # sigstore-python fails at an empty one.
        config["tsaConfig"] = neighbours.tsa_selection or {"selector": "ANY"}
    return config
