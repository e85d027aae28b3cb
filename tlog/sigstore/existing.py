"""Documents that somebody has already, taken over: of trust, of signing, or of both.

Where its Rekor logs are kept it is to verify by them: one log is submitted to, ours.
"""

from collections.abc import Mapping
from typing import Final

from tlog.sigstore import shapes
from tlog.sigstore.neighbours import Document, Neighbours
from tlogclient.strictjson import parse_json, read_array, read_object, read_text
from tlogverify.errors import FormatError

MAX_DOCUMENT_BYTES: Final = 4 << 20

_SHAPES: Final[Mapping[str, shapes.Check]] = {
    **dict.fromkeys(shapes.TRUSTED_ROOT_TYPES, shapes.TRUSTED_ROOT),
    shapes.SIGNING_CONFIG_TYPE: shapes.SIGNING_CONFIG,
    shapes.CLIENT_TRUST_CONFIG_TYPE: shapes.CLIENT_TRUST_CONFIG,
}


def parse_existing(text: bytes, *, keep_logs: bool) -> Neighbours:
    """Parse one document of the three kinds; raises FormatError.

    keep_logs: whether its Rekor logs are taken over too.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise FormatError(f"a document has at most {MAX_DOCUMENT_BYTES} bytes")
    document = read_object("the document", parse_json("the document", text))
    kind = read_text("mediaType", document.get("mediaType"))
    if kind not in _SHAPES:
        raise FormatError("mediaType is of a document of Sigstore's", kind)
    _SHAPES[kind]("the document", document)
    root = document.get("trustedRoot", document)
    config = document.get("signingConfig", document)
    return Neighbours(
        logs=_items(root, "tlogs") if keep_logs else (),
        authorities=_items(root, "certificateAuthorities"),
        ctlogs=_items(root, "ctlogs"),
        timestamp_authorities=_items(root, "timestampAuthorities"),
        ca_urls=_items(config, "caUrls"),
        oidc_urls=_items(config, "oidcUrls"),
        tsa_urls=_items(config, "tsaUrls"),
        tsa_selection=_selection(config),
    )


def _items(document: object, name: str) -> tuple[Document, ...]:
    """Return an array's objects; its shape has been checked."""
    items = read_array(name, read_object("the document", document).get(name, []))
    return tuple(read_object(name, item) for item in items)


def _selection(config: object) -> Document | None:
    found = read_object("the document", config).get("tsaConfig")
    return None if found is None else read_object("tsaConfig", found)
