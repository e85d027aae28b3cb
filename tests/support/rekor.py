"""What Sigstore's clients send, made of plain values: keys, signatures, requests."""

import base64
import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations, cycle
from typing import Any

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.oracle import ed25519ph
from tests.support.rsa_primes import PRIMES

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ISSUER = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")


@dataclass(frozen=True)
class KeyKind:
    """One row of the table of keys: details, number, hash, and how one is made."""

    details: str
    number: int
    hash_name: str
    make: Callable[[], Private]

    @property
    def algorithm(self) -> str:
        """The hash's name in a leaf."""
        return self.hash_name.replace("sha", "SHA2_")

    def digest(self, artifact: bytes) -> bytes:
        """Return the artifact's digest."""
        return hashlib.new(self.hash_name, artifact).digest()


def _rsa(bits: int) -> Callable[[], Private]:
    """Return what gives another one of three keys at each call."""
    primes = [int(it, 16) for it in PRIMES[bits]]
    pairs = cycle(combinations(primes, 2))
    return lambda: _rsa_key(*next(pairs))


def _rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    exponent = 65_537
    d = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    whole = rsa.RSAPrivateNumbers(
        p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public
    )
    return whole.private_key(unsafe_skip_rsa_key_validation=True)


P256 = KeyKind(
    "PKIX_ECDSA_P256_SHA_256",
    5,
    "sha256",
    lambda: ec.generate_private_key(ec.SECP256R1()),
)
ED25519PH = KeyKind("PKIX_ED25519_PH", 8, "sha512", Ed25519PrivateKey.generate)
KINDS = [
    P256,
    ED25519PH,
    KeyKind("PKIX_RSA_PKCS1V15_2048_SHA256", 9, "sha256", _rsa(2048)),
    KeyKind("PKIX_RSA_PKCS1V15_3072_SHA256", 10, "sha256", _rsa(3072)),
    KeyKind("PKIX_RSA_PKCS1V15_4096_SHA256", 11, "sha256", _rsa(4096)),
    KeyKind(
        "PKIX_ECDSA_P384_SHA_384",
        12,
        "sha384",
        lambda: ec.generate_private_key(ec.SECP384R1()),
    ),
    KeyKind(
        "PKIX_ECDSA_P521_SHA_512",
        13,
        "sha512",
        lambda: ec.generate_private_key(ec.SECP521R1()),
    ),
]


@cache
def private_key(kind: KeyKind) -> Private:
    """Return the key of a kind; most are this run's."""
    return kind.make()


def spki(key: Private) -> bytes:
    """Return the public half as DER."""
    public = key.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def sign_digest(kind: KeyKind, key: Private, digest: bytes) -> bytes:
    """Return the raw signature over a digest."""
    if isinstance(key, Ed25519PrivateKey):
        return ed25519ph.sign(key.private_bytes_raw(), digest)
    prehashed = Prehashed(_HASHES[kind.hash_name])
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), prehashed)
    return key.sign(digest, ec.ECDSA(prehashed))


def certificate(
    key: Private,
    *names: x509.GeneralName,
    issuer: str | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> bytes:
    """Return a self-signed certificate that has expired long ago."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    start = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(minutes=10))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), True)
    if issuer is not None:
        text = issuer.encode()
        raw = b"\x0c" + bytes([len(text)]) + text
        builder = builder.add_extension(x509.UnrecognizedExtension(_ISSUER, raw), False)
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    algorithm = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


def b64(value: bytes) -> str:
    """Return standard base64 with its padding."""
    return base64.b64encode(value).decode()


def verifier(kind: KeyKind, der: bytes, member: str = "publicKey") -> dict[str, Any]:
    """Return the verifier of a request, and of a leaf."""
    return {"keyDetails": kind.details, member: {"rawBytes": b64(der)}}


def hashedrekord(
    artifact: bytes, kind: KeyKind = P256, cert: bytes | None = None
) -> dict[str, Any]:
    """Return a request that is right in all of its parts."""
    key, digest = private_key(kind), kind.digest(artifact)
    stated = (
        verifier(kind, spki(key))
        if cert is None
        else verifier(kind, cert, "x509Certificate")
    )
    signature = {
        "content": b64(sign_digest(kind, key, digest)),
        "verifier": stated,
    }
    return {"hashedRekordRequestV002": {"digest": b64(digest), "signature": signature}}


def leaf_of(request: dict[str, Any], kind: KeyKind = P256) -> bytes:
    """Return the leaf that a hashedrekord request becomes, by RFC 8785's own code."""
    members = request["hashedRekordRequestV002"]
    spec = {
        "data": {"algorithm": kind.algorithm, "digest": members["digest"]},
        "signature": members["signature"],
    }
    return rfc8785.dumps(
        {
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {"hashedRekordV002": spec},
        }
    )


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return what an envelope's signatures are over."""
    kind = payload_type.encode()
    return b" ".join(
        [b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload]
    )


def dsse(
    payload: bytes, *kinds: KeyKind, payload_type: str = "application/vnd.in-toto+json"
) -> dict[str, Any]:
    """Return a request with an envelope that keys of `kinds` have signed."""
    message = pre_authentication(payload_type, payload)
    signatures = [
        {"sig": b64(sign_digest(kind, private_key(kind), kind.digest(message)))}
        for kind in kinds
    ]
    envelope = {
        "payload": b64(payload),
        "payloadType": payload_type,
        "signatures": signatures,
    }
    verifiers = [verifier(kind, spki(private_key(kind))) for kind in kinds]
    return {"dsseRequestV002": {"envelope": envelope, "verifiers": verifiers}}


def body_of(request: object) -> bytes:
    """Return a request's bytes."""
    return json.dumps(request).encode()
