"""A certificate authority that answers as Fulcio does.

Source: sigstore/fulcio, `fulcio.proto` (CreateSigningCertificate), `docs/oid-info.md`.
"""

import base64
import datetime
import json

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.sigstore.certificates import (
    key_usage,
    make_authority,
    make_root,
    pem,
)
from tests.support.sigstore.ctlog import CtLog
from tests.support.sigstore.identities import IdentityProvider

PATH = "/api/v2/signingCert"

_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_OLD_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_LIFETIME = datetime.timedelta(minutes=10)


class Fulcio:
    """Signs for who shows a token of its identity provider."""

    def __init__(self, provider: IdentityProvider, ctlog: CtLog) -> None:
        self._provider = provider
        self._ctlog = ctlog
        root = make_root("Fulcio's root")
        self._authority = make_authority(root, "Fulcio")
        self._chain = [self._authority.certificate, root.certificate]

    @property
    def chain_pem(self) -> bytes:
        return pem(self._chain)

    def answer(self, authorization: str, body: bytes) -> bytes:
        """Answer a request for a certificate."""
        email = self._provider.email(authorization.removeprefix("Bearer "))
        request = json.loads(body)["certificateSigningRequest"]
        csr = x509.load_pem_x509_csr(base64.b64decode(request))
        assert csr.is_signature_valid
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        chain = [self._certify(email, key), *self._chain]
        texts = [it.public_bytes(Encoding.PEM).decode() for it in chain]
        return json.dumps(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": texts}}}
        ).encode()

    def _certify(self, email: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        issuer = self._provider.issuer.encode()
        utf8_string = bytes([0x0C, len(issuer)]) + issuer
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        names = x509.SubjectAlternativeName([x509.RFC822Name(email)])
        builder = (
            self._authority.begin(x509.Name([]), key, _LIFETIME)
            .add_extension(key_usage(), critical=True)
            .add_extension(usage, critical=False)
            # The subject is empty: then the names must be understood.
            .add_extension(names, critical=True)
            .add_extension(
                x509.UnrecognizedExtension(_ISSUER, utf8_string), critical=False
            )
            # sigstore-python asks for the old one, as raw text, still.
            .add_extension(
                x509.UnrecognizedExtension(_OLD_ISSUER, issuer), critical=False
            )
        )
        promise = self._ctlog.promise(
            self._authority.sign(builder), self._authority.key.public_key()
        )
        return self._authority.sign(builder.add_extension(promise, critical=False))
