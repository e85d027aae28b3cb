"""A certificate authority that answers as Fulcio does.

Source: sigstore/fulcio, `fulcio.proto` (CreateSigningCertificate), `docs/oid-info.md`.
"""

import base64
import datetime
import json
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from tlog.trial.certificates import (
    TODAY,
    Period,
    key_usage,
    make_authority,
    make_root,
    pem,
)
from tlog.trial.ctlog import CtLog
from tlog.trial.identities import IdentityProvider

PATH = "/api/v2/signingCert"

GITHUB_ISSUER = "https://token.actions.githubusercontent.com"

_GITHUB = "https://github.com"
# sigstore-python asks for the old one, as raw text, still.
_OLD_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
_SIGNER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.9")
_RUNNER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.11")
_SOURCE = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.12")
_OWNER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.16")
_CONFIG = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.18")
_MAX_SHORT = 127
"""Bytes whose length DER writes as one."""

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
        """The authority and its root, in PEM."""
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
        """Certify a person's key for ten minutes, from now on or `start`.

        promised: extensions of the certificate log's promise.
        """
        issuer = self._provider.issuer
        names = {_ISSUER: _utf8_string(issuer), _OLD_ISSUER: issuer.encode()}
        builder = self._begin(x509.RFC822Name(email), key, names, start)
        return self._sign(builder, promised)

    def certify_workflow(
        self, repository: str, key: ec.EllipticCurvePublicKey
    ) -> x509.Certificate:
        """Certify the key of a repository's release workflow, as GitHub's are.

        repository: "owner/name".
        """
        owner, _, _ = repository.partition("/")
        workflow = f"{_GITHUB}/{repository}/.github/workflows/release.yml@refs/heads/m"
        names = {
            _ISSUER: GITHUB_ISSUER,
            _SIGNER: workflow,
            _RUNNER: "github-hosted",
            _SOURCE: f"{_GITHUB}/{repository}",
            _OWNER: f"{_GITHUB}/{owner}",
            _CONFIG: workflow,
        }
        extensions = {oid: _utf8_string(text) for oid, text in names.items()}
        who = x509.UniformResourceIdentifier(workflow)
        return self._sign(self._begin(who, key, extensions, None), b"")

    def _begin(
        self,
        who: x509.GeneralName,
        key: ec.EllipticCurvePublicKey,
        extensions: Mapping[x509.ObjectIdentifier, bytes],
        start: datetime.datetime | None,
    ) -> x509.CertificateBuilder:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
        builder = (
            self._authority.begin(x509.Name([]), key, _LIFETIME, start)
            .add_extension(key_usage(), critical=True)
            .add_extension(usage, critical=False)
            # The subject is empty: then the names must be understood.
            .add_extension(x509.SubjectAlternativeName([who]), critical=True)
        )
        for oid, value in extensions.items():
            made = x509.UnrecognizedExtension(oid, value)
            builder = builder.add_extension(made, critical=False)
        return builder

    def _sign(
        self, builder: x509.CertificateBuilder, promised: bytes
    ) -> x509.Certificate:
        promise = self._ctlog.promise(
            self._authority.sign(builder),
            self._authority.key.public_key(),
            promised,
        )
        return self._authority.sign(builder.add_extension(promise, critical=False))


def _utf8_string(text: str) -> bytes:
    """Return a DER UTF8String of at most 127 bytes."""
    content = text.encode()
    if len(content) > _MAX_SHORT:
        raise ValueError(f"at most {_MAX_SHORT} bytes", text)
    return bytes([0x0C, len(content)]) + content


def _requested_key(request: dict[str, Any], email: str) -> ec.EllipticCurvePublicKey:
    """Return the key of either form of request; both show that the sender has it.

    Raises ValueError, KeyError or InvalidSignature for what is none.
    """
    if "certificateSigningRequest" in request:
        pem_bytes = base64.b64decode(request["certificateSigningRequest"])
        csr = x509.load_pem_x509_csr(pem_bytes)
        if not csr.is_signature_valid:
            raise ValueError("a request is signed with its key")
        return _on_a_curve(csr.public_key())
    asked = request["publicKeyRequest"]
    found = _on_a_curve(load_pem_public_key(asked["publicKey"]["content"].encode()))
    proof = base64.b64decode(asked["proofOfPossession"])
    found.verify(proof, email.encode(), ec.ECDSA(hashes.SHA256()))
    return found


def _on_a_curve(key: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError("this authority certifies ECDSA keys alone")
    return key
