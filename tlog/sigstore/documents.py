"""The three documents of one log, and what they lack for which client.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`; media types as released
clients read them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tlog.sigstore import shapes
from tlog.sigstore.instance import LogInstance
from tlog.sigstore.neighbours import Document, Neighbours
from tlogverify.errors import FormatError


@dataclass(frozen=True, slots=True)
class ClientDocuments:
    """What a client of one log is handed; the third holds the other two."""

    trusted_root: Document
    signing_config: Document
    client_trust_config: Document


def make_documents(log: LogInstance, neighbours: Neighbours) -> ClientDocuments:
    """Return the documents; FormatError if two logs in them share an id."""
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


def name_gaps(neighbours: Neighbours) -> Iterator[str]:
    """Return what is missing, and for whom, a line each."""
    if not neighbours.ca_urls:
        yield (
            "no Fulcio to sign with: sigstore-python and sigstore-js cannot sign with "
            "this; cosign with a key can"
        )
    if not neighbours.authorities:
        yield "no Fulcio to trust: signatures with certificates are not verified"
    if not neighbours.ctlogs:
        yield (
            "no CT log: sigstore-python verifies nothing, cosign nothing that has a "
            "certificate"
        )
    if not neighbours.tsa_urls:
        yield (
            "no timestamp authority to ask: what is signed with a certificate cannot "
            "be verified later; signatures with keys can"
        )
    if not neighbours.timestamp_authorities:
        yield "no timestamp authority to trust: only signatures with keys are verified"
    if not neighbours.oidc_urls:
        yield "no identity provider: sigstore-python wants --identity-token"


def _trusted_root(log: LogInstance, neighbours: Neighbours) -> Document:
    # Clients look a log up by its id: the second of one id would never be asked.
    for name, logs in {
        "Rekor": (log.trusted(), *neighbours.logs),
        "CT": neighbours.ctlogs,
    }.items():
        ids = [item["logId"] for item in logs]
        if any(it in ids[:number] for number, it in enumerate(ids)):
            raise FormatError(f"two {name} logs in one trusted root never share an id")
    return {
        "mediaType": shapes.TRUSTED_ROOT_TYPES[0],
        "tlogs": [log.trusted(), *neighbours.logs],
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
        config["tsaConfig"] = {"selector": "ANY"}
    return config
