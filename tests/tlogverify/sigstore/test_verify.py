"""Bundles verified: each holds, and each that differs in one thing is refused."""

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rekor import (
    ED25519PH,
    KINDS,
    P256,
    b64,
    pre_authentication,
    private_key,
    sign_digest,
    spki,
    verifier,
)
from tests.tlogverify.actors import LOG, OTHER_LOG, Head, note
from tests.tlogverify.documents import ARTIFACT, ARTIFACT_SHA256, POLICY
from tests.tlogverify.sigstore.documents import (
    ENTRY,
    MATERIAL,
    NOTE,
    PAYLOAD_TYPE,
    PROOF,
    STATEMENT,
    V01,
    V02,
    Place,
    body_of,
    certified,
    changed,
    encoded,
    entry_of,
    of_message,
    of_statement,
    older,
)
from tests.tlogverify.strategies import near_misses, thorough
from tlogverify.errors import FormatError, TlogError, VerificationError
from tlogverify.policy import Policy
from tlogverify.sigstore import Bundle, BundleKey, UnjudgedError, verify_bundle
from tlogverify.sigstore.verify import ProvenBundle

KEY = BundleKey(spki(private_key(P256)))
P384 = next(kind for kind in KINDS if "P384" in kind.details)
OTHER = BundleKey(spki(private_key(P384)))
SHA256 = f"sha256:{ARTIFACT_SHA256.hex()}"
MESSAGE, STATED = of_message(), of_statement()
DER = certified()


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("release") / "release"
    path.write_bytes(ARTIFACT)
    return path


def verify(
    document: object,
    artifact: str | Path = SHA256,
    *keys: BundleKey,
    policy: Policy = POLICY,
) -> ProvenBundle:
    bundle = Bundle.parse(encoded(document))
    return verify_bundle(artifact, bundle, policy, keys or (KEY,))


def dsse_body(payload: bytes, *signatures: bytes) -> bytes:
    """Return an entry of kind dsse, which released clients write still."""
    stated = verifier(P256, KEY.der)
    digest = hashlib.sha256(payload).digest()
    spec: Any = {
        "payloadHash": {"algorithm": "SHA2_256", "digest": b64(digest)},
        "signatures": [{"content": b64(it), "verifier": stated} for it in signatures],
    }
    document: Any = {"apiVersion": "0.0.2", "kind": "dsse"}
    return rfc8785.dumps({**document, "spec": {"dsseV002": spec}})


def of_dsse() -> dict[str, Any]:
    """Return the bundle of a statement with an entry of kind dsse."""
    document = of_statement()
    sig = document["dsseEnvelope"]["signatures"][0]["sig"]
    signature = Bundle.parse(encoded(document)).content.signatures[0].sig  # type: ignore[union-attr]  # an envelope
    assert sig == b64(signature)
    entry = entry_of(dsse_body(encoded(STATEMENT), signature), "dsse")
    other: dict[str, Any] = changed(document, ENTRY, entry)
    return other


def test_a_file_and_its_digest_are_proven_by_the_key(release: Path) -> None:
    for artifact in (release, str(release), SHA256):
        proven = verify(MESSAGE, artifact, OTHER, KEY)
        assert (ARTIFACT_SHA256, KEY, None, 3, 7) == (
            proven.signed.sha256,
            proven.signed.key,
            proven.signed.statement,
            proven.logged.index,
            proven.logged.witnessed.checkpoint.size,
        )
        assert () == proven.unjudged


def test_each_version_and_kind_of_key_is_proven(release: Path) -> None:
    for kind in KINDS:
        key = BundleKey(spki(private_key(kind)))
        verify(of_message(kind), release, key)
        verify(of_statement(kind=kind), release, key)
    for document in (older(MESSAGE, V02), older(STATED, V02)):
        assert () == verify(document).unjudged
    assert ("promises",) == verify(older(MESSAGE, V01)).unjudged


def test_a_statement_is_proven_to_be_of_the_artifact() -> None:
    for document in (STATED, of_dsse()):
        statement = verify(document).signed.statement
        assert statement is not None
        assert "https://a.example/said" == statement.predicate_type


def test_a_longer_hash_is_only_a_files(release: Path) -> None:
    key = BundleKey(spki(private_key(P384)))
    verify(of_message(P384), release, key)
    with pytest.raises(VerificationError, match="over a longer hash: only a file"):
        verify(of_message(P384), SHA256, key)
    unstated = changed(of_message(P384), ("messageSignature", "messageDigest"), None)
    with pytest.raises(VerificationError, match="over a longer hash: only a file"):
        verify(unstated, SHA256, key)


def test_what_nobody_judges_beside_a_proof_is_named() -> None:
    stamps = {"rfc3161Timestamps": [{"signedTimestamp": b64(b"one")}]}
    stamped = changed(MESSAGE, (*MATERIAL, "timestampVerificationData"), stamps)
    assert ("timestamps",) == verify(stamped).unjudged
    foreign = signed_by_another_log(MESSAGE)["verificationMaterial"]["tlogEntries"]
    both = changed(
        MESSAGE,
        (*MATERIAL, "tlogEntries"),
        [*foreign, *MESSAGE["verificationMaterial"]["tlogEntries"]],
    )
    proven = verify(both)
    assert (("other logs",), 1) == (proven.unjudged, proven.logged.others)


def test_a_certificate_is_never_called_proven() -> None:
    for document in (of_message(der=DER), of_statement(der=DER)):
        with pytest.raises(UnjudgedError, match="nobody judged the cert") as caught:
            verify_bundle(SHA256, Bundle.parse(encoded(document)), POLICY, ())
        assert ("signature", "artifact", "log") == caught.value.judged
        assert ("certificate", "identity") == caught.value.unjudged
        assert "`tlog verify --trusted-root FILE" in str(caught.value)


def signed_by_another_log(document: Any) -> dict[str, Any]:
    """Return a bundle whose head another log says of the same tree."""
    head = Bundle.parse(encoded(document)).entries[0].proof
    assert head is not None
    theirs = Head(OTHER_LOG.name, head.size, head.root)
    text = note(theirs, OTHER_LOG.line(theirs)).decode()
    other: dict[str, Any] = changed(document, NOTE, text)
    return other


def of_other(document: dict[str, Any], kind: str = "hashedrekord") -> dict[str, Any]:
    """Return the log's true entry of another signature by the same key."""
    digest = P256.digest(b"another artifact")
    body = body_of(digest, sign_digest(P256, private_key(P256), digest))
    other: dict[str, Any] = changed(document, ENTRY, entry_of(body, kind))
    return other


def signed_again(artifact: bytes = ARTIFACT) -> bytes:
    """Return another right signature of the same key: they differ each time."""
    return sign_digest(P256, private_key(P256), P256.digest(artifact))


SIG: Place = ("messageSignature", "signature")
ENVELOPE: Place = ("dsseEnvelope",)
SIGNATURE = signed_again()
PAE = pre_authentication(PAYLOAD_TYPE, encoded(STATEMENT))
TIMES = {"sigs": [{"sig": b64(SIGNATURE)}] * 2}
REFUSED: dict[str, tuple[object, str]] = {
    "another artifact's signature": (
        changed(MESSAGE, SIG, b64(signed_again(b"another"))),
        "not of this key and of what is signed",
    ),
    "another digest": (
        changed(
            MESSAGE, ("messageSignature", "messageDigest", "digest"), b64(bytes(32))
        ),
        "of another artifact, as its digest says",
    ),
    "signed again": (changed(MESSAGE, SIG, b64(SIGNATURE)), "entry is of another sig"),
    "another entry": (of_other(MESSAGE), "entry is of another signature"),
    "another entry of an envelope": (of_other(STATED), "entry is of another sig"),
    "another body": (
        changed(MESSAGE, (*ENTRY, "canonicalizedBody"), b64(b"{}")),
        "does not lead to the root",
    ),
    "a body of no form": (
        changed(MESSAGE, ENTRY, entry_of(b"{}")),
        "a Rekor entry in canonical form",
    ),
    "another kind": (
        changed(MESSAGE, (*ENTRY, "kindVersion", "kind"), "dsse"),
        "the log's entry is of kind hashedrekord",
    ),
    "an older kind": (
        changed(MESSAGE, (*ENTRY, "kindVersion", "version"), "0.0.1"),
        "hashedrekord 0.0.1 is not judged by a policy; `tlog verify --trusted-root",
    ),
    "a newer kind": (
        changed(MESSAGE, (*ENTRY, "kindVersion", "kind"), "intoto"),
        "intoto 0.0.2 is not judged by a policy",
    ),
    "no entry": (
        changed(MESSAGE, (*MATERIAL, "tlogEntries"), []),
        "no log entry: no log knows of it",
    ),
    "a promise alone": (
        changed(older(MESSAGE, V01), PROOF, None),
        "a log's promise alone, which proves no inclusion",
    ),
    "another index": (changed(MESSAGE, (*ENTRY, "logIndex"), "2"), "two indexes"),
    "another place": (
        changed(MESSAGE, (*PROOF, "logIndex"), "2"),
        "does not lead to the root",
    ),
    "another root": (
        changed(MESSAGE, (*PROOF, "rootHash"), b64(bytes(32))),
        "tree is not the checkpoint's",
    ),
    "another size": (
        changed(MESSAGE, (*PROOF, "treeSize"), "8"),
        "tree is not the checkpoint's",
    ),
    "another log's id": (
        changed(MESSAGE, (*ENTRY, "logId", "keyId"), b64(OTHER_LOG.key.key_hash)),
        "logId is another log's",
    ),
    "no hashes": (changed(MESSAGE, (*PROOF, "hashes"), []), "has 3 hashes|hashes"),
    "another log": (signed_by_another_log(MESSAGE), "no trusted log key"),
    "no witness": (
        changed(
            MESSAGE,
            NOTE,
            "\n".join(
                str(
                    MESSAGE["verificationMaterial"]["tlogEntries"][0]["inclusionProof"][
                        "checkpoint"
                    ]["envelope"]
                ).split("\n")[:5]
            )
            + "\n",
        ),
        "too few witnesses",
    ),
    "no note": (changed(MESSAGE, NOTE, "x"), "no trusted log|a blank line"),
    "another payload": (
        changed(STATED, (*ENVELOPE, "payload"), b64(b"{}")),
        "not of this key and of what is signed",
    ),
    "another payload's type": (
        changed(STATED, (*ENVELOPE, "payloadType"), "text/plain"),
        "not of this key and of what is signed",
    ),
    "an envelope signed again": (
        changed(STATED, (*ENVELOPE, "signatures", 0, "sig"), b64(signed_again(PAE))),
        "entry is of another signature",
    ),
    "an envelope of two": (
        changed(STATED, (*ENVELOPE, "signatures"), [{"sig": b64(b"s")}] * 2),
        "envelope has one signature: found 2",
    ),
    "a signed text": (of_statement(payload_type="text/plain"), "the payload is appl"),
    "no statement": (
        of_statement({**STATEMENT, "_type": "https://in-toto.io/Statement/v9"}),
        "a statement is https://in-toto.io/Statement/v1",
    ),
    "another subject": (
        of_statement(
            {**STATEMENT, "subject": [{"name": "a", "digest": {"sha256": "ab" * 32}}]}
        ),
        "the statement does not name sha256:",
    ),
    "a dsse entry of two": (
        changed(
            STATED,
            ENTRY,
            entry_of(
                dsse_body(encoded(STATEMENT), *sorted([SIGNATURE, signed_again()])),
                "dsse",
            ),
        ),
        "entry is of another signature",
    ),
    "a dsse entry of another payload": (
        changed(
            of_dsse(),
            ENTRY,
            entry_of(
                dsse_body(
                    b"{}",
                    Bundle.parse(encoded(of_dsse())).content.signatures[0].sig,  # type: ignore[union-attr]  # an envelope
                ),
                "dsse",
            ),
        ),
        "entry is of another signature",
    ),
    "a dsse entry of a file": (
        changed(
            MESSAGE,
            ENTRY,
            entry_of(
                dsse_body(ARTIFACT, Bundle.parse(encoded(MESSAGE)).content.signature),  # type: ignore[union-attr]  # a message
                "dsse",
            ),
        ),
        "entry is of another signature",
    ),
    "another certificate's entry": (
        changed(
            of_message(),
            ENTRY,
            of_message(der=DER)["verificationMaterial"]["tlogEntries"][0],
        ),
        "entry is of another signature",
    ),
}


def test_each_bundle_that_differs_in_one_thing_is_refused() -> None:
    for name, (document, why) in REFUSED.items():
        with pytest.raises(TlogError) as caught:
            verify(document)
        assert re.search(why, str(caught.value)), (name, str(caught.value))


def test_another_artifact_is_refused(release: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(ARTIFACT + b".")
    for document in (
        MESSAGE,
        STATED,
        changed(
            MESSAGE, SIG[:1], {"signature": MESSAGE["messageSignature"]["signature"]}
        ),
    ):
        verify(document, release)
        with pytest.raises(VerificationError):
            verify(document, other)


def test_another_key_is_refused(release: Path) -> None:
    ed25519 = BundleKey(spki(private_key(ED25519PH)))
    for keys in ((OTHER,), (ed25519,), (OTHER, ed25519)):
        for document in (MESSAGE, STATED):
            with pytest.raises(VerificationError):
                verify(document, release, *keys)


def test_keys_and_certificates_are_not_mixed() -> None:
    for document, keys, rule in (
        (MESSAGE, (), "signed with a key: name it by --key FILE, or by --rules"),
        (of_message(der=DER), (KEY,), "with a certificate: it is verified without"),
    ):
        with pytest.raises(FormatError, match=rule):
            verify_bundle(SHA256, Bundle.parse(encoded(document)), POLICY, keys)


def test_a_second_entry_of_the_same_log_must_hold_too() -> None:
    entries = MESSAGE["verificationMaterial"]["tlogEntries"]
    place = (*MATERIAL, "tlogEntries")
    assert () == verify(changed(MESSAGE, place, entries * 2)).unjudged
    broken = changed(entries[0], ("logIndex",), "2")
    for both in ([*entries, broken], [broken, *entries]):
        with pytest.raises(VerificationError, match="two indexes"):
            verify(changed(MESSAGE, place, both))


@given(st.sampled_from([MESSAGE, STATED, of_message(der=DER)]), st.data())
@thorough
def test_whatever_the_bytes_only_our_own_errors_come_out(
    document: object, drawn: st.DataObject
) -> None:
    text = drawn.draw(near_misses(encoded(document)))
    try:
        verify_bundle(SHA256, Bundle.parse(text), POLICY, (KEY,))
    except (FormatError, VerificationError):
        return


def test_the_oracle_is_the_logs_own_key() -> None:
    """The heads of these bundles are signed by who the policy names."""
    assert LOG.name in POLICY.logs[0].key.encode()
