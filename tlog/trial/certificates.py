"""Certificates of the stand-ins: a root, what it signs, and how they are written."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PublicKey = ec.EllipticCurvePublicKey
Extension = tuple[x509.ExtensionType, bool]

_HOUR = datetime.timedelta(hours=1)

Period = tuple[datetime.datetime | None, datetime.timedelta]
"""From when, None for now, and for how long."""
TODAY: Period = (None, 12 * _HOUR)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "trial.example"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


@dataclass(frozen=True)
class Issuer:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def begin(
        self,
        subject: x509.Name,
        key: PublicKey,
        lifetime: datetime.timedelta,
        start: datetime.datetime | None = None,
    ) -> x509.CertificateBuilder:
        """Return a builder of a certificate of ours, valid from now on, or `start`."""
        now = start or datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        ours = self.certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        )
        return (
            _begin(subject, self.certificate.subject, key)
            .not_valid_before(now)
            .not_valid_after(now + lifetime)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    ours.value
                ),
                critical=False,
            )
        )

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign what was begun."""
        return builder.sign(self.key, hashes.SHA256())


def _begin(
    subject: x509.Name, issuer: x509.Name, key: PublicKey
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(common_name: str) -> Issuer:
    """Make a root that has been valid for an hour."""
    key = new_key()
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    name = _name(common_name)
    builder = (
        _begin(name, name, key.public_key())
        .not_valid_before(now - _HOUR)
        .not_valid_after(now + 24 * _HOUR)
    )
    for extension, is_critical in _of_an_authority():
        builder = builder.add_extension(extension, critical=is_critical)
    return Issuer(builder.sign(key, hashes.SHA256()), key)


def make_authority(root: Issuer, common_name: str, period: Period = TODAY) -> Issuer:
    """Make an authority below a root."""
    return _make_below(root, common_name, _of_an_authority(), period)


def make_stamper(root: Issuer, common_name: str, period: Period = TODAY) -> Issuer:
    """Make the certificate that a timestamp authority signs with."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
    extensions: list[Extension] = [(usage, True), (key_usage(), True)]
    return _make_below(root, common_name, extensions, period)


def key_usage(*, signs_certificates: bool = False) -> x509.KeyUsage:
    """Return what a key is for: signatures, or certificates and their revocation."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def pem(chain: Iterable[x509.Certificate]) -> bytes:
    """Return certificates in PEM, in their order."""
    return b"".join(it.public_bytes(Encoding.PEM) for it in chain)


def _make_below(
    root: Issuer, name: str, extensions: list[Extension], period: Period
) -> Issuer:
    key = new_key()
    start, lifetime = period
    builder = root.begin(_name(name), key.public_key(), lifetime, start)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return Issuer(root.sign(builder), key)


def _of_an_authority() -> list[Extension]:
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    return [(constraints, True), (key_usage(signs_certificates=True), True)]
