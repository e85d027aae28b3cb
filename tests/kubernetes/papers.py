"""Certificates of one authority, as files in PEM."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs for hosts and clients; name: of its own certificate."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        is_authority = x509.BasicConstraints(ca=True, path_length=0)
        made = self._certificate(self._name, self._key.public_key())
        self._own = made.add_extension(is_authority, critical=True).sign(
            self._key, hashes.SHA256()
        )

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return self._own.public_bytes(serialization.Encoding.PEM)

    def write(self, folder: Path, name: str, *hosts: str) -> None:
        """Lay `name.crt` and `name.key` in a folder, each by renaming."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName(
            [x509.DNSName(it) for it in hosts or (name,)]
        )
        made = self._certificate(subject, key.public_key())
        signed = made.add_extension(names, critical=False).sign(
            self._key, hashes.SHA256()
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        chain = signed.public_bytes(serialization.Encoding.PEM)
        for suffix, content in (("key", secret), ("crt", chain)):
            draft = folder / f".{name}.{suffix}"
            draft.write_bytes(content)
            draft.rename(folder / f"{name}.{suffix}")

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        day = datetime.timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
        made = made.public_key(key).serial_number(x509.random_serial_number())
        return made.not_valid_before(now - day).not_valid_after(now + day)
