"""What Sigstore's clients send: signatures over digests, each by P-256."""

import base64
import hashlib
import random
from datetime import UTC, datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from benchmarks.connections import Answer
from tlogverify import VerifierKey, open_checkpoint
from tlogverify.hashing import leaf_hash
from tlogverify.lines import parse_base64
from tlogverify.merkle import verify_inclusion

_CERTIFICATE_BYTES = 2_200
"""About what Fulcio's certificates have: a request of 3.1 KB."""


class _Checkpoint(msgspec.Struct):
    envelope: str


class _Proof(msgspec.Struct, rename="camel"):
    log_index: str
    root_hash: str
    tree_size: str
    hashes: list[str]
    checkpoint: _Checkpoint


class Entry(msgspec.Struct, rename="camel"):
    """A TransparencyLogEntry, as far as it is looked at here."""

    log_index: str
    inclusion_proof: _Proof
    canonicalized_body: str


def make_requests(
    count: int, seed: int, *, certified: bool, path: str = "/api/v2/log/entries"
) -> list[bytes]:
    """Return `count` whole HTTP requests; other seeds give other entries."""
    key = ec.generate_private_key(ec.SECP256R1())
    member, der = "publicKey", _spki(key)
    if certified:
        member, der = "x509Certificate", _certificate(key)
    source = random.Random(f"rekor benchmarks {seed}")
    verifier = {
        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
        member: {"rawBytes": base64.b64encode(der).decode()},
    }
    algorithm = ec.ECDSA(Prehashed(hashes.SHA256()))
    requests: list[bytes] = []
    for _ in range(count):
        digest = hashlib.sha256(source.randbytes(32)).digest()
        signature = {"content": key.sign(digest, algorithm), "verifier": verifier}
        members = {"signature": signature, "digest": digest}
        body = msgspec.json.encode({"hashedRekordRequestV002": members})
        requests.append(
            b"POST %s HTTP/1.1\r\nHost: log\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (path.encode(), len(body), body)
        )
    return requests


def check_answers(answers: list[Answer], key: VerifierKey | None, sample: int) -> None:
    """Stop unless every entry is new and has its own index; prove `sample` of them.

    key: the log's; None where no entry is proven.
    """
    entries: list[Entry] = []
    for answer in answers:
        assert answer.status == 201, f"{answer.status}: {answer.body[:500]!r}"
        entries.append(msgspec.json.decode(answer.body, type=Entry))
    indexes = sorted(int(entry.log_index) for entry in entries)
    assert indexes == list(range(indexes[0], indexes[0] + len(entries)))
    for entry in random.Random(1).sample(entries, min(sample, len(entries))):
        proof = entry.inclusion_proof
        assert key is not None
        head = open_checkpoint(proof.checkpoint.envelope.encode(), key)
        assert str(head.size) == proof.tree_size
        leaf = leaf_hash(base64.b64decode(entry.canonicalized_body))
        path = [parse_base64("a hash", text.encode()) for text in proof.hashes]
        verify_inclusion(int(proof.log_index), head.size, leaf, path, head.root)


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    public = key.public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _certificate(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([])
    start = datetime.now(UTC)
    padding = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.2.3"), bytes(_CERTIFICATE_BYTES - 330)
    )
    builder = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(minutes=10))
        .add_extension(
            x509.SubjectAlternativeName([x509.RFC822Name("ci@example.org")]), True
        )
        .add_extension(padding, False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
