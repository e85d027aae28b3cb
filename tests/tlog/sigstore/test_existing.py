"""Documents that are taken over: Sigstore's own public ones, and each broken rule."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cases import in_one_test
from tlog.sigstore.combining import combine
from tlog.sigstore.existing import MAX_DOCUMENT_BYTES, parse_existing
from tlog.sigstore.neighbours import Neighbours
from tlogverify.errors import FormatError

PUBLIC = ("tuf-repo-cdn.sigstore.dev", "tuf-repo-cdn.sigstage.dev")


def published(host: str, name: str) -> dict[str, Any]:
    """Return a document of a public instance, as the client carries it."""
    folder = files("sigstore") / "_store" / f"https%3A%2F%2F{host}"
    document: dict[str, Any] = json.loads((folder / name).read_bytes())
    return document


ROOT = published(PUBLIC[0], "trusted_root.json")
CONFIG = published(PUBLIC[0], "signing_config.v0.2.json")
BOTH = {
    "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
    "trustedRoot": ROOT,
    "signingConfig": CONFIG,
}


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def taken(*documents: object) -> Neighbours:
    """Return what these documents have, all of it."""
    files = [
        (f"{number}.json", parse_existing(encoded(it), keep_logs=True))
        for number, it in enumerate(documents)
    ]
    return combine(Neighbours(), files, {bytes(32)}, 0)


@pytest.mark.parametrize("host", PUBLIC)
def test_the_public_documents_are_taken_over_as_they_are(host: str) -> None:
    root = published(host, "trusted_root.json")
    config = published(host, "signing_config.v0.2.json")
    found = taken(root, config)
    assert root["tlogs"] == [*found.logs]
    assert root["certificateAuthorities"] == [*found.authorities]
    assert root["ctlogs"] == [*found.ctlogs]
    assert root["timestampAuthorities"] == [*found.timestamp_authorities]
    assert config["caUrls"] == [*found.ca_urls]
    assert config["oidcUrls"] == [*found.oidc_urls]
    assert config["tsaUrls"] == [*found.tsa_urls]


def test_a_client_trust_config_is_both_of_them() -> None:
    assert taken(ROOT, CONFIG) == taken(BOTH)


def test_logs_are_kept_only_if_that_is_asked_for() -> None:
    assert () == parse_existing(encoded(BOTH), keep_logs=False).logs


def test_what_two_documents_have_stands_once() -> None:
    assert taken(BOTH) == taken(BOTH, BOTH)


Change = Callable[[dict[str, Any]], object]

CHANGES: dict[str, Change] = {
    "no-media-type": lambda it: it.pop("mediaType"),
    "another-media-type": lambda it: it.update(mediaType="application/json"),
    "media-type-of-another-kind": lambda it: it.update(mediaType=CONFIG["mediaType"]),
    "unknown-member": lambda it: it.update(extra=1),
    "snake-case": lambda it: it.update(certificate_authorities=[]),
    "null": lambda it: it.update(tlogs=None),
    "an-object-for-an-array": lambda it: it.update(tlogs={}),
    "a-number-for-an-object": lambda it: it["tlogs"].append(1),
    "too-many": lambda it: it.update(ctlogs=it["ctlogs"] * 200),
    "no-key": lambda it: it["tlogs"][0].pop("publicKey"),
    "no-id": lambda it: it["tlogs"][0].pop("logId"),
    "no-base64": lambda it: it["tlogs"][0]["logId"].update(keyId="%"),
    "no-bytes": lambda it: it["tlogs"][0]["logId"].update(keyId=""),
    "no-url": lambda it: it["tlogs"][0].update(baseUrl="rekor"),
    "no-enum": lambda it: it["tlogs"][0].update(hashAlgorithm="sha256"),
    "a-number-for-an-enum": lambda it: it["tlogs"][0].update(hashAlgorithm=1),
    "no-time": lambda it: it["certificateAuthorities"][0]["validFor"].update(start="a"),
    "no-start": lambda it: it["certificateAuthorities"][0]["validFor"].pop("start"),
    "no-chain": lambda it: it["certificateAuthorities"][0].pop("certChain"),
    "a-lone-surrogate": lambda it: it["certificateAuthorities"][0]["subject"].update(
        commonName="\ud800"
    ),
}

# What is well-formed, and not what it says; with the rule that is broken.
CONTRADICTIONS: dict[str, tuple[str, Change]] = {
    "another-hash": (
        r"tlogs\[0\].hashAlgorithm is SHA2_256",
        lambda it: it["tlogs"][0].update(hashAlgorithm="SHA2_512"),
    ),
    "a-short-id": (
        r"ctlogs\[0\].logId.keyId is 32 bytes",
        lambda it: it["ctlogs"][0]["logId"].update(keyId="AAAA"),
    ),
    "another-key": (
        r"ctlogs\[0\].publicKey.keyDetails is PKIX_ECDSA_P256",
        lambda it: it["ctlogs"][0]["publicKey"].update(keyDetails="PKIX_ED25519"),
    ),
    "no-key": (
        r"ctlogs\[0\].publicKey.rawBytes is a public key",
        lambda it: it["ctlogs"][0]["publicKey"].update(rawBytes="AAAA"),
    ),
    "no-start-of-a-ct-log": (
        r"ctlogs\[0\].publicKey has a member validFor",
        lambda it: it["ctlogs"][0]["publicKey"].pop("validFor"),
    ),
    "an-end-at-the-start": (
        r"certificateAuthorities\[0\].validFor ends after its start",
        lambda it: it["certificateAuthorities"][0]["validFor"].update(
            end=it["certificateAuthorities"][0]["validFor"]["start"]
        ),
    ),
    "no-certificate": (
        r"certificateAuthorities\[0\].certChain: a chain is of X.509",
        lambda it: it["certificateAuthorities"][0]["certChain"]["certificates"][
            0
        ].update(rawBytes="AAAA"),
    ),
    "no-certificates": (
        r"certificateAuthorities\[0\].certChain: a chain has 1 to 16",
        lambda it: it["certificateAuthorities"][0]["certChain"].update(certificates=[]),
    ),
    "a-chain-in-another-order": (
        r"certificateAuthorities\[1\].certChain: in a chain each",
        lambda it: it["certificateAuthorities"][1]["certChain"][
            "certificates"
        ].reverse(),
    ),
    "a-fulcio-that-signs-times": (
        "Fulcio's chain is of certificate authorities alone",
        lambda it: it["certificateAuthorities"].append(it["timestampAuthorities"][0]),
    ),
    "a-timestamp-authority-that-certifies": (
        "starts with what signs times",
        lambda it: it["timestampAuthorities"].append(it["certificateAuthorities"][1]),
    ),
}


@pytest.mark.parametrize(
    ("rule", "change"), CONTRADICTIONS.values(), ids=CONTRADICTIONS
)
def test_what_is_merged_is_checked_as_a_flag_is(rule: str, change: Change) -> None:
    document = copy.deepcopy(ROOT)
    change(document)
    with pytest.raises(FormatError, match=rule):
        parse_existing(encoded(document), keep_logs=False)


@in_one_test("change", CHANGES.values(), ids=CHANGES)
def test_a_document_of_another_shape_is_refused(change: Change) -> None:
    document = copy.deepcopy(ROOT)
    change(document)
    with pytest.raises(FormatError):
        parse_existing(encoded(document), keep_logs=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["caUrls"][0].update(url="fulcio"),
        lambda it: it["caUrls"][0].update(majorApiVersion="1"),
        lambda it: it["caUrls"][0].pop("operator"),
        lambda it: it.update(tsaConfig={}),
        lambda it: it.update(tsaConfig={"selector": "SOME"}),
        lambda it: it.update(tsaConfig={"selector": "EXACT"}),
        lambda it: it.update(tsaConfig={"selector": "ALL", "count": 1}),
        lambda it: it.update(mediaType=it["mediaType"].replace("0.2", "0.1")),
    ],
    ids=[
        "url",
        "version",
        "operator",
        "empty-selection",
        "selector",
        "no-count",
        "count",
        "old-media-type",
    ],
)
def test_a_signing_config_of_another_shape_is_refused(change: Change) -> None:
    document = copy.deepcopy(CONFIG)
    change(document)
    with pytest.raises(FormatError):
        parse_existing(encoded(document), keep_logs=False)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"mediaType":"a","mediaType":"a"}',
        b"\xff",
        b"[" * 100_000,
        b" " * (MAX_DOCUMENT_BYTES + 1),
    ],
    ids=["empty", "array", "cut", "twice", "no-text", "deep", "large"],
)
def test_what_is_no_document_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_existing(text, keep_logs=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
)
PLACES = [
    (),
    ("tlogs",),
    ("tlogs", 0),
    ("tlogs", 0, "publicKey", "validFor", "start"),
    ("certificateAuthorities", 0, "certChain", "certificates", 0, "rawBytes"),
    ("mediaType",),
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_in_a_place_is_taken_over_or_refused(
    place: tuple[str | int, ...], value: object
) -> None:
    document: Any = copy.deepcopy(ROOT)
    if place:
        holder = document
        for step in place[:-1]:
            holder = holder[step]
        holder[place[-1]] = value
    else:
        document = value
    with suppress(FormatError):
        parse_existing(encoded(document), keep_logs=True)


@given(st.binary(max_size=64))
def test_whatever_bytes_come_are_refused_by_a_rule(text: bytes) -> None:
    with pytest.raises(FormatError):
        parse_existing(text, keep_logs=True)
