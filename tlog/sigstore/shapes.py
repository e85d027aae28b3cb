"""The strict shapes of Sigstore's documents: each member known, none of another type.

Names are lowerCamelCase and bytes standard base64, as every publisher writes them.  A
member that is not known here is refused: it could say what we would drop.

Source: sigstore/protobuf-specs, `sigstore_trustroot.proto`, `sigstore_common.proto`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from cryptography.x509 import Certificate

from tlog.sigstore.authorities import (
    details_of,
    parse_certificates,
    parse_key,
    require_certificate_authority,
    require_timestamp_authority,
)
from tlog.sigstore.instance import require_url
from tlog.sigstore.validity import parse_time
from tlogclient.strictjson import read_array, read_object, read_size, read_text
from tlogverify.errors import FormatError
from tlogverify.lines import parse_base64

MAX_ITEMS: Final = 256

Check = Callable[[str, object], None]
"""Raises FormatError unless a value, which the text names, is of one shape."""

_ID_BYTES: Final = 32
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
    parse_time(rule, read_text(rule, value))


def _number(rule: str, value: object) -> None:
    read_size(rule, value)


def _enum(rule: str, value: object) -> None:
    text = read_text(rule, value)
    if _ENUM_NAME.fullmatch(text) is None:
        raise FormatError(f"{rule} is an enum's name", text)


def also(shape: Check, further: Check) -> Check:
    """Return a shape that has to hold before a further rule is looked at."""

    def check(rule: str, value: object) -> None:
        shape(rule, value)
        further(rule, value)

    return check


def _ordered(rule: str, value: object) -> None:
    period = read_object(rule, value)
    start, end = (str(period.get(name, "")) for name in ("start", "end"))
    if end and parse_time(rule, start) >= parse_time(rule, end):
        raise FormatError(f"{rule} ends after its start", end)


def _sha256(rule: str, value: object) -> None:
    if read_text(rule, value) != "SHA2_256":
        raise FormatError(f"{rule} is SHA2_256, which all clients know", value)


def _id_bytes(rule: str, value: object) -> None:
    found = parse_base64(rule, read_text(rule, value).encode())
    if len(found) != _ID_BYTES:
        raise FormatError(f"{rule} is {_ID_BYTES} bytes", len(found))


def _key_of_its_kind(rule: str, value: object) -> None:
    members = read_object(rule, value)
    said = read_text(rule, members["keyDetails"])
    key = parse_key(f"{rule}.rawBytes", _raw_bytes(members))
    if said not in (known := details_of(key)):
        raise FormatError(f"{rule}.keyDetails is {' or '.join(known) or 'none'}", said)


def _chain_for(require: Callable[[Sequence[Certificate]], None]) -> Check:
    def check(rule: str, value: object) -> None:
        chain = read_object(rule, read_object(rule, value)["certChain"])
        items = read_array(rule, chain["certificates"])
        try:
            raw = [_raw_bytes(read_object(rule, item)) for item in items]
            require(parse_certificates(raw))
        except FormatError as error:
            raise FormatError(f"{rule}.certChain: {error}") from None

    return check


def _raw_bytes(item: Mapping[str, object]) -> bytes:
    return parse_base64("rawBytes", read_text("rawBytes", item["rawBytes"]).encode())


def _countable(rule: str, value: object) -> None:
    selection = read_object(rule, value)
    selector, count = selection["selector"], selection.get("count", 0)
    if selector not in {"ANY", "ALL", "EXACT"}:
        raise FormatError(f"{rule}.selector is ANY, ALL or EXACT", selector)
    if (selector == "EXACT") != (count != 0):
        raise FormatError(f"{rule}.count is there for EXACT alone, from 1 on", count)


_PERIOD: Final = also(object_of({"start": _time}, {"end": _time}), _ordered)
_CHAIN: Final = object_of(
    {"certificates": list_of(object_of({"rawBytes": _bytes}, {}))}, {}
)
# cosign and sigstore-go read no log without a start.
_KEY: Final = also(
    object_of({"rawBytes": _bytes, "keyDetails": _enum, "validFor": _PERIOD}, {}),
    _key_of_its_kind,
)
_LOG: Final = object_of(
    {
        "baseUrl": _url,
        "hashAlgorithm": _sha256,
        "publicKey": _KEY,
        "logId": object_of({"keyId": _id_bytes}, {}),
    },
    {"checkpointKeyId": object_of({"keyId": _bytes}, {}), "operator": _text},
)
_AUTHORITY: Final = object_of(
    {
        "subject": object_of({"organization": _text, "commonName": _text}, {}),
        "certChain": _CHAIN,
        "validFor": _PERIOD,
    },
    {"uri": _url, "operator": _text},
)
_CERTIFICATE_AUTHORITY: Final = also(
    _AUTHORITY, _chain_for(require_certificate_authority)
)
_TIMESTAMP_AUTHORITY: Final = also(_AUTHORITY, _chain_for(require_timestamp_authority))
_SERVICE: Final = object_of(
    {"url": _url, "majorApiVersion": _number, "operator": _text},
    {"validFor": _PERIOD},
)
_SELECTION: Final = also(object_of({"selector": _enum}, {"count": _number}), _countable)

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
        "certificateAuthorities": list_of(_CERTIFICATE_AUTHORITY),
        "ctlogs": list_of(_LOG),
        "timestampAuthorities": list_of(_TIMESTAMP_AUTHORITY),
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
