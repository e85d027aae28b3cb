"""Authorities out of PEM files, read back by Sigstore's own models."""

import datetime
import hashlib
import json
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from sigstore_models.trustroot.v1 import CertificateAuthority, TransparencyLogInstance

from tests.support.cases import case
from tlog.sigstore.authorities import (
    MAX_CHAIN,
    certificate_authority,
    ct_log,
    parse_certificates,
    require_timestamp_authority,
    timestamp_authority,
)
from tlog.trial.certificates import (
    Issuer,
    make_authority,
    make_root,
    make_stamper,
    new_key,
    pem,
)
from tlogverify.errors import FormatError

URL = "https://beside.example"

ROOT = make_root("root")
BELOW = make_authority(ROOT, "below")
STAMPER = make_stamper(BELOW, "stamper")


def chain_of(*issuers: Issuer) -> bytes:
    return pem(issuer.certificate for issuer in issuers)


def public_pem(key: object) -> bytes:
    spki = PublicFormat.SubjectPublicKeyInfo
    written = key.public_bytes(Encoding.PEM, spki)  # type: ignore[attr-defined]  # any key
    assert isinstance(written, bytes)
    return written


def test_a_fulcio_is_read_back_as_it_is() -> None:
    made = certificate_authority(URL, chain_of(BELOW, ROOT))
    read = CertificateAuthority.from_json(json.dumps(made))
    expected = [it.certificate.public_bytes(Encoding.DER) for it in (BELOW, ROOT)]
    assert expected == [it.raw_bytes for it in read.cert_chain.certificates]
    assert (URL, "trial.example", "root") == (
        read.uri,
        read.subject.organization,
        read.subject.common_name,
    )
    # Nothing is by this chain before all of it was valid.
    assert BELOW.certificate.not_valid_before_utc == read.valid_for.start
    assert ROOT.certificate.not_valid_before_utc < read.valid_for.start


def test_a_fulcio_may_be_one_root() -> None:
    certificate_authority(URL, chain_of(ROOT))


def test_a_timestamp_authority_is_read_back_as_it_is() -> None:
    made = timestamp_authority(
        f"{URL}/api/v1/timestamp", chain_of(STAMPER, BELOW, ROOT)
    )
    read = CertificateAuthority.from_json(json.dumps(made))
    assert 3 == len(read.cert_chain.certificates)
    assert STAMPER.certificate.not_valid_before_utc == read.valid_for.start


@pytest.mark.parametrize(
    "chain",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        chain_of(ROOT, BELOW),
        chain_of(BELOW),
        chain_of(BELOW, make_root("root")),
        chain_of(*[ROOT] * (MAX_CHAIN + 1)),
    ],
    ids=["empty", "no-certificate", "reversed", "no-root", "another", "long"],
)
def test_what_is_no_chain_is_refused(chain: bytes) -> None:
    with pytest.raises(FormatError, match="chain"):
        certificate_authority(URL, chain)


def test_a_fulcio_is_authorities_alone() -> None:
    with pytest.raises(FormatError, match="authorities alone"):
        certificate_authority(URL, chain_of(STAMPER, BELOW, ROOT))


@pytest.mark.parametrize(
    ("chain", "rule"),
    [
        (chain_of(ROOT), "its own certificate and a root"),
        (chain_of(BELOW, ROOT), "starts with what signs times"),
    ],
    ids=["one-certificate", "an-authority"],
)
def test_a_timestamp_authority_starts_with_what_signs(chain: bytes, rule: str) -> None:
    with pytest.raises(FormatError, match=rule):
        timestamp_authority(URL, chain)


@pytest.mark.parametrize(
    ("key", "details"),
    [
        (new_key().public_key(), "PKIX_ECDSA_P256_SHA_256"),
        (
            ec.generate_private_key(ec.SECP384R1()).public_key(),
            "PKIX_ECDSA_P384_SHA_384",
        ),
        (
            ec.generate_private_key(ec.SECP521R1()).public_key(),
            "PKIX_ECDSA_P521_SHA_512",
        ),
        (
            rsa.generate_private_key(65_537, 2048).public_key(),
            "PKIX_RSA_PKCS1V15_2048_SHA256",
        ),
        (Ed25519PrivateKey.generate().public_key(), "PKIX_ED25519"),
    ],
    ids=["p256", "p384", "p521", "rsa", "ed25519"],
)
def test_a_ct_log_is_read_back_as_it_is(key: object, details: str) -> None:
    made = ct_log(URL, public_pem(key))
    read = TransparencyLogInstance.from_json(json.dumps(made))
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # any key
    assert (der, details) == (read.public_key.raw_bytes, read.public_key.key_details)
    # cosign compares it with the time of a promise, which may be older than our log.
    assert read.public_key.valid_for is not None
    assert 0 == read.public_key.valid_for.start.timestamp()
    # RFC 6962, 3.2: the id is the hash of the key.
    assert hashlib.sha256(der).digest() == read.log_id.key_id


def test_another_key_of_a_ct_log_is_refused() -> None:
    # Keys are made here: every worker of a run imports this file.
    refused = {
        "empty": b"",
        "a certificate": chain_of(ROOT),
        "rsa-2560": public_pem(rsa.generate_private_key(65_537, 2560).public_key()),
        "secp256k1": public_pem(ec.generate_private_key(ec.SECP256K1()).public_key()),
        "dsa": public_pem(dsa.generate_private_key(1024).public_key()),  # noqa: S505 - refused at any size
    }
    for name, content in refused.items():
        with case(name), pytest.raises(FormatError, match="a CT log's key is"):
            ct_log(URL, content)


@pytest.mark.parametrize("make", [certificate_authority, timestamp_authority])
def test_an_authority_has_a_url(make: object) -> None:
    with pytest.raises(FormatError, match="http or https URL"):
        make("beside.example", chain_of(STAMPER, BELOW, ROOT))  # type: ignore[operator]  # both take these


def test_a_certificate_without_extensions_is_no_authority() -> None:
    key = new_key()
    name = x509.Name([])
    now = datetime.datetime.now(datetime.UTC)
    bare = Issuer(
        ROOT.sign(
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ROOT.certificate.subject)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(hours=1))
        ),
        key,
    )
    with pytest.raises(FormatError, match="authorities alone"):
        certificate_authority(URL, chain_of(bare, ROOT))
    with pytest.raises(FormatError, match="signs times"):
        timestamp_authority(URL, chain_of(bare, ROOT))


def test_a_file_that_was_cut_says_so() -> None:
    with pytest.raises(FormatError, match="the file is cut"):
        certificate_authority(URL, chain_of(BELOW, ROOT)[:-30])
    with pytest.raises(FormatError, match="the file is cut"):
        ct_log(URL, public_pem(new_key().public_key())[:-30])


def test_a_ct_log_has_one_key() -> None:
    two = public_pem(new_key().public_key()) + public_pem(new_key().public_key())
    with pytest.raises(FormatError, match="one public key"):
        ct_log(URL, two)


def test_a_serial_number_is_positive() -> None:
    """RFC 5280, 4.1.2.2; the library warns of others, and will refuse them."""
    der = bytearray(STAMPER.certificate.public_bytes(Encoding.DER))
    serial = STAMPER.certificate.serial_number.to_bytes(20, "big").lstrip(b"\0")
    der[der.index(serial)] ^= 0x80
    with pytest.raises(FormatError, match=r"X\.509"):
        parse_certificates([bytes(der)])


@given(st.data())
def test_a_chain_of_which_a_byte_is_changed_is_refused_or_read(
    data: st.DataObject,
) -> None:
    ders = [it.certificate.public_bytes(Encoding.DER) for it in (STAMPER, BELOW, ROOT)]
    number = data.draw(st.integers(0, 2))
    place = data.draw(st.integers(0, len(ders[number]) - 1))
    changed = bytearray(ders[number])
    changed[place] ^= data.draw(st.integers(1, 255))
    ders[number] = bytes(changed)
    with suppress(FormatError):
        require_timestamp_authority(parse_certificates(ders))
