"""Bundles parsed and encoded: every version, and each odd input refused by its rule."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigstore_models.bundle.v1 import Bundle as ReleasedBundle

from tests.support.cases import in_one_test
from tests.support.rekor import b64
from tests.tlogverify.documents import ARTIFACT_SHA256
from tests.tlogverify.sigstore.documents import (
    ENTRY,
    MATERIAL,
    MISSING,
    NOTE,
    PROOF,
    V01,
    V02,
    V03,
    V03_OLD,
    Place,
    certified,
    changed,
    encoded,
    of_message,
    of_statement,
    older,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlogverify.attestation.dsse import Envelope
from tlogverify.errors import FormatError
from tlogverify.sigstore import Bundle, InclusionProof, MessageSignature
from tlogverify.sigstore.bundle import MAX_BUNDLE_BYTES, MAX_VALUES

KEYED = of_message()
DER = certified()
STAMPED = changed(
    of_message(der=DER),
    (*MATERIAL, "timestampVerificationData"),
    {"rfc3161Timestamps": [{"signedTimestamp": b64(b"one")}]},
)
ATTESTED = changed(of_statement(), ("dsseEnvelope", "signatures", 0, "keyid"), "k")
CHAINED = changed(
    older(of_message(der=DER), V02),
    (*MATERIAL, "x509CertificateChain", "certificates"),
    [{"rawBytes": b64(DER)}, {"rawBytes": b64(b"another")}],
)
WHOLE: dict[str, dict[str, Any]] = {
    "a key": KEYED,
    "a certificate": of_message(der=DER),
    "the older spelling": changed(KEYED, ("mediaType",), V03_OLD),
    "timestamps": STAMPED,
    "an envelope": ATTESTED,
    "0.2, a chain": CHAINED,
    "0.1, a promise": older(of_message(der=DER), V01),
    "0.1, a promise alone": changed(older(KEYED, V01), PROOF, MISSING),
    "0.1, a proof alone by its hashes": changed(
        older(KEYED, V01), (*PROOF, "checkpoint"), MISSING
    ),
    "no entry": changed(KEYED, (*MATERIAL, "tlogEntries"), []),
    "no hint": changed(KEYED, (*MATERIAL, "publicKey"), {}),
    "no stated digest": changed(KEYED, ("messageSignature", "messageDigest"), MISSING),
    "no hashes": changed(KEYED, (*PROOF, "hashes"), []),
}


def parse(document: object) -> Bundle:
    return Bundle.parse(encoded(document))


@in_one_test("document", WHOLE.values(), ids=WHOLE)
def test_a_bundle_encodes_to_the_same_members(document: dict[str, Any]) -> None:
    bundle = parse(document)
    assert document == json.loads(bundle.encode())
    assert bundle == Bundle.parse(bundle.encode())


def test_the_values_are_those_of_the_members() -> None:
    bundle = parse(STAMPED)
    assert ("0.3", (DER,), (b"one",)) == (
        bundle.version,
        bundle.certificates,
        bundle.timestamps,
    )
    (entry,) = bundle.entries
    assert ("hashedrekord", "0.0.2", 3, 0) == (
        entry.kind,
        entry.version,
        entry.index,
        entry.integrated_time_s,
    )
    assert isinstance(entry.proof, InclusionProof)
    assert (3, 7) == (entry.proof.index, entry.proof.size)
    assert isinstance(bundle.content, MessageSignature)
    assert ("SHA2_256", ARTIFACT_SHA256) == (
        bundle.content.algorithm,
        bundle.content.digest,
    )
    attested = parse(ATTESTED).content
    assert isinstance(attested, Envelope)
    assert ["k"] == [it.keyid for it in attested.signatures]
    assert ("a hint", ()) == (parse(KEYED).hint, parse(KEYED).certificates)
    assert "0.1" == parse(WHOLE["0.1, a promise"]).version


def test_null_is_the_same_as_nothing() -> None:
    """As our own door answers: `inclusionPromise` is null there."""
    for place in (
        (*ENTRY, "inclusionPromise"),
        (*ENTRY, "integratedTime"),
        (*MATERIAL, "certificate"),
        (*MATERIAL, "timestampVerificationData"),
        ("dsseEnvelope",),
    ):
        assert parse(KEYED) == parse(changed(KEYED, place, None))
    assert parse(WHOLE["no hashes"]) == parse(changed(KEYED, (*PROOF, "hashes"), None))
    assert parse(WHOLE["0.1, a proof alone by its hashes"]) == parse(
        changed(older(KEYED, V01), NOTE, None)
    )


def test_a_zero_may_be_left_out() -> None:
    """The JavaScript client does so."""
    zero = changed(changed(KEYED, (*ENTRY, "logIndex"), "0"), (*PROOF, "logIndex"), "0")
    for place in ((*ENTRY, "logIndex"), (*PROOF, "logIndex")):
        assert parse(zero) == parse(changed(zero, place, MISSING))


def test_a_timestamp_may_be_broken_into_lines() -> None:
    """The program `base64` writes it so, and people make timestamps by hand."""
    place = (*MATERIAL, "timestampVerificationData", "rfc3161Timestamps", 0)
    broken = changed(STAMPED, (*place, "signedTimestamp"), "b2\r\n5l\n")
    assert parse(STAMPED) == parse(broken)


def test_the_model_of_a_released_client_reads_what_is_written() -> None:
    for name in ("a certificate", "timestamps", "an envelope", "0.2, a chain"):
        bundle = parse(WHOLE[name])
        released = ReleasedBundle.from_json(bundle.encode())
        assert bundle == Bundle.parse(released.to_json().encode()), name


ENVELOPE: Place = ("dsseEnvelope",)
CHAIN: Place = (*MATERIAL, "x509CertificateChain", "certificates")
STAMPS: Place = (*MATERIAL, "timestampVerificationData", "rfc3161Timestamps")
BIG = b64(bytes(1 << 17))
ODD: list[tuple[dict[str, Any], Place, object, str]] = [
    (KEYED, ("more",), 1, "no member of this name: found 'more'"),
    (KEYED, ("media_type",), V03, "no member of this name"),
    (KEYED, ("mediaType",), MISSING, "has mediaType, a string"),
    (KEYED, ("mediaType",), f"{V02[:-1]}4", "versions 0.1 to 0.3"),
    (KEYED, ("mediaType",), "application/json", "versions 0.1 to 0.3"),
    (KEYED, MATERIAL, MISSING, "has verificationMaterial, an object"),
    (KEYED, MATERIAL, [], "must be a JSON object"),
    (KEYED, (*MATERIAL, "more"), 1, "no member of this name"),
    (KEYED, (*MATERIAL, "publicKey"), MISSING, "found neither"),
    (KEYED, (*MATERIAL, "publicKey", "hint"), "x" * 1025, "at most 1024 characters"),
    (KEYED, (*MATERIAL, "publicKey", "hint"), 1, "hint is a string"),
    (KEYED, (*MATERIAL, "publicKey", "hint"), "\ud800", "must be UTF-8"),
    (KEYED, (*MATERIAL, "certificate"), {}, "publicKey and certificate"),
    (STAMPED, ("mediaType",), V02, "x509CertificateChain: found certificate"),
    (CHAINED, ("mediaType",), V03, "certificate: found x509CertificateChain"),
    (CHAINED, CHAIN, [], "has a certificate"),
    (CHAINED, CHAIN, None, "has a certificate"),
    (CHAINED, CHAIN, [{"rawBytes": b64(DER)}] * 17, "array of at most 16"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "", "rawBytes is 1 to 65536 bytes"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), BIG, "rawBytes is 1 to 65536 bytes"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "AA", "must be base64"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "A===", "must be base64"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "AB==", "canonical base64"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "-_8=", "must be base64"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "AA\nA=", "must be base64"),
    (CHAINED, (*CHAIN, 0, "rawBytes"), "é", "must be base64"),
    (STAMPED, STAMPS, [{}], "signedTimestamp is not empty"),
    (STAMPED, STAMPS, [{"signedTimestamp": b64(b"x")}] * 33, "array of at most 32"),
    (STAMPED, (*STAMPS, 0, "signedTimestamp"), "A A=", "must be base64"),
    (STAMPED, (*STAMPS, 0, "signedTimestamp"), BIG, "at most 131072 characters"),
    (STAMPED, (*STAMPS, 0, "more"), 1, "no member of this name"),
    (KEYED, (*MATERIAL, "tlogEntries"), {}, "array of at most 16"),
    (KEYED, (*MATERIAL, "tlogEntries"), [1], "must be a JSON object"),
    (KEYED, (*MATERIAL, "tlogEntries"), [{}] * 17, "array of at most 16"),
    (KEYED, (*ENTRY, "more"), 1, "no member of this name"),
    (KEYED, (*ENTRY, "logId"), MISSING, "has logId, an object"),
    (KEYED, (*ENTRY, "logId", "keyId"), "", "keyId is 1 to 32 bytes"),
    (KEYED, (*ENTRY, "logIndex"), 3, "logIndex is a string"),
    (KEYED, (*ENTRY, "logIndex"), "-1", "must be a decimal"),
    (KEYED, (*ENTRY, "logIndex"), "+3", "must be a decimal"),
    (KEYED, (*ENTRY, "logIndex"), "03", "must be a decimal"),
    (KEYED, (*ENTRY, "logIndex"), str(1 << 63), "must be a decimal"),
    (KEYED, (*ENTRY, "integratedTime"), "1.5", "must be a decimal"),
    (KEYED, (*ENTRY, "kindVersion"), MISSING, "has kindVersion, an object"),
    (KEYED, (*ENTRY, "kindVersion", "kind"), "", "has a kind and a version"),
    (KEYED, (*ENTRY, "kindVersion", "version"), MISSING, "has a kind and a version"),
    (KEYED, (*ENTRY, "kindVersion", "kind"), "x" * 65, "at most 64 characters"),
    (KEYED, (*ENTRY, "canonicalizedBody"), MISSING, "canonicalizedBody is 1 to"),
    (KEYED, (*ENTRY, "canonicalizedBody"), "e30", "must be base64"),
    (KEYED, (*ENTRY, "inclusionPromise"), {}, "signedEntryTimestamp is 1 to 4096"),
    (KEYED, PROOF, MISSING, "0.3 has an inclusionProof with a checkpoint"),
    (older(KEYED, V02), PROOF, MISSING, "0.2 has an inclusionProof"),
    (KEYED, (*PROOF, "checkpoint"), MISSING, "an inclusionProof with a checkpoint"),
    (KEYED, NOTE, "", "an inclusionProof with a checkpoint"),
    (KEYED, NOTE, "x" * ((1 << 20) + 1), "at most 1048576 characters"),
    (KEYED, NOTE, 1, "envelope is a string"),
    (older(KEYED, V01), (*ENTRY, "inclusionPromise"), None, "has an inclusionPromise"),
    (KEYED, (*PROOF, "treeSize"), "3", "logIndex is below its treeSize"),
    (KEYED, (*PROOF, "treeSize"), None, "logIndex is below its treeSize"),
    (KEYED, (*PROOF, "rootHash"), b64(bytes(31)), "rootHash of 32 bytes"),
    (KEYED, (*PROOF, "rootHash"), b64(bytes(33)), "rootHash of 32 bytes"),
    (KEYED, (*PROOF, "rootHash"), "00" * 32, "rootHash is 1 to 32 bytes"),
    (KEYED, (*PROOF, "hashes"), {}, "hashes has at most 63"),
    (KEYED, (*PROOF, "hashes"), [b64(bytes(32))] * 64, "hashes has at most 63"),
    (KEYED, (*PROOF, "hashes", 0), b64(bytes(31)), "must have 32 bytes"),
    (KEYED, (*PROOF, "hashes", 0), 1, "hashes has base64 alone"),
    (KEYED, (*PROOF, "hashes", 0), "é", "hashes has base64 alone"),
    (KEYED, ("messageSignature",), MISSING, "either a messageSignature or"),
    (KEYED, ENVELOPE, ATTESTED["dsseEnvelope"], "either a messageSignature or"),
    (KEYED, ("messageSignature", "signature"), "", "signature is 1 to 16384 bytes"),
    (KEYED, ("messageSignature", "more"), 1, "no member of this name"),
    (
        KEYED,
        ("messageSignature", "messageDigest", "algorithm"),
        "SHA1",
        "is of SHA2: found 'SHA1'",
    ),
    (
        KEYED,
        ("messageSignature", "messageDigest", "algorithm"),
        5,
        "has algorithm, a string",
    ),
    (
        KEYED,
        ("messageSignature", "messageDigest", "digest"),
        b64(bytes(48)),
        "SHA2_256 has 32 bytes: found 48",
    ),
    (KEYED, ("messageSignature", "messageDigest"), {}, "has algorithm, a string"),
    (ATTESTED, (*ENVELOPE, "payload"), MISSING, "has payload, a string"),
    (ATTESTED, (*ENVELOPE, "payload"), "e30", "must be base64"),
    (ATTESTED, (*ENVELOPE, "payloadType"), MISSING, "has payloadType, a string"),
    (ATTESTED, (*ENVELOPE, "signatures"), [], "has a signature"),
    (ATTESTED, (*ENVELOPE, "signatures"), MISSING, "has a signature"),
    (ATTESTED, (*ENVELOPE, "signatures"), [{"sig": "AA=="}] * 11, "at most 10"),
    (ATTESTED, (*ENVELOPE, "signatures", 0, "sig"), "", "sig is 1 to 16384"),
    (ATTESTED, (*ENVELOPE, "signatures", 0, "cert"), "", "no member of this name"),
]


def test_every_odd_input_is_refused_by_the_rule_that_it_breaks() -> None:
    for document, place, value, rule in ODD:
        other = changed(document, place, value)
        with pytest.raises(FormatError) as caught:
            parse(other)
        assert rule in str(caught.value), (place, value, str(caught.value))


def test_odd_bytes_are_refused_before_they_cost_anything() -> None:
    for text, rule in (
        (b"", "must be one JSON object"),
        (b"[]", "must be a JSON object"),
        (b"\xff", "must be UTF-8"),
        (encoded(KEYED) + b"}", "must be one JSON object"),
        (b'{"mediaType":"a","mediaType":"a"}', "stands here twice"),
        (b"[" * (MAX_VALUES + 1), f"at most {MAX_VALUES} brackets"),
        (b" " * (MAX_BUNDLE_BYTES + 1), f"at most {MAX_BUNDLE_BYTES} bytes"),
    ):
        with pytest.raises(FormatError, match=rule):
            Bundle.parse(text)


def test_a_bundle_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "release.sigstore.json"
    path.write_bytes(encoded(KEYED))
    assert parse(KEYED) == Bundle.read(path)


def test_what_is_made_here_obeys_the_same_bounds() -> None:
    content = MessageSignature(b"s")
    entry = parse(KEYED).entries[0]
    for keywords, rule in (
        ({"hint": "h", "certificates": (DER,)}, "not both"),
        ({"certificates": (DER, DER)}, "certificates"),
        ({"entries": (entry,) * 17}, "at most 16 log entries"),
        ({"timestamps": (b"t",) * 33}, "at most 32 timestamps"),
        ({"media_type": "application/json"}, "versions 0.1 to 0.3"),
    ):
        with pytest.raises(FormatError, match=rule):
            Bundle(content, **keywords)
    with pytest.raises(FormatError, match="a signature has 1 to"):
        MessageSignature(b"")


@given(any_bytes | near_misses(encoded(KEYED)) | near_misses(encoded(STAMPED)))
@thorough
def test_whatever_the_bytes_only_a_format_error_comes_out(text: bytes) -> None:
    try:
        bundle = Bundle.parse(text)
    except FormatError:
        return
    assert bundle == Bundle.parse(bundle.encode())


@given(
    st.sampled_from([KEYED, STAMPED, ATTESTED, CHAINED]),
    st.data(),
)
@thorough
def test_whatever_a_member_is_only_a_format_error_comes_out(
    document: dict[str, Any], drawn: st.DataObject
) -> None:
    place: Place = ()
    at: Any = document
    while isinstance(at, dict | list) and at:
        steps = list(at) if isinstance(at, dict) else list(range(len(at)))
        step = drawn.draw(st.sampled_from(steps))
        place, at = (*place, step), at[step]
        if drawn.draw(st.booleans()):
            break
    value = drawn.draw(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=9)
        | st.just([])
        | st.just({})
        | st.just([None])
        | st.just(MISSING)
    )
    try:
        parse(changed(document, place, value))
    except FormatError:
        return
