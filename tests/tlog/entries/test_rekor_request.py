"""From a client's request to leaf bytes: one change for each rule it can break."""

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import rfc8785
from cryptography import x509

from tests.support.cases import in_one_test
from tests.support.rekor import (
    ED25519PH,
    KINDS,
    P256,
    KeyKind,
    b64,
    body_of,
    certificate,
    dsse,
    hashedrekord,
    leaf_of,
    pre_authentication,
    private_key,
    sign_digest,
    spki,
    verifier,
)
from tlog.entries.rekor import DsseForm, leaf_of_request, parse_rekor_request
from tlogverify.errors import FormatError
from tlogverify.rekor import parse_rekor

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.details)
P384 = KINDS[5]


def leaf(request: object, dsse_form: DsseForm = "hashedrekord") -> bytes:
    """Return the leaf that the code makes of a request."""
    return leaf_of_request(parse_rekor_request(body_of(request)), dsse_form)


@each_kind
def test_the_leaf_is_canonical_json_of_what_was_sent(kind: KeyKind) -> None:
    request = hashedrekord(b"an artifact", kind)
    assert leaf_of(request, kind) == leaf(request)


@each_kind
def test_a_certificate_stands_in_the_leaf_as_it_came(kind: KeyKind) -> None:
    cert = certificate(private_key(kind))
    request = hashedrekord(b"an artifact", kind, cert)
    assert leaf_of(request, kind) == leaf(request)
    assert cert == parse_rekor(leaf(request)).signatures[0].der


def _snake(name: str) -> str:
    return "".join(f"_{it.lower()}" if it.isupper() else it for it in name)


def _respelled(
    value: Any, name: Callable[[str], str], text: Callable[[str], str]
) -> Any:
    if isinstance(value, dict):
        return {name(key): _respelled(it, name, text) for key, it in value.items()}
    if isinstance(value, list):
        return [_respelled(it, name, text) for it in value]
    return text(value) if isinstance(value, str) else value


@each_kind
def test_every_spelling_of_a_request_is_the_same_entry(kind: KeyKind) -> None:
    request = hashedrekord(b"an artifact", kind)

    def url_safe(text: str) -> str:
        if text.startswith("PKIX"):
            return text
        return text.replace("+", "-").replace("/", "_").rstrip("=")

    respelled = _respelled(request, _snake, url_safe)
    members = respelled["hashed_rekord_request_v002"]
    members["signature"]["verifier"]["key_details"] = kind.number
    members["signature"]["verifier"]["x509_certificate"] = None
    spaced = json.dumps(respelled, indent=3).encode()
    assert leaf(request) == leaf_of_request(parse_rekor_request(spaced), "hashedrekord")


Change = Callable[[dict[str, Any]], object]


def _set(path: str, value: object) -> Change:
    def change(request: dict[str, Any]) -> None:
        *folders, name = path.split(".")
        place = request
        for folder in folders:
            place = place[folder]
        if value is None:
            del place[name]
        else:
            place[name] = value

    return change


TOP = "hashedRekordRequestV002"
VERIFIER = f"{TOP}.signature.verifier"
KEY = spki(private_key(P256))
BAD_HASHEDREKORDS: list[tuple[str, Change, str]] = [
    ("no request", _set(TOP, None), "the body is one of hashedRekord"),
    ("null request", lambda it: it.update({TOP: ()}), "hashedRekord.* is an object"),
    ("both requests", _set("dsseRequestV002", {}), "the body is one of hashedRekord"),
    (
        "unknown beside",
        _set("kind", "x"),
        "the body has an unknown member: found 'kind'",
    ),
    ("unknown inside", _set(f"{TOP}.artifact", "x"), "V002 has an unknown member"),
    ("no digest", _set(f"{TOP}.digest", None), "digest is missing or empty"),
    ("empty digest", _set(f"{TOP}.digest", ""), "digest is missing or empty"),
    ("digest of another type", _set(f"{TOP}.digest", 5), "digest is base64"),
    ("digest in hex", _set(f"{TOP}.digest", "ab" * 32), "has 32 bytes: found 48"),
    ("short digest", _set(f"{TOP}.digest", b64(bytes(31))), "has 32 bytes: found 31"),
    ("other digest", _set(f"{TOP}.digest", b64(bytes(32))), "the signature is not of"),
    ("no signature", _set(f"{TOP}.signature", None), "signature is missing"),
    ("signature a text", _set(f"{TOP}.signature", "x"), "signature is an object"),
    ("unknown in it", _set(f"{TOP}.signature.x", 1), "signature has an unknown member"),
    ("no content", _set(f"{TOP}.signature.content", None), "signature.content is miss"),
    (
        "empty content",
        _set(f"{TOP}.signature.content", ""),
        "signature.content is miss",
    ),
    ("wrong content", _set(f"{TOP}.signature.content", "AAAA"), "the signature is not"),
    ("no verifier", _set(VERIFIER, None), "a signature has a verifier"),
    ("verifier a list", _set(VERIFIER, []), "a verifier is an object"),
    (
        "unknown in verifier",
        _set(f"{VERIFIER}.x", 1),
        "a verifier has an unknown member",
    ),
    ("no key", _set(f"{VERIFIER}.publicKey", None), "a verifier has one of"),
    (
        "two keys",
        _set(f"{VERIFIER}.x509Certificate", {"rawBytes": b64(KEY)}),
        "a verifier has one of publicKey, x509Certificate: found 2",
    ),
    ("key a text", _set(f"{VERIFIER}.publicKey", b64(KEY)), "publicKey is an object"),
    ("empty key", _set(f"{VERIFIER}.publicKey", {}), "publicKey.rawBytes is missing"),
    (
        "unknown in key",
        _set(f"{VERIFIER}.publicKey.keyDetails", "x"),
        "publicKey has an unknown member",
    ),
    ("no details", _set(f"{VERIFIER}.keyDetails", None), "keyDetails is one of"),
    ("no such details", _set(f"{VERIFIER}.keyDetails", "X"), "keyDetails is one of"),
    ("PSS", _set(f"{VERIFIER}.keyDetails", 16), "keyDetails is one of"),
    ("other details", _set(f"{VERIFIER}.keyDetails", 12), "keyDetails of this key is"),
    ("details a list", _set(f"{VERIFIER}.keyDetails", [5]), "keyDetails is a name or"),
    (
        "key as certificate",
        lambda it: it[TOP]["signature"]["verifier"].update(
            x509Certificate=it[TOP]["signature"]["verifier"].pop("publicKey")
        ),
        "a certificate cannot be read",
    ),
]


@in_one_test(
    ("change", "rule"),
    [pytest.param(change, rule, id=name) for name, change, rule in BAD_HASHEDREKORDS],
)
def test_a_request_with_one_thing_wrong_is_refused(change: Change, rule: str) -> None:
    request = copy.deepcopy(hashedrekord(b"an artifact"))
    change(request)
    with pytest.raises(FormatError, match=rule):
        leaf(request)


@pytest.mark.parametrize("size", [44_000, 52_000])
def test_a_leaf_above_its_bound_is_refused(size: int) -> None:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), bytes(size))
    cert = certificate(private_key(P256), extensions=(extension,))
    request = hashedrekord(b"an artifact", P256, cert)
    if size == 44_000:
        assert 65_535 >= len(leaf(request))
        return
    with pytest.raises(FormatError, match="an entry has at most 65535 bytes"):
        leaf(request)


PAYLOAD = b'{"_type":"https://in-toto.io/Statement/v1"}'


@each_kind
def test_an_envelope_is_logged_by_the_hash_of_what_was_signed(kind: KeyKind) -> None:
    request = dsse(PAYLOAD, kind)
    message = pre_authentication("application/vnd.in-toto+json", PAYLOAD)
    members = request["dsseRequestV002"]
    same = {
        TOP: {
            "digest": b64(kind.digest(message)),
            "signature": {
                "content": members["envelope"]["signatures"][0]["sig"],
                "verifier": members["verifiers"][0],
            },
        }
    }
    logged = leaf(request)
    assert leaf_of(same, kind) == logged == leaf(same)
    assert b64(PAYLOAD).encode() not in logged


def test_an_envelope_in_its_old_form_names_its_payload() -> None:
    request = dsse(PAYLOAD, *KINDS)
    members = request["dsseRequestV002"]
    pairs = zip(members["envelope"]["signatures"], members["verifiers"], strict=True)
    signed = sorted(
        ({"content": it["sig"], "verifier": by} for it, by in pairs),
        key=lambda it: base64.b64decode(it["content"]),
    )
    payload_hash = b64(hashlib.sha256(PAYLOAD).digest())
    spec: Any = {
        "payloadHash": {"algorithm": "SHA2_256", "digest": payload_hash},
        "signatures": signed,
    }
    expected = rfc8785.dumps(
        {"apiVersion": "0.0.2", "kind": "dsse", "spec": {"dsseV002": spec}}
    )
    # Whatever order the verifiers come in.
    members["verifiers"].reverse()
    assert expected == leaf(request, "legacy")


def test_an_empty_payload_is_a_payload() -> None:
    assert "hashedrekord" == parse_rekor(leaf(dsse(b"", P256))).kind


def test_a_hint_of_a_key_is_not_trusted_nor_logged() -> None:
    request = dsse(PAYLOAD, P256)
    plain = leaf(request)
    request["dsseRequestV002"]["envelope"]["signatures"][0]["keyid"] = "somebody else"
    assert plain == leaf(request)


def test_envelopes_can_be_refused() -> None:
    with pytest.raises(
        FormatError, match="takes no dsseRequestV002: send hashedRekord"
    ):
        leaf(dsse(PAYLOAD, P256), "reject")


@pytest.mark.parametrize("kinds", [(P256, ED25519PH), (P256, P256)])
def test_an_envelope_of_two_is_refused_unless_it_is_asked_for(
    kinds: tuple[KeyKind, ...],
) -> None:
    request = dsse(PAYLOAD, *kinds)
    with pytest.raises(
        FormatError, match="envelopes of one signature and one verifier"
    ):
        leaf(request)
    assert 2 == len(parse_rekor(leaf(request, "legacy")).signatures)


DSSE = "dsseRequestV002"
ENVELOPE = f"{DSSE}.envelope"
BAD_ENVELOPES: list[tuple[str, Change, str]] = [
    ("not an object", _set(DSSE, []), "dsseRequestV002 is an object"),
    ("unknown", _set(f"{DSSE}.x", 1), "dsseRequestV002 has an unknown member"),
    ("no envelope", _set(ENVELOPE, None), "envelope is missing"),
    ("unknown in it", _set(f"{ENVELOPE}.x", 1), "envelope has an unknown member"),
    ("payload", _set(f"{ENVELOPE}.payload", "x"), "envelope.payload is base64"),
    ("other payload", _set(f"{ENVELOPE}.payload", "AAAA"), "signature"),
    ("type", _set(f"{ENVELOPE}.payloadType", 1), "envelope.payloadType is a text"),
    ("other type", _set(f"{ENVELOPE}.payloadType", "text"), "signature"),
    ("no signatures", _set(f"{ENVELOPE}.signatures", None), "there are 1 to 10 sig"),
    ("none", _set(f"{ENVELOPE}.signatures", []), "there are 1 to 10 signatures"),
    (
        "eleven",
        _set(f"{ENVELOPE}.signatures", [{"sig": "AAAA"}] * 11),
        "there are 1 to 10 signatures: found 11",
    ),
    ("null", _set(f"{ENVELOPE}.signatures", [None]), "a signature is an object"),
    ("no sig", _set(f"{ENVELOPE}.signatures", [{}]), "a signature's sig is missing"),
    (
        "keyid",
        _set(f"{ENVELOPE}.signatures", [{"sig": "AAAA", "keyid": 5}]),
        "keyid is a text",
    ),
    (
        "unknown in a signature",
        _set(f"{ENVELOPE}.signatures", [{"sig": "AAAA", "cert": ""}]),
        "a signature has an unknown member",
    ),
    ("no verifiers", _set(f"{DSSE}.verifiers", None), "there are 1 to 10 verifiers"),
    ("null verifier", _set(f"{DSSE}.verifiers", [None]), "a signature has a verifier"),
    (
        "other verifier",
        _set(f"{DSSE}.verifiers", [verifier(P384, spki(private_key(P384)))]),
        "signature",
    ),
    (
        "other signature",
        _set(f"{ENVELOPE}.signatures", [{"sig": b64(b"0" * 70)}]),
        "signature",
    ),
]


@in_one_test("form", ["hashedrekord", "legacy"])
@in_one_test(
    ("change", "rule"),
    [pytest.param(change, rule, id=name) for name, change, rule in BAD_ENVELOPES],
)
def test_an_envelope_with_one_thing_wrong_is_refused(
    change: Change, rule: str, form: DsseForm
) -> None:
    request = dsse(PAYLOAD, P256)
    change(request)
    with pytest.raises(FormatError, match=rule):
        leaf(request, form)


def test_one_signature_of_nobody_refuses_an_envelope() -> None:
    request = dsse(PAYLOAD, P256, ED25519PH)
    del request[DSSE]["verifiers"][1]
    with pytest.raises(FormatError, match="is of none of the verifiers"):
        leaf(request, "legacy")


def test_a_signature_is_over_its_own_keys_hash() -> None:
    """A P-384 key that signs a SHA-256 is not what its details say."""
    digest = hashlib.sha256(b"an artifact").digest()
    key = private_key(P384)
    request = hashedrekord(b"an artifact", P384)
    members = request[TOP]
    members["digest"] = b64(digest)
    members["signature"]["content"] = b64(sign_digest(P256, key, digest))
    with pytest.raises(FormatError, match="has 48 bytes: found 32"):
        leaf(request)
