"""The strict shapes of Sigstore's documents: each member known, none of another type.

Names are lowerCamelCase and bytes standard base64, as every publisher writes them.  A
member that is not known here is refused: it could say what we would drop.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, `sigstore_common.proto`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from tlog.sigstore.instance import require_time, require_url
from tlogclient.strictjson import read_array, read_object, read_size, read_text
from tlogverify.errors import FormatError
from tlogverify.lines import parse_base64

MAX_ITEMS: Final = 256

Check = Callable[[str, object], None]
"""Raises FormatError unless a value, which the text names, is of one shape."""

_ENUM_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")


def object_of(required: Mapping[str, Check], optional: Mapping[str, Check]) -> Check:
    """Return the shape of an object with these members and no other."""
    known = {**required, **optional}

    def check(rule: str, value: object) -> None:
        members = read_object(rule, value)
        for name in required:
            if name not in members:
                raise FormatError(f"{rule} has a member {name}")
        for name, member in members.items():
            if name not in known:
                raise FormatError(f"{rule} has no member of this name", name)
            known[name](f"{rule}.{name}", member)

    return check


def list_of(item: Check) -> Check:
    """Return the shape of an array of at most MAX_ITEMS items."""

    def check(rule: str, value: object) -> None:
        items = read_array(rule, value)
        if len(items) > MAX_ITEMS:
            raise FormatError(f"{rule} has at most {MAX_ITEMS} items", len(items))
        for number, member in enumerate(items):
            item(f"{rule}[{number}]", member)

    return check


def media_type(*allowed: str) -> Check:
    """Return the shape of a media type, which is one of these texts."""

    def check(rule: str, value: object) -> None:
        if read_text(rule, value) not in allowed:
            raise FormatError(f"{rule} is {' or '.join(allowed)}", value)

    return check


def _text(rule: str, value: object) -> None:
    read_text(rule, value)


def _url(rule: str, value: object) -> None:
    require_url(rule, read_text(rule, value))


def _bytes(rule: str, value: object) -> None:
    if not parse_base64(rule, read_text(rule, value).encode()):
        raise FormatError(f"{rule} is not empty")


def _time(rule: str, value: object) -> None:
    require_time(rule, read_text(rule, value))


def _number(rule: str, value: object) -> None:
    read_size(rule, value)


def _enum(rule: str, value: object) -> None:
    text = read_text(rule, value)
    if _ENUM_NAME.fullmatch(text) is None:
        raise FormatError(f"{rule} is an enum's name", text)


_PERIOD: Final = object_of({"start": _time}, {"end": _time})
_ID: Final = object_of({"keyId": _bytes}, {})
_KEY: Final = object_of(
    {"rawBytes": _bytes, "keyDetails": _enum}, {"validFor": _PERIOD}
)
_CHAIN: Final = object_of(
    {"certificates": list_of(object_of({"rawBytes": _bytes}, {}))}, {}
)
_LOG: Final = object_of(
    {"baseUrl": _url, "hashAlgorithm": _enum, "publicKey": _KEY, "logId": _ID},
    {"checkpointKeyId": _ID, "operator": _text},
)
_AUTHORITY: Final = object_of(
    {
        "subject": object_of({"organization": _text, "commonName": _text}, {}),
        "certChain": _CHAIN,
        "validFor": _PERIOD,
    },
    {"uri": _url, "operator": _text},
)
_SERVICE: Final = object_of(
    {"url": _url, "majorApiVersion": _number, "operator": _text},
    {"validFor": _PERIOD},
)
_SELECTION: Final = object_of({"selector": _enum}, {"count": _number})

TRUSTED_ROOT_TYPES: Final = (
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
)
"""The first is the one that clients of today read, and that we write."""
SIGNING_CONFIG_TYPE: Final = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
CLIENT_TRUST_CONFIG_TYPE: Final = (
    "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
)

TRUSTED_ROOT: Final = object_of(
    {"mediaType": media_type(*TRUSTED_ROOT_TYPES)},
    {
        "tlogs": list_of(_LOG),
        "certificateAuthorities": list_of(_AUTHORITY),
        "ctlogs": list_of(_LOG),
        "timestampAuthorities": list_of(_AUTHORITY),
    },
)
SIGNING_CONFIG: Final = object_of(
    {"mediaType": media_type(SIGNING_CONFIG_TYPE)},
    {
        "caUrls": list_of(_SERVICE),
        "oidcUrls": list_of(_SERVICE),
        "rekorTlogUrls": list_of(_SERVICE),
        "rekorTlogConfig": _SELECTION,
        "tsaUrls": list_of(_SERVICE),
        "tsaConfig": _SELECTION,
    },
)
CLIENT_TRUST_CONFIG: Final = object_of(
    {
        "mediaType": media_type(CLIENT_TRUST_CONFIG_TYPE),
        "trustedRoot": TRUSTED_ROOT,
        "signingConfig": SIGNING_CONFIG,
    },
    {},
)
