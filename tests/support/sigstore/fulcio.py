"""A certificate authority that answers as Fulcio does.

Source: sigstore/fulcio, `fulcio.proto` (CreateSigningCertificate), `docs/oid-info.md`.
"""

import base64
import datetime
import json
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.support.sigstore.certificates import (
    TODAY,
    Period,
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

    def __init__(
        self, provider: IdentityProvider, ctlog: CtLog, period: Period = TODAY
    ) -> None:
        self._provider = provider
        self._ctlog = ctlog
        root = make_root("Fulcio's root")
        self._authority = make_authority(root, "Fulcio", period)
        self._chain = [self._authority.certificate, root.certificate]

    @property
    def chain_pem(self) -> bytes:
        return pem(self._chain)

    def answer(self, authorization: str, body: bytes) -> bytes:
        """Answer a request for a certificate."""
        request = json.loads(body)
        in_body = request.get("credentials", {}).get("oidcIdentityToken")
        email = self._provider.email(in_body or authorization.removeprefix("Bearer "))
        key = _requested_key(request, email)
        chain = [self.certify(email, key), *self._chain]
        texts = [it.public_bytes(Encoding.PEM).decode() for it in chain]
        return json.dumps(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": texts}}}
        ).encode()

    def certify(
        self,
        email: str,
        key: ec.EllipticCurvePublicKey,
        start: datetime.datetime | None = None,
        promised: bytes = b"",
    ) -> x509.Certificate:
        """Certify a key for ten minutes, from now on or `start`.

        promised: extensions of the certificate log's promise.
        """
        issuer = self._provider.issuer.encode()
        utf8_string = bytes([0x0C, len(issuer)]) + issuer
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        names = x509.SubjectAlternativeName([x509.RFC822Name(email)])
        builder = (
            self._authority.begin(x509.Name([]), key, _LIFETIME, start)
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
            self._authority.sign(builder),
            self._authority.key.public_key(),
            promised,
        )
        return self._authority.sign(builder.add_extension(promise, critical=False))


def _requested_key(request: dict[str, Any], email: str) -> ec.EllipticCurvePublicKey:
    """Return the key of either form of request; both show that the sender has it."""
    if "certificateSigningRequest" in request:
        pem_bytes = base64.b64decode(request["certificateSigningRequest"])
        csr = x509.load_pem_x509_csr(pem_bytes)
        assert csr.is_signature_valid
        key = csr.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return key
    asked = request["publicKeyRequest"]
    found = load_pem_public_key(asked["publicKey"]["content"].encode())
    assert isinstance(found, ec.EllipticCurvePublicKey)
    proof = base64.b64decode(asked["proofOfPossession"])
    found.verify(proof, email.encode(), ec.ECDSA(hashes.SHA256()))
    return found
