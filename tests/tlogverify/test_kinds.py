"""Kinds of entry, told apart and found."""

import hashlib

import pytest
from cryptography import x509

from tests.support.rekor import P256, certificate, private_key
from tests.tlogverify.documents import ARTIFACT_SHA256, ENTRY
from tests.tlogverify.test_rekor import DSSE, HASHEDREKORD, dsse
from tlogverify.errors import FormatError
from tlogverify.kinds import (
    describe_signer,
    digest_key,
    identity_key,
    issuer_key,
    name_signer,
    parse_entry,
    require_entry,
    search_keys,
)
from tlogverify.record import parse_record, record_digests
from tlogverify.rekor import RekorEntry, Signature, parse_rekor

CERTIFICATE = certificate(
    private_key(P256),
    x509.RFC822Name("a@example.org"),
    x509.DNSName("host"),
    issuer="https://issuer.example",
)
CERTIFICATE_SHA256 = hashlib.sha256(CERTIFICATE).digest()


def signed_with(der: bytes, *, is_certificate: bool = True) -> RekorEntry:
    signature = Signature(b"s", P256.details, der, is_certificate)
    return RekorEntry("hashedrekord", "SHA2_256", b"d" * 32, (signature,))


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_the_first_bytes_tell_the_kind() -> None:
    assert parse_record(ENTRY) == parse_entry(ENTRY)
    for entry in (HASHEDREKORD, DSSE):
        assert parse_rekor(entry) == parse_entry(entry)


@pytest.mark.parametrize("entry", [ENTRY, HASHEDREKORD, DSSE])
def test_an_entry_is_required_to_be_canonical(entry: bytes) -> None:
    require_entry(entry)
    for changed in (entry[:-1], entry + b"\n", b""):
        with pytest.raises(FormatError):
            require_entry(changed)
        with pytest.raises(FormatError):
            parse_entry(changed)


def test_a_record_is_found_by_its_digests() -> None:
    expected = [b"\x20" + it for it in record_digests(ENTRY)]
    assert expected == search_keys(ENTRY)
    assert b"\x20" + ARTIFACT_SHA256 in expected


def test_a_rekor_entry_is_found_by_digest_signer_and_names() -> None:
    expected = [
        b"\x20" + b"d" * 32,
        b"\x20" + CERTIFICATE_SHA256,
        b"\x01" + sha256("a@example.org"),
        b"\x01" + sha256("host"),
        b"\x02" + sha256("https://issuer.example"),
    ]
    assert expected == search_keys(signed_with(CERTIFICATE).encode())


def test_a_certificate_without_issuer_is_found_by_its_names() -> None:
    der = certificate(private_key(P256), x509.DNSName("host"))
    keys = search_keys(signed_with(der).encode())
    assert [identity_key("host")] == keys[2:]


def test_what_cannot_be_read_is_found_by_its_digest_all_the_same() -> None:
    for is_certificate in (True, False):
        entry = signed_with(b"nothing", is_certificate=is_certificate)
        nothing = hashlib.sha256(b"nothing").digest()
        assert [b"\x20" + b"d" * 32, b"\x20" + nothing] == search_keys(entry.encode())


def test_a_key_that_holds_a_certificate_names_nobody() -> None:
    entry = signed_with(CERTIFICATE, is_certificate=False)
    assert 2 == len(search_keys(entry.encode()))


def test_each_signer_of_an_envelope_finds_it() -> None:
    signers = [hashlib.sha256(it.der).digest() for it in dsse(2).signatures]
    expected = [b"\x20" + it for it in (bytes(32), *signers)]
    assert expected == search_keys(DSSE)


@pytest.mark.parametrize("size", [48, 64])
def test_a_longer_digest_has_a_key_of_the_same_length(size: int) -> None:
    digest = b"d" * size
    assert bytes([size]) + hashlib.sha256(digest).digest() == digest_key(digest)


def test_a_name_is_no_issuer() -> None:
    assert identity_key("a") != issuer_key("a")
    assert b"\x02" + sha256("a") == issuer_key("a")


def test_a_signer_is_described_as_stated() -> None:
    (signature,) = signed_with(CERTIFICATE).signatures
    assert {
        "certificate": CERTIFICATE_SHA256.hex(),
        "identities": ["a@example.org", "host"],
        "issuer": "https://issuer.example",
    } == describe_signer(signature)
    assert (
        f"certificate sha256:{CERTIFICATE_SHA256.hex()} of a@example.org, host, "
        "issuer https://issuer.example"
    ) == name_signer(signature)


def test_a_key_is_described_by_its_digest_alone() -> None:
    (signature,) = signed_with(b"key", is_certificate=False).signatures
    digest = hashlib.sha256(b"key").hexdigest()
    expected: dict[str, object] = {"key": digest, "identities": [], "issuer": None}
    assert expected == describe_signer(signature)
    assert f"key sha256:{digest}" == name_signer(signature)
