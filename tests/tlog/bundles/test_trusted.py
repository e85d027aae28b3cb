"""A trusted root's logs: read strictly, and believed within their time."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rekor import b64
from tests.tlog.bundles.world import ARTIFACT, V03, World, pem_of, spki
from tests.tlogverify.refusal import flip
from tests.tlogverify.sigstore.documents import (
    ENTRY,
    MISSING,
    PROOF,
    Place,
    changed,
    encoded,
)
from tests.tlogverify.strategies import any_bytes, near_misses, thorough
from tlog.bundles.bodies import require_entry_of
from tlog.bundles.certified import Who, judge_certified
from tlog.bundles.judging import judge_keyed
from tlog.bundles.trusted import MAX_ROOT_BYTES, TrustedLogs
from tlogverify.errors import FormatError, VerificationError
from tlogverify.sigstore import Bundle, BundleKey
from tlogverify.sigstore.verify import open_signed

LOG: Place = ("tlogs", 0)
KEY: Place = (*LOG, "publicKey")


@cache
def world() -> World:
    return World()


def der_of(key: rsa.RSAPrivateKey | x25519.X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )


def test_each_odd_trusted_root_is_refused_by_the_rule_that_it_breaks() -> None:
    root = world().root
    agreement = b64(der_of(x25519.X25519PrivateKey.generate()))
    cases: list[tuple[Place, object, str]] = [
        (("mediaType",), MISSING, "has mediaType, a string"),
        (("mediaType",), "application/json", "a trusted root is application/vnd"),
        (("tlogs",), MISSING, "has tlogs, an array"),
        (("tlogs",), [root["tlogs"][0]] * 2, "each log's id once"),
        (("tlogs",), [root["tlogs"][0]] * 257, "an array of at most 256"),
        ((*LOG, "baseUrl"), MISSING, "has baseUrl"),
        ((*LOG, "baseUrl"), "https://", "a URL with a host"),
        ((*LOG, "baseUrl"), "https://[", "a URL with a host"),
        ((*LOG, "logId"), MISSING, "has keyId"),
        ((*LOG, "logId", "keyId"), "A", "must be base64"),
        ((*KEY, "rawBytes"), MISSING, "has rawBytes"),
        ((*KEY, "rawBytes"), b64(b"key"), "is a public key in DER"),
        ((*KEY, "rawBytes"), agreement, "is Ed25519, ECDSA or RSA"),
        ((*KEY, "validFor"), MISSING, "validFor has start"),
        ((*KEY, "validFor", "start"), "yesterday", "a time is RFC 3339"),
        ((*KEY, "validFor", "start"), "2020-01-01T00:00:00", "with its zone"),
        ((*KEY, "validFor", "end"), 5, "validFor has end"),
    ]
    for place, value, rule in cases:
        with pytest.raises(FormatError) as caught:
            TrustedLogs.parse(encoded(changed(root, place, value)))
        assert rule in str(caught.value), (place, value, str(caught.value))
    with pytest.raises(FormatError, match="has at most"):
        TrustedLogs.parse(b" " * (MAX_ROOT_BYTES + 1))


def test_a_url_without_a_scheme_has_a_host_too() -> None:
    root = changed(world().root, (*LOG, "baseUrl"), "log.example")
    hosts = {it.host for it in TrustedLogs.parse(encoded(root)).by_id.values()}
    assert {"log.example", "rekor.example"} == hosts


def judge(document: Any, root: dict[str, Any] | None = None) -> None:
    key = BundleKey(spki(world().key))
    bundle = Bundle.parse(encoded(document))
    judge_keyed(digest(), bundle, (key,), encoded(root or world().root))


def digest() -> str:
    return f"sha256:{hashlib.sha256(ARTIFACT).hexdigest()}"


def test_a_promise_counts_within_the_logs_time() -> None:
    document = world().old_message(V03, None)
    judge(document)
    place = ("tlogs", 1, "publicKey", "validFor")
    for period in (
        {"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"},
        {"start": "2099-01-01T00:00:00Z"},
    ):
        with pytest.raises(VerificationError, match="a time beyond its trust"):
            judge(document, changed(world().root, place, period))
    # Without a promise nothing is said of a time.
    judge(world().old_message(V03, None, 0), changed(world().root, place, period))
    other = changed(document, (*ENTRY, "integratedTime"), "1790000000")
    with pytest.raises(VerificationError, match="the promise is not signed by"):
        judge(other)


def test_a_log_of_another_key_is_refused() -> None:
    key = rsa.generate_private_key(65_537, 2048)
    for number, document in (
        (0, world().message()),
        (1, world().old_message(V03, None)),
    ):
        place = ("tlogs", number, "publicKey", "rawBytes")
        for other in (der_of(key), spki(World().key)):
            with pytest.raises(VerificationError, match="is not signed by"):
                judge(document, changed(world().root, place, b64(other)))


def test_no_entry_and_two_indexes_are_refused() -> None:
    message = world().message()
    for place, value, why in (
        ((*ENTRY[:-1],), [], "no log knows of it"),
        ((*ENTRY, "logIndex"), "4", "two indexes"),
        ((*PROOF, "treeSize"), "8", "not the checkpoint's"),
        ((*ENTRY, "kindVersion", "version"), "0.0.3", "is not judged by a policy"),
    ):
        with pytest.raises(VerificationError, match=why):
            judge(changed(message, place, value))


def test_an_entry_of_each_older_kind_is_of_its_signature_alone() -> None:
    key = BundleKey(spki(world().key))
    made = {
        "hashedrekord": world().old_message(V03, None, 0),
        "dsse": world().old_statement("dsse", None, 0),
        "intoto": world().old_statement("intoto", None, 0),
    }
    for kind, document in made.items():
        bundle = Bundle.parse(encoded(document))
        signed = open_signed(digest(), bundle, (key,))
        (entry,) = bundle.entries
        require_entry_of(entry, bundle, signed)
        for other in (
            dataclasses.replace(signed, signature=flip(signed.signature)),
            dataclasses.replace(signed, key=BundleKey(spki(World().key))),
        ):
            with pytest.raises(VerificationError, match="of another signature"):
                require_entry_of(entry, bundle, other)
        for others, theirs in made.items():
            if others != kind:
                body = Bundle.parse(encoded(theirs)).entries[0].body
                mixed = dataclasses.replace(entry, body=body)
                with pytest.raises(VerificationError, match="another kind than it is"):
                    require_entry_of(mixed, bundle, signed)
        with pytest.raises(FormatError):
            require_entry_of(dataclasses.replace(entry, body=b"{"), bundle, signed)


def test_more_of_older_entries_is_looked_at() -> None:
    key = BundleKey(spki(world().key))
    changes: list[tuple[str, Callable[[Any], object]]] = [
        ("dsse", lambda spec: spec["signatures"].append(spec["signatures"][0])),
        ("dsse", lambda spec: spec["payloadHash"].update(value="ab" * 32)),
        ("dsse", lambda spec: spec["payloadHash"].update(algorithm="sha1")),
        ("intoto", lambda spec: spec["content"]["payloadHash"].update(value="00")),
        (
            "intoto",
            lambda spec: spec["content"]["envelope"].update(signatures=[]),
        ),
    ]
    for kind, change in changes:
        bundle = Bundle.parse(encoded(world().old_statement(kind, None, 0)))
        signed = open_signed(digest(), bundle, (key,))
        (entry,) = bundle.entries
        body = json.loads(entry.body)
        change(body["spec"])
        other = dataclasses.replace(entry, body=encoded(body))
        with pytest.raises(VerificationError, match="of another signature"):
            require_entry_of(other, bundle, signed)
    message = Bundle.parse(encoded(world().old_message(V03, None, 0)))
    signed = open_signed(digest(), message, (key,))
    body = json.loads(message.entries[0].body)
    body["spec"]["signature"]["publicKey"]["content"] = b64(b"no PEM")
    other = dataclasses.replace(message.entries[0], body=encoded(body))
    with pytest.raises(FormatError, match="PUBLIC KEY or CERTIFICATE in PEM"):
        require_entry_of(other, message, signed)
    assert b"BEGIN PUBLIC KEY" in pem_of(world().key)


@cache
def certified() -> bytes:
    return encoded(world().message(der=world().der))


@given(st.data())
@thorough
def test_whatever_the_bytes_only_our_own_errors_come_out(drawn: st.DataObject) -> None:
    who = Who("somebody@tests.example", "https://oidc.example")
    root = encoded(world().root)
    is_root = drawn.draw(st.booleans())
    text = drawn.draw(near_misses(root if is_root else certified()) | any_bytes)
    try:
        bundle = Bundle.parse(certified() if is_root else text)
        judge_certified(digest(), bundle, who, text if is_root else root)
    except (FormatError, VerificationError):
        return


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    bundle = Bundle.parse(encoded(world().message()))
    key = BundleKey(spki(world().key))
    with pytest.raises(FileNotFoundError):
        judge_keyed(tmp_path / "none", bundle, (key,), encoded(world().root))
