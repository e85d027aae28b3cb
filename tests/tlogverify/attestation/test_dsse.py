"""DSSE against its specification's own vectors, and whatever a sender may try."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given

from tests.support.cases import in_one_test
from tests.tlogverify.attestation.stories import (
    ALICE,
    BOB,
    IN_TOTO,
    MALLORY,
    Signer,
    document,
    envelope,
    signed_bytes,
    text_of,
)
from tests.tlogverify.refusal import flip
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.attestation.dsse import MAX_ENVELOPE_BYTES, Envelope, pae
from tlogverify.attestation.signers import SignerKey
from tlogverify.attestation.statement import parse_statement
from tlogverify.errors import FormatError, SignatureError

VECTORS = json.loads((Path(__file__).parent / "dsse" / "vectors.json").read_text())
PAYLOAD = b'{"a":1}'


def key_of(*signers: Signer) -> list[SignerKey]:
    return [SignerKey.of_pem(it.pem) for it in signers]


def vector_key(name: str) -> SignerKey:
    public = bytes.fromhex(VECTORS["keys"][name]["public"])
    key = Ed25519PublicKey.from_public_bytes(public)
    return SignerKey(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda it: it["id"])
def test_the_specifications_vectors_end_as_they_say(vector: dict[str, object]) -> None:
    text = json.dumps(vector["envelope"]).encode()
    names, threshold = vector["trustedKeys"], vector["threshold"]
    assert isinstance(names, list)
    assert isinstance(threshold, int)
    supported = vector["supportedPayloadTypes"]
    assert isinstance(supported, list)
    parsed = Envelope.parse(text)
    verdict = "accept"
    try:
        parsed.verify([vector_key(name) for name in names], threshold)
        if parsed.payload_type not in supported:
            verdict = "reject"
    except SignatureError:
        verdict = "reject"
    assert vector["expect"] == verdict
    if verdict == "accept":
        assert vector["pae"] == pae(parsed.payload_type, parsed.payload).hex()


@pytest.mark.parametrize("is_der", [False, True])
def test_the_protocols_example_verifies(is_der: bool) -> None:
    """Its signature is r and s, side by side, which stands for the same pair in DER."""
    x = 46950820868899156662930047687818585632848591499744589407958293238635476079160
    y = 5640078356564379163099075877009565129882514886557779369047442380624545832820
    public = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    key = SignerKey(
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    raw = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJ"
        "PcIAriEGAHTVeCUjW2JIZA=="
    )
    halves = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    signature = encode_dss_signature(*halves) if is_der else raw
    parsed = Envelope.parse(
        document(
            payload="aGVsbG8gd29ybGQ=",
            payloadType="http://example.com/HelloWorld",
            signatures=[{"sig": text_of(signature)}],
        )
    )
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert expected == pae(parsed.payload_type, parsed.payload)
    assert (key,) == parsed.verify([key], 1)


@pytest.mark.parametrize("signer", [ALICE, BOB])
def test_an_envelope_is_verified_by_its_key_alone(signer: Signer) -> None:
    parsed = Envelope.parse(envelope(PAYLOAD, signer))
    assert (*key_of(signer),) == parsed.verify(key_of(MALLORY, signer), 1)
    with pytest.raises(SignatureError, match="0 of the trusted keys signed"):
        parsed.verify(key_of(MALLORY), 1)


def test_a_key_counts_once_however_often_it_signed_or_is_trusted() -> None:
    parsed = Envelope.parse(envelope(PAYLOAD, BOB, BOB, BOB))
    with pytest.raises(SignatureError, match="1 of the trusted keys signed"):
        parsed.verify(key_of(BOB, BOB, ALICE), 2)


def test_two_keys_meet_a_threshold_of_two_among_other_signatures() -> None:
    parsed = Envelope.parse(envelope(PAYLOAD, MALLORY, BOB, ALICE))
    assert 2 == len(parsed.verify(key_of(ALICE, BOB), 2))


def test_a_threshold_of_nothing_is_one() -> None:
    parsed = Envelope.parse(envelope(PAYLOAD, MALLORY))
    with pytest.raises(SignatureError, match="1 must"):
        parsed.verify(key_of(ALICE), 0)


@pytest.mark.parametrize("keyid", ["bob", "", "x" * 1000, ALICE.sha256])
def test_a_keyid_changes_nothing(keyid: str) -> None:
    signature = text_of(ALICE.sign(signed_bytes(IN_TOTO, PAYLOAD)))
    parsed = Envelope.parse(
        document(
            payloadType=IN_TOTO,
            payload=text_of(PAYLOAD),
            signatures=[{"keyid": keyid, "sig": signature}],
        )
    )
    assert (*key_of(ALICE),) == parsed.verify(key_of(BOB, ALICE), 1)
    with pytest.raises(SignatureError):
        parsed.verify(key_of(BOB), 1)


@pytest.mark.parametrize("signer", [ALICE, BOB])
def test_a_changed_payload_type_or_signature_is_not_signed(signer: Signer) -> None:
    message = signed_bytes(IN_TOTO, PAYLOAD)
    signature = signer.sign(message)
    key = SignerKey.of_pem(signer.pem)
    key.verify(message, signature)
    for at in range(8 * len(message)):
        with pytest.raises(SignatureError):
            key.verify(flip(message, at), signature)
    for at in range(8 * len(signature)):
        with pytest.raises(SignatureError):
            key.verify(message, flip(signature, at))
    for short in (b"", signature[:-1], signature + b"\0"):
        with pytest.raises(SignatureError):
            key.verify(message, short)


PLAIN: dict[str, object] = {
    "payloadType": IN_TOTO,
    "payload": text_of(PAYLOAD),
    "signatures": [{"sig": "AAAA"}],
}


def test_unknown_members_and_unset_keyids_are_ignored() -> None:
    parsed = Envelope.parse(
        document(
            **PLAIN | {"signatures": [{"sig": "AAAA", "keyid": None, "cert": 1.5}]},
            future={"a": [None]},
        )
    )
    assert (PAYLOAD, "") == (parsed.payload, parsed.signatures[0].keyid)


@in_one_test(
    ("change", "why"),
    [
        pytest.param({"payload": None}, "payload, a string", id="no-payload"),
        pytest.param({"payload": 7}, "payload, a string", id="number"),
        pytest.param({"payload": "AAA"}, "base64", id="no-padding"),
        pytest.param({"payload": "AAB="}, "one spelling", id="stray-bits"),
        pytest.param({"payload": "AA A"}, "base64", id="space"),
        pytest.param({"payload": "AA\n="}, "base64", id="newline"),
        pytest.param({"payload": "é"}, "base64", id="not-ascii"),
        pytest.param({"payload": "-+AA"}, "one spelling", id="two-alphabets"),
        pytest.param({"payloadType": None}, "payloadType, a string", id="no-type"),
        pytest.param({"payloadType": "\ud800"}, "UTF-8", id="surrogate"),
        pytest.param({"signatures": None}, "signatures, an array", id="no-signatures"),
        pytest.param({"signatures": {}}, "signatures, an array", id="object"),
        pytest.param({"signatures": ["x"]}, "JSON object", id="no-object"),
        pytest.param({"signatures": [{}]}, "sig, a string", id="no-sig"),
        pytest.param(
            {"signatures": [{"sig": "", "keyid": 1}]}, "keyid is a string", id="keyid"
        ),
        pytest.param(
            {"signatures": [{"sig": ""}] * 11}, "at most 10", id="11-signatures"
        ),
    ],
)
def test_a_broken_envelope_is_refused_by_its_rule(
    change: dict[str, object], why: str
) -> None:
    with pytest.raises(FormatError, match=why):
        Envelope.parse(document(**PLAIN | change))


def test_an_envelope_without_signatures_parses_and_proves_nothing() -> None:
    parsed = Envelope.parse(document(**PLAIN | {"signatures": []}))
    with pytest.raises(SignatureError):
        parsed.verify(key_of(ALICE), 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"{}{}", id="two"),
        pytest.param(b"\xff{}", id="not-utf-8"),
        pytest.param(b'{"a":1,"a":1}', id="twice"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b'{"a":1e999}', id="infinite"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="many-digits"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b" " * (MAX_ENVELOPE_BYTES + 1), id="large"),
    ],
)
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(FormatError):
        Envelope.parse(text)


@thorough
@given(any_bytes | near_misses(envelope(PAYLOAD, ALICE)))
def test_whatever_the_bytes_only_these_errors_come_out(text: bytes) -> None:
    try:
        parsed = Envelope.parse(text)
        parsed.verify(key_of(ALICE), 1)
        parse_statement(parsed)
    except (FormatError, SignatureError):
        return
