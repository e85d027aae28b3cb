"""Whom certificates name: made by `cryptography`, then broken."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.support.rekor import certificate
from tlogverify.certificates import MAX_IDENTITIES, certificate_names
from tlogverify.errors import FormatError

# Its signatures are the same in each run: so are the tests.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
USER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.7")
ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
OLD_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
URL = "https://accounts.example"


def other(value: bytes) -> x509.OtherName:
    return x509.OtherName(USER, value)


def extension(oid: x509.ObjectIdentifier, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(oid, value)


def test_every_kind_of_identity_is_read() -> None:
    names = certificate_names(
        certificate(
            KEY,
            x509.RFC822Name("a@example.org"),
            x509.UniformResourceIdentifier("https://example.org/workflow@main"),
            x509.DNSName("host.example.org"),
            other(b"\x0c\x04user"),
            issuer=URL,
        )
    )
    assert names.identities == (
        "a@example.org",
        "https://example.org/workflow@main",
        "host.example.org",
        "user",
    )
    assert URL == names.issuer


def test_a_certificate_may_name_nobody() -> None:
    assert ((), None) == certificate_names(certificate(KEY))


def test_what_is_no_identity_is_passed_over() -> None:
    nobody = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    microsoft = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
    der = certificate(
        KEY,
        x509.DirectoryName(nobody),
        x509.OtherName(microsoft, b"\x0c\x04user"),
        x509.DNSName("host"),
    )
    assert ("host",) == certificate_names(der).identities


@pytest.mark.parametrize(
    ("extensions", "issuer"),
    [
        pytest.param([(OLD_ISSUER, b"old")], "old", id="old"),
        pytest.param(
            [(OLD_ISSUER, b"old"), (ISSUER, b"\x0c\x03new")], "new", id="both"
        ),
        pytest.param([(ISSUER, b"\x04\x03new")], None, id="another-type"),
        pytest.param([(ISSUER, b"")], None, id="empty"),
        pytest.param([(ISSUER, b"\x0c\x00")], "", id="empty-text"),
        pytest.param([(ISSUER, b"\x0c\x7f" + b"i" * 127)], "i" * 127, id="127"),
        pytest.param([(ISSUER, b"\x0c\x81\x80" + b"i" * 128)], "i" * 128, id="128"),
        pytest.param([(ISSUER, b"\x0c\x82\x01\x00" + b"i" * 256)], "i" * 256, id="256"),
    ],
)
def test_the_issuer_is_that_of_the_newer_extension(
    extensions: list[tuple[x509.ObjectIdentifier, bytes]], issuer: str | None
) -> None:
    der = certificate(KEY, extensions=tuple(extension(*it) for it in extensions))
    assert issuer == certificate_names(der).issuer


BROKEN = [
    pytest.param(b"\x0c", id="no-length"),
    pytest.param(b"\x0c\x05user", id="too-long-a-length"),
    pytest.param(b"\x0c\x03user", id="too-short-a-length"),
    pytest.param(b"\x0c\x80", id="indefinite"),
    pytest.param(b"\x0c\x80user\x00\x00", id="indefinite-with-end"),
    pytest.param(b"\x0c\x81\x04user", id="longer-form-than-needed"),
    pytest.param(b"\x0c\x84\xff\xff\xff\xff", id="four-gibibytes"),
    pytest.param(b"\x0c\xff", id="no-octets-of-length"),
    pytest.param(b"\x0c\x01\xff", id="no-utf-8"),
]


@pytest.mark.parametrize("value", BROKEN)
def test_an_issuer_that_is_no_der_is_none(value: bytes) -> None:
    der = certificate(KEY, extensions=(extension(ISSUER, value),))
    assert certificate_names(der).issuer is None


@pytest.mark.parametrize("value", BROKEN)
def test_the_older_issuer_stands_for_one_that_is_no_der(value: bytes) -> None:
    both = (extension(ISSUER, value), extension(OLD_ISSUER, b"old"))
    assert "old" == certificate_names(certificate(KEY, extensions=both)).issuer


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"\x0c\x05user", id="too-long-a-length"),
        pytest.param(b"\x0c\x03user", id="too-short-a-length"),
        pytest.param(b"\x0c\x80user", id="indefinite"),
        pytest.param(b"\x0c\x81\x03ser", id="longer-form-than-needed"),
        pytest.param(b"\x0c\xffuser", id="no-octets-of-length"),
        pytest.param(b"\x0c\x04us\xffr", id="no-utf-8"),
    ],
)
def test_a_user_name_that_is_no_der_is_refused(value: bytes) -> None:
    der = certificate(KEY, other(b"\x0c\x04user"))
    with pytest.raises(FormatError):
        certificate_names(der.replace(b"\x0c\x04user", value))


def test_an_old_issuer_that_is_no_text_is_none() -> None:
    der = certificate(KEY, extensions=(extension(OLD_ISSUER, b"\xff"),))
    assert certificate_names(der).issuer is None


# What the library does not call a ValueError, and what others refuse to read.
V3 = b"\xa0\x03\x02\x01\x02"
SERIAL = b"\x02\x01\x01\x30"
ODD: dict[str, Callable[[bytes], bytes]] = {
    "version 2": lambda der: der.replace(V3, V3[:-1] + b"\x01"),
    "version 6": lambda der: der.replace(V3, V3[:-1] + b"\x05"),
    "negative serial": lambda der: der.replace(SERIAL, b"\x02\x01\x81\x30"),
    "no ASCII": lambda der: der.replace(b"a@example", b"\xc3\xa9@exampl"),
    "a control": lambda der: der.replace(b"a@example", b"a\x00example"),
}


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("name", ODD)
def test_a_certificate_that_others_cannot_read_is_refused(name: str) -> None:
    der = certificate(KEY, x509.RFC822Name("a@example.org"))
    changed = ODD[name](der)
    assert (len(der), True) == (len(changed), der != changed)
    with pytest.raises(FormatError, match="a certificate cannot be read"):
        certificate_names(changed)


def test_an_extension_that_makes_the_library_stumble_is_refused() -> None:
    """TLSFeature with an unknown feature: a KeyError inside the library."""
    feature = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.24")
    der = certificate(KEY, extensions=(extension(feature, b"\x30\x03\x02\x01\x63"),))
    with pytest.raises(FormatError, match="a certificate cannot be read"):
        certificate_names(der)


def test_as_many_identities_as_allowed_and_no_more() -> None:
    names = [x509.DNSName(f"host-{it}") for it in range(MAX_IDENTITIES + 1)]
    most = certificate_names(certificate(KEY, *names[:-1])).identities
    assert [it.value for it in names[:-1]] == list(most)
    with pytest.raises(FormatError, match="at most 64"):
        certificate_names(certificate(KEY, *names))


def test_the_same_extension_twice_is_refused() -> None:
    """Two extensions, of which one becomes the other by its last arc."""
    der = certificate(
        KEY,
        extensions=(
            extension(ISSUER, b"\x0c\x01a"),
            extension(OLD_ISSUER, b"\x0c\x01a"),
        ),
    )
    arc = bytes.fromhex("2b06010401 83bf30 01")
    assert 1 == der.count(arc + b"\x01")
    with pytest.raises(FormatError):
        certificate_names(der.replace(arc + b"\x01", arc + b"\x08"))


def test_an_unknown_kind_of_name_is_refused() -> None:
    der = certificate(KEY, x509.DNSName("host.example.org"))
    tagged = b"\x82\x10host.example.org"
    assert 1 == der.count(tagged)
    # x400Address and ediPartyName, which the library does not know.
    for tag in (b"\xa3", b"\xa5"):
        with pytest.raises(FormatError):
            certificate_names(der.replace(tagged, tag + tagged[1:]))


WHOLE = certificate(
    KEY,
    x509.RFC822Name("a@example.org"),
    x509.DNSName("host.example.org"),
    other(b"\x0c\x04user"),
    issuer=URL,
)


@pytest.mark.parametrize("size", [0, 1, 20, len(WHOLE) // 2, len(WHOLE) - 1])
def test_a_cut_certificate_is_refused(size: int) -> None:
    with pytest.raises(FormatError):
        certificate_names(WHOLE[:size])


@given(st.data())
def test_no_other_error_comes_out_of_hostile_bytes(data: st.DataObject) -> None:
    changed = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(WHOLE) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    try:
        names = certificate_names(bytes(changed))
    except FormatError:
        return
    assert len(names.identities) <= MAX_IDENTITIES
